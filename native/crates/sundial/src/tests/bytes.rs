//! Bytes that come (SD3).

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use crate::mutant::{Mutant, with};
use crate::{BadMessage, Health, Sundial, SundialOptions};

const NOW: Duration = Duration::from_secs(9);

fn started(node: u16) -> Sundial {
    let mut sundial = Sundial::new(
        SundialOptions {
            node,
            life: 5,
            seed: 1,
        },
        NOW,
    );
    sundial.members(NOW, &BTreeSet::from([1, 2, 3]));
    sundial
}

/// A message of node 2 to node 1.
fn greeting() -> Vec<u8> {
    let messages = started(2).take_messages();
    messages.into_iter().find(|(to, _)| *to == 1).unwrap().1
}

#[test]
fn a_greeting_is_what_the_page_says() {
    let mut bytes = vec![2, 0, 5, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend([0, 0]);
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.push(7);
    assert_eq!(greeting(), bytes);
}

#[test]
fn nobody_speaks_for_another() {
    let mut one = started(1);
    let refused = one.receive(NOW, 3, &greeting());
    assert_eq!(refused, Err(BadMessage::OtherSender { from: 3, named: 2 }));
    assert_eq!(one.health()[&2], Health::Silent);
    assert_eq!(
        one.receive(NOW, 9, &greeting()),
        Err(BadMessage::Stranger { from: 9 })
    );
    one.receive(NOW, 2, &greeting()).unwrap();
    assert_eq!(one.health()[&2], Health::Alive);
    let believed = with(Mutant::TrustSender, || {
        started(1).receive(NOW, 3, &greeting())
    });
    assert_eq!(believed, Ok(()));
}

#[test]
fn who_is_no_member_any_more_is_not_spoken_to() {
    let mut one = started(1);
    one.receive(NOW, 2, &greeting()).unwrap();
    one.take_messages();
    one.members(NOW, &BTreeSet::from([1, 3]));
    for ms in 0..3_000 {
        one.tick(NOW + Duration::from_millis(ms));
        let messages = one.take_messages();
        assert!(messages.iter().all(|(to, _)| *to == 3));
    }
    assert_eq!(one.health().into_keys().collect::<Vec<_>>(), [3]);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120), behind in any::<bool>()) {
        let mut one = started(1);
        one.receive(NOW, 2, &greeting()).unwrap();
        let mut message = if behind { greeting() } else { Vec::new() };
        if behind {
            // Behind the header of a message that carries news of members.
            message[12..22].copy_from_slice(&[1, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
            message[22] = 9;
        }
        message.extend(&bytes);
        let _ = one.receive(NOW, 2, &message);
        for ms in [100, 600, 2_700, 70_000] {
            one.tick(NOW + Duration::from_millis(ms));
        }
        prop_assert_eq!(one.health().len(), 2);
    }
}
