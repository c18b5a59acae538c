//! Queues, their order and their bounds (LK6, LK7).

use super::ends::established;
use super::frames::receive;
use crate::mutant::{Mutant, with};
use crate::options::{Limits, Priority};
use crate::outbox::{Full, Outbox};
use crate::piece::{Inbox, PLAIN_MOST, Received};

fn outbox() -> Outbox {
    Outbox::new(Limits::default().queue)
}

/// Noise messages until a message of that priority has left whole.
fn fills_until(outbox: &mut Outbox, priority: Priority) -> Option<usize> {
    let mut plain = Vec::new();
    (1..2000).find(|_| {
        let mut left = false;
        outbox.fill(&mut plain, |sent, _, _| left |= sent == priority);
        assert!(plain.len() <= PLAIN_MOST);
        left
    })
}

#[test]
fn urgent_overtakes_an_append_that_is_on_its_way() {
    let run = || {
        let mut outbox = outbox();
        outbox.push(Priority::Normal, 1, vec![1; 17 << 20]).unwrap();
        outbox.fill(&mut Vec::new(), |_, _, _| {});
        outbox.push(Priority::Urgent, 2, vec![2; 100]).unwrap();
        fills_until(&mut outbox, Priority::Urgent)
    };
    assert_eq!(run(), Some(1));
    assert!(with(Mutant::NormalFirst, run).is_none_or(|fills| fills > 100));
}

#[test]
fn bulk_has_its_turn_among_appends() {
    let run = || {
        let mut outbox = outbox();
        outbox.push(Priority::Bulk, 1, vec![1; 256 << 10]).unwrap();
        let mut left = false;
        for _ in 0..200 {
            // Appends without end.
            while outbox.push(Priority::Normal, 2, vec![2; 1 << 20]).is_ok() {}
            outbox.fill(&mut Vec::new(), |priority, _, _| {
                left |= priority == Priority::Bulk;
            });
        }
        left
    };
    assert!(run());
    assert!(!with(Mutant::StarveBulk, run));
}

#[test]
fn queues_are_bounded_one_by_one() {
    let fill = |length: usize| {
        let mut outbox = outbox();
        Priority::ALL.map(|priority| {
            let accepted = (0..3_000_000)
                .take_while(|_| outbox.push(priority, 1, vec![0; length]).is_ok())
                .count();
            // The others are not hindered.
            assert_eq!(outbox.push(priority, 1, vec![0; length]), Err(Full));
            accepted * length
        })
    };
    let [urgent, normal, bulk] = fill(100 << 10);
    assert!(urgent <= 4 << 20 && urgent > 3 << 20);
    assert!(normal <= 64 << 20 && normal > 63 << 20);
    assert!(bulk <= 4 << 20 && bulk > 3 << 20);
    // Empty messages cost memory too.
    let mut small = outbox();
    let accepted =
        (0..10_000_000).take_while(|_| small.push(Priority::Urgent, 1, Vec::new()).is_ok());
    assert!(accepted.count() <= (4 << 20) / 40);
    let mut unbounded = outbox();
    let all = with(Mutant::Unbounded, || {
        (0..100).all(|_| {
            unbounded
                .push(Priority::Urgent, 1, vec![0; 1 << 20])
                .is_ok()
        })
    });
    assert!(all, "the bound is what refuses");
}

#[test]
fn room_comes_back_when_messages_leave() {
    let mut outbox = Outbox::new([1000, 1000, 1000]);
    for _ in 0..50 {
        while outbox.push(Priority::Normal, 1, vec![0; 90]).is_ok() {}
        while !outbox.is_empty() {
            outbox.fill(&mut Vec::new(), |_, _, _| {});
        }
    }
    assert_eq!(
        outbox.push(Priority::Normal, 1, vec![0; 5000]),
        Ok(()),
        "alone it fits"
    );
    assert_eq!(outbox.push(Priority::Normal, 1, vec![0; 1]), Err(Full));
}

#[test]
fn messages_come_whole_and_in_order_of_their_priority() {
    let lengths = [
        0, 1, 2, 100, 65_510, 65_511, 65_512, 65_519, 65_520, 131_100, 250_000,
    ];
    for seed in 0..30 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut one, mut two) = established();
        let mut outbox = outbox();
        let mut sent: [Vec<(u8, Vec<u8>)>; 3] = Default::default();
        let (mut plain, mut wire) = (Vec::new(), Vec::new());
        for turn in 0..40u8 {
            for _ in 0..random.usize(0..4) {
                let priority = Priority::ALL[random.usize(0..3)];
                let length = lengths[random.usize(0..lengths.len())] + random.usize(0..3);
                let bytes = vec![turn; length];
                outbox.push(priority, turn, bytes.clone()).unwrap();
                sent[priority.index()].push((turn, bytes));
            }
            outbox.fill(&mut plain, |_, _, _| {});
            if !plain.is_empty() {
                one.sealer.seal(&one.cipher, &plain, &mut wire);
            }
        }
        while !outbox.is_empty() {
            outbox.fill(&mut plain, |_, _, _| {});
            one.sealer.seal(&one.cipher, &plain, &mut wire);
        }
        let chunk = random.usize(1..100_000);
        let came = receive(&wire, chunk, &two.cipher, &mut two.opener).unwrap();
        let mut got: [Vec<(u8, Vec<u8>)>; 3] = Default::default();
        for (priority, channel, bytes) in came {
            got[priority.index()].push((channel, bytes));
        }
        assert!(got == sent, "seed {seed}");
    }
}

#[test]
fn random_plaintexts_break_nothing() {
    let mut random = fastrand::Rng::with_seed(9);
    let most = [64, 256, 128];
    for _ in 0..50_000 {
        let mut inbox = Inbox::new(most);
        for _ in 0..random.usize(1..4) {
            let mut plain = vec![0; random.usize(0..40)];
            random.fill(&mut plain);
            if random.bool() && !plain.is_empty() {
                plain[0] &= 7;
                let zeroes = 2..plain.len().min(8);
                if zeroes.start < zeroes.end {
                    plain[zeroes].iter_mut().for_each(|byte| *byte &= 15);
                }
            }
            let mut sink = |m: Received| assert!(m.bytes.len() <= most[m.priority.index()]);
            if inbox.take(&plain, &mut sink).is_err() {
                break;
            }
        }
    }
}
