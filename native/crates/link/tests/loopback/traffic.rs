//! Messages between nodes that wish each other well (LK5, LK6, LK7).

use std::sync::Arc;
use std::thread;

use pyralog_link::{Event, Limits, LinkOptions, Links, Priority, SendError};

use crate::support::{Gate, Node, options, peer, send, two, until};

#[test]
fn messages_of_all_lengths_go_both_ways() {
    let (mut one, mut two) = two();
    let lengths = [
        0,
        1,
        100,
        65_511,
        65_519,
        65_520,
        70_000,
        1 << 20,
        9_000_000,
        32 << 20,
    ];
    for (turn, &length) in lengths.iter().enumerate() {
        let bytes: Vec<u8> = (0..length).map(|at: usize| (at * 7 + turn) as u8).collect();
        one.send(2, 5, Priority::Normal, &bytes);
        assert!(two.message(1) == (5, bytes.clone()), "{length} bytes there");
        two.send(1, 255, Priority::Normal, &bytes);
        assert!(one.message(2) == (255, bytes), "{length} bytes back");
    }
    let figures = &one.links.figures().peers[&2];
    assert!(figures.up && figures.connects == 1 && !figures.silent);
    assert_eq!(figures.sent.messages, [0, lengths.len() as u64, 0]);
    assert_eq!(figures.sent.bytes, figures.received.bytes);
    assert!(figures.sent.wire_bytes > figures.sent.bytes[1]);
    assert!(figures.since_message.is_some());
}

#[test]
fn what_is_not_taken_says_why() {
    let (one, _two) = two();
    let send = |to, channel, priority, length: usize| {
        one.links.send(to, channel, priority, vec![0; length])
    };
    assert_eq!(send(2, 0, Priority::Urgent, 1), Err(SendError::ChannelZero));
    assert_eq!(
        send(3, 1, Priority::Urgent, 1),
        Err(SendError::NotAMember(3))
    );
    assert_eq!(
        send(1, 1, Priority::Urgent, 1),
        Err(SendError::NotAMember(1))
    );
    for (priority, most) in [
        (Priority::Urgent, 1 << 20),
        (Priority::Normal, 32 << 20),
        (Priority::Bulk, 256 << 10),
    ] {
        let length = most + 1;
        let too_long = SendError::TooLong { length, most };
        assert_eq!(send(2, 1, priority, length), Err(too_long));
    }
    let lonely = Node::start(options(1, vec![peer(2, None)]));
    let answer = lonely.links.send(2, 1, Priority::Urgent, vec![1]);
    assert_eq!(answer, Err(SendError::Down(2)));
}

#[test]
fn many_threads_send_at_once() {
    const THREADS: u8 = 8;
    const EACH: u32 = 1500;
    let (one, mut two) = two();
    let links = Arc::new(one.links);
    let senders: Vec<_> = (0..THREADS)
        .map(|thread| {
            let links = Arc::clone(&links);
            thread::spawn(move || {
                for n in 0..EACH {
                    let priority = Priority::ALL[(n % 3) as usize];
                    let mut bytes = n.to_le_bytes().to_vec();
                    // Some take many Noise messages.
                    bytes.resize(
                        if n % 97 == 0 {
                            150_000
                        } else {
                            4 + n as usize % 200
                        },
                        thread,
                    );
                    send(&links, 2, thread + 1, priority, &bytes);
                }
            })
        })
        .collect();
    let mut next = vec![[0u32, 1, 2]; usize::from(THREADS)];
    for _ in 0..u32::from(THREADS) * EACH {
        let (channel, bytes) = two.message(1);
        let (n, rest) = bytes.split_first_chunk().unwrap();
        let n = u32::from_le_bytes(*n);
        assert!(
            rest.iter().all(|&byte| byte == channel - 1),
            "whole, not mixed"
        );
        let expected = &mut next[usize::from(channel) - 1][(n % 3) as usize];
        assert_eq!(n, *expected, "in order, none lost, none twice");
        *expected += 3;
    }
    for sender in senders {
        sender.join().unwrap();
    }
}

/// A node whose I/O thread waits at the gate with its first message.
fn held_up(gate: &Gate, options: LinkOptions) -> (Links, std::sync::mpsc::Receiver<u32>) {
    let (tell, came) = std::sync::mpsc::channel();
    let gate = gate.clone();
    let events = move |event| {
        if let Event::Message { bytes, .. } = event {
            gate.pass();
            let n = u32::from_le_bytes(*bytes.first_chunk().unwrap());
            let _ = tell.send(n);
        }
    };
    (Links::start(options, Box::new(events)).unwrap(), came)
}

#[test]
fn a_peer_that_stops_reading_fills_its_queue_and_nothing_else() {
    let gate = Gate::shut();
    let patient = |mut options: LinkOptions| {
        // This test lasts as long as the machine lets it; nobody is to be given up meanwhile.
        options.limits.give_up = std::time::Duration::from_mins(10);
        options
    };
    let (stuck, came) = held_up(&gate, patient(options(2, vec![peer(1, None)])));
    let mut three = Node::start(patient(options(3, vec![peer(1, None)])));
    let peers = vec![
        peer(2, Some(stuck.local_addr())),
        peer(3, Some(three.address())),
    ];
    let mut one = Node::start(patient(options(1, peers)));
    one.up(2);
    one.up(3);
    let mut accepted = 0u32;
    let mut bytes = vec![0; 1 << 20];
    // What the sockets and the queue hold: the queue's 64 MiB, and no more than the kernel takes beyond.
    let full = loop {
        bytes[..4].copy_from_slice(&accepted.to_le_bytes());
        match one.links.send(2, 1, Priority::Normal, bytes.clone()) {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted < 200, "the queue has a bound");
    };
    assert_eq!(full, SendError::Full(2));
    assert!(accepted >= 63);
    assert_eq!(one.links.figures().peers[&2].refused, [0, 1, 0]);
    // Other priorities have queues of their own, and other peers do not notice.
    assert_eq!(
        one.links.send(2, 1, Priority::Urgent, vec![0xFF; 4]),
        Ok(())
    );
    for turn in 0..50u8 {
        one.send(3, 1, Priority::Normal, &[turn]);
        assert_eq!(three.message(1), (1, vec![turn]));
        three.send(1, 1, Priority::Normal, &[turn]);
        assert_eq!(one.message(3), (1, vec![turn]));
    }
    gate.open();
    let mut order = Vec::new();
    for _ in 0..=accepted {
        order.push(
            came.recv_timeout(std::time::Duration::from_mins(1))
                .unwrap(),
        );
    }
    let urgent = order.iter().position(|&n| n == u32::MAX).unwrap();
    assert!(
        urgent < order.len() - 10,
        "the urgent one overtook what waited: {urgent}"
    );
    order.remove(urgent);
    assert_eq!(order, (0..accepted).collect::<Vec<u32>>());
}

#[test]
fn callbacks_may_send_and_close() {
    let (tell, done) = std::sync::mpsc::channel();
    let slot: Arc<std::sync::OnceLock<Links>> = Arc::default();
    let here = Arc::clone(&slot);
    let answer = move |event| {
        if let (Event::Message { bytes, .. }, Some(links)) = (event, here.get()) {
            let again = links.send(1, 1, Priority::Urgent, bytes.clone());
            if bytes == b"close" {
                links.close();
                let _ = tell.send(());
            } else {
                assert_eq!(again, Ok(()));
            }
        }
    };
    let links = Links::start(options(2, vec![peer(1, None)]), Box::new(answer)).unwrap();
    let mut one = Node::start(options(1, vec![peer(2, Some(links.local_addr()))]));
    assert!(slot.set(links).is_ok());
    one.up(2);
    one.send(2, 1, Priority::Urgent, b"echo");
    assert_eq!(one.message(2), (1, b"echo".to_vec()));
    one.send(2, 1, Priority::Urgent, b"close");
    done.recv().unwrap();
    one.down(2);
    slot.get().unwrap().close();
}

#[test]
fn a_callback_that_panics_takes_the_links_down_and_not_the_peers() {
    let panics = |event| {
        if let Event::Message { .. } = event {
            // Without the hook's output on the terminal.
            std::panic::resume_unwind(Box::new("as a test"));
        }
    };
    let links = Links::start(options(2, vec![peer(1, None)]), Box::new(panics)).unwrap();
    let mut one = Node::start(options(1, vec![peer(2, Some(links.local_addr()))]));
    one.up(2);
    one.send(2, 1, Priority::Urgent, b"x");
    one.down(2);
    until("the end", || {
        links.send(1, 1, Priority::Urgent, vec![]) == Err(SendError::Down(1))
    });
    links.close();
}

#[test]
fn limits_are_those_of_the_page() {
    let limits = Limits::default();
    assert_eq!(limits.message, [1 << 20, 32 << 20, 256 << 10]);
    assert_eq!(limits.queue, [4 << 20, 64 << 20, 4 << 20]);
    assert_eq!(limits.unauthenticated, 64);
    let ms = |duration: std::time::Duration| duration.as_millis();
    assert_eq!(
        (
            ms(limits.heartbeat),
            ms(limits.idle_heartbeat),
            ms(limits.idle_after)
        ),
        (2, 10, 100)
    );
    assert_eq!(
        (ms(limits.redial_least), ms(limits.redial_most)),
        (10, 1000)
    );
    assert_eq!((ms(limits.handshake), ms(limits.give_up)), (5000, 5000));
}
