//! A node that comes back with any part of its log contradicts nothing it may have signed (P12).

use std::collections::BTreeMap;

use super::net::{Log, NETWORK, Net, Node, id_of, key, sign};
use crate::{
    BftCore, BftEffect, BftError, BftInput, BftOptions, BftStep, Signed, Validators, message_info,
};

fn fresh(number: u8, validators: &Validators, height: u64) -> BftCore {
    Node::new(number, validators, height).core
}

/// Replays; answers signatures unless the protection knows better. Gives all effects and what was signed.
fn restart(
    number: u8,
    validators: &Validators,
    (height, prefix): (u64, &[Vec<u8>]),
    protection: &BTreeMap<(Signed, u32), Vec<u8>>,
    again: &mut usize,
) -> Vec<BftEffect> {
    let mut core = fresh(number, validators, height);
    let entries = prefix.iter().map(Vec::as_slice);
    let mut step = core.replay(height, validators.clone(), entries).unwrap();
    let mut effects = Vec::new();
    loop {
        effects.append(&mut step.effects);
        let Some(request) = step.sign.take() else {
            return effects;
        };
        let slot = (request.what, request.round);
        if let Some(signed) = protection.get(&slot) {
            assert_eq!(signed, &request.bytes, "would contradict a signature");
            *again += 1;
        }
        let signature = sign(&key(number), &request.bytes);
        step = core.resume(Some(signature)).unwrap();
    }
}

/// Gives how many signatures were asked for again.
fn check(number: u8, validators: &Validators, height: u64, log: &Log) -> usize {
    let mut again = 0;
    for length in 0..=log.entries.len() {
        let durable = log.signed.iter().filter(|record| record.durable <= length);
        let protection: BTreeMap<_, _> = durable
            .map(|record| ((record.request.what, record.request.round), record))
            .map(|(slot, record)| (slot, record.request.bytes.clone()))
            .collect();
        let prefix = &log.entries[..length];
        let effects = restart(
            number,
            validators,
            (height, prefix),
            &protection,
            &mut again,
        );
        let me = key(number).verifying_key().to_bytes();
        for effect in &effects {
            let BftEffect::Publish { bytes, .. } = effect else {
                continue;
            };
            let info = message_info(bytes).unwrap();
            if info.validator.is_none_or(|validator| validator.0 != me) {
                continue;
            }
            // The signature is over the content, so equal contents are equal bytes.
            let logged = prefix.iter().filter_map(|entry| message_info(entry));
            for other in logged.filter(|other| other.validator == info.validator) {
                let one_slot = (other.kind, other.round) == (info.kind, info.round);
                assert!(!one_slot || other.id == info.id, "contradicts its own log");
            }
        }
    }
    let full = &log.entries;
    let effects = restart(
        number,
        validators,
        (height, full),
        &BTreeMap::new(),
        &mut again,
    );
    let logged_again = effects.iter().any(|effect| match effect {
        BftEffect::Wal { entry, .. } => full.contains(entry),
        _ => false,
    });
    assert!(!logged_again, "an entry was logged twice");
    if let Some(decision) = log.decision.as_ref().filter(|_| !log.synced) {
        let second = effects.iter().find_map(|effect| match effect {
            BftEffect::Decide(decision) => Some(decision),
            _ => None,
        });
        let second = second.expect("the log decides again");
        assert_eq!((second.id, second.round), (decision.id, decision.round));
    }
    again
}

#[test]
fn any_prefix_of_the_log_is_safe() {
    let mut again = 0;
    for seed in 0..8 {
        let mut net = Net::new(&[3, 2, 2, 1], seed);
        net.loss = 8 * (seed % 4);
        if seed % 2 == 1 {
            net.silent.insert(3);
        }
        net.run(8);
        for number in 0..3_u8 {
            let node = &net.nodes[usize::from(number)];
            for (height, log) in &node.logs {
                again += check(number, &net.validators, *height, log);
            }
        }
    }
    assert!(again > 100, "{again} signatures were asked for again");
}

fn first_turn(validators: &Validators, number: u8) -> u64 {
    let me = key(number).verifying_key().to_bytes();
    let mut heights = 1..1_000;
    heights
        .find(|height| validators.proposer(*height, 0).address().0 == me)
        .unwrap()
}

fn start(core: &mut BftCore, validators: &Validators, height: u64) -> BftStep {
    let input = BftInput::StartHeight {
        height,
        validators: validators.clone(),
        restart: false,
    };
    core.step(input).unwrap()
}

fn entries(step: &BftStep) -> Vec<Vec<u8>> {
    let entry = |effect: &BftEffect| match effect {
        BftEffect::Wal { entry, .. } => Some(entry.clone()),
        _ => None,
    };
    step.effects.iter().filter_map(entry).collect()
}

#[test]
fn a_logged_value_is_proposed_again_rather_than_another() {
    let validators = super::net::set(&[1, 1, 1, 1]);
    let height = first_turn(&validators, 0);
    let mut core = fresh(0, &validators, height);
    let step = start(&mut core, &validators, height);
    assert!(
        step.effects
            .contains(&BftEffect::GetValue { height, round: 0 })
    );
    let id = id_of(height, 0, 0);
    let step = core
        .step(BftInput::Propose {
            height,
            round: 0,
            id,
        })
        .unwrap();
    let asked = step.sign.clone().unwrap();
    let log = entries(&step);
    assert_eq!(log.len(), 1);

    let mut again = fresh(0, &validators, height);
    let log = log.iter().map(Vec::as_slice);
    let step = again.replay(height, validators.clone(), log).unwrap();
    assert_eq!(step.sign, Some(asked));
    assert!(
        !step
            .effects
            .contains(&BftEffect::GetValue { height, round: 0 })
    );

    let mut empty = fresh(0, &validators, height);
    let step = empty.replay(height, validators.clone(), []).unwrap();
    assert!(
        step.effects
            .contains(&BftEffect::GetValue { height, round: 0 })
    );
}

#[test]
fn a_refused_signature_is_a_lost_message() {
    let validators = super::net::set(&[1, 1, 1, 1]);
    let height = first_turn(&validators, 0);
    let mut core = fresh(0, &validators, height);
    start(&mut core, &validators, height);
    let id = id_of(height, 0, 0);
    let propose = BftInput::Propose {
        height,
        round: 0,
        id,
    };
    let step = core.step(propose.clone()).unwrap();
    assert_eq!(step.sign.unwrap().what, Signed::Proposal);
    assert_eq!(core.step(propose), Err(BftError::Suspended));
    assert_eq!(core.resume(Some([1; 64])), Err(BftError::Signature));
    assert!(core.suspended());
    let step = core.resume(None).unwrap();
    assert_eq!(step.sign, None);
    assert!(!step.effects.iter().any(|effect| matches!(
        effect,
        BftEffect::Publish { .. } | BftEffect::Wal { .. } | BftEffect::Refused { .. }
    )));
    assert_eq!(core.resume(None), Err(BftError::NotSuspended));
    let timer = crate::Timer {
        step: crate::TimerStep::Propose,
        height,
        round: 0,
    };
    let step = core.step(BftInput::Timeout(timer)).unwrap();
    assert_eq!(step.sign.unwrap().id, None, "it goes on and prevotes nil");
    core.resume(None).unwrap();
    let timer = crate::Timer {
        step: crate::TimerStep::Rebroadcast,
        ..timer
    };
    let step = core.step(BftInput::Timeout(timer)).unwrap();
    let sent = |effect: &BftEffect| matches!(effect, BftEffect::Publish { .. });
    assert!(
        !step.effects.iter().any(sent),
        "nothing unsigned is sent again"
    );
}

#[test]
fn a_log_that_is_not_ours_is_refused_and_changes_nothing() {
    let validators = super::net::set(&[1]);
    let mut core = fresh(0, &validators, 5);
    for (entry, problem) in [
        (vec![0x80], "not an entry"),
        (vec![], "not an entry"),
        (vec![0x84, 6, 0, 4, 0], "of another height"),
        (vec![0x84, 6, 3, 5, 0], "not an entry"),
    ] {
        let result = core.replay(5, validators.clone(), [entry.as_slice()]);
        assert_eq!(result, Err(BftError::WalCorrupt { index: 0, problem }));
    }
    assert!(core.replay(5, validators, []).is_ok());
}

#[test]
fn one_validator_alone_decides_and_an_observer_follows() {
    let validators = super::net::set(&[1]);
    let mut watcher = BftCore::new(BftOptions {
        network: NETWORK,
        validators: validators.clone(),
        height: 1,
        me: None,
    })
    .unwrap();
    let mut net = Net::new(&[1], 0);
    net.run(3);
    start(&mut watcher, &validators, 1);
    let decision = net.decision(1);
    let log = &net.nodes[0].logs[&1];
    for entry in &log.entries {
        if message_info(entry).is_some() {
            let step = watcher.step(BftInput::Message(entry)).unwrap();
            assert_eq!(step.sign, None);
        }
    }
    let value = crate::JudgedValue {
        height: 1,
        round: 0,
        valid_round: None,
        proposer: validators.list()[0].address(),
        id: decision.id,
        valid: true,
    };
    let step = watcher.step(BftInput::Value(value)).unwrap();
    assert!(step.effects.contains(&BftEffect::Decide(decision)));
}
