//! Splits and merges, step by step (GR6 to GR8).

use super::{SCOPE, founded, run};
use crate::{ClusterState, Code, Command, Done, KEYSPACE, KeyRange, PartitionStatus, Seal};

pub(crate) fn seal(size: u64) -> Seal {
    Seal {
        size,
        root: [size as u8; 32],
        sha256: None,
        index: size,
        epoch: 1,
    }
}

fn made(result: Result<Done, crate::Refusal>) -> Vec<u32> {
    match result.unwrap() {
        Done::Partitions { numbers } => numbers,
        other => panic!("{other:?}"),
    }
}

fn range(state: &ClusterState, number: u32) -> KeyRange {
    state.partitions()[&number].range
}

#[test]
fn a_partition_is_split_without_a_slot_being_nobodys() {
    let mut state = founded(3, 2);
    let split = Command::BeginSplit {
        partition: 1,
        cuts: Vec::new(),
    };
    assert_eq!(made(run(&mut state, &split)), [2, 3]);
    assert_eq!(made(run(&mut state, &split)), [2, 3], "asked again");
    let other = Command::BeginSplit {
        partition: 1,
        cuts: vec![KEYSPACE - 1],
    };
    assert_eq!(run(&mut state, &other).unwrap_err().code, Code::Conflict);
    assert_eq!(state.owners("notary"), [0, 1], "its parent owns the keys");
    let early = run(&mut state, &Command::Activate { partition: 2 });
    assert_eq!(
        early.unwrap_err().code,
        Code::Conflict,
        "its parent has no end yet"
    );
    let sealed = |size| Command::Sealed {
        partition: 1,
        seal: seal(size),
    };
    run(&mut state, &sealed(9)).unwrap();
    run(&mut state, &sealed(9)).unwrap();
    assert_eq!(
        run(&mut state, &sealed(8)).unwrap_err().code,
        Code::Conflict
    );
    run(&mut state, &Command::Activate { partition: 2 }).unwrap();
    assert_eq!(state.owners("notary"), [0, 1], "its sibling is not ready");
    run(&mut state, &Command::Activate { partition: 3 }).unwrap();
    assert_eq!(state.owners("notary"), [0, 2, 3]);
    assert_eq!(state.partitions()[&1].status, PartitionStatus::Retired);
    assert_eq!(
        state.partitions()[&1].seal,
        Some(seal(9)),
        "what its successors commit to"
    );
    assert_eq!(
        range(&state, 2),
        KeyRange {
            from: KEYSPACE / 2,
            to: KEYSPACE / 4 * 3
        }
    );
    assert_eq!(state.partitions()[&3].origin, format!("{SCOPE}/notary/3"));
    assert_eq!(state.partitions()[&3].generation, 2);
    assert_eq!(state.owner_of("notary", u32::MAX), Some(3));
    assert_eq!(state.owner_of("notary", 0), Some(0));
    assert_eq!(
        run(&mut state, &split).map(|_| ()),
        Ok(()),
        "the first one's answer stands"
    );
}

#[test]
fn neighbours_become_one() {
    let mut state = founded(3, 3);
    for (left, right) in [(1, 0), (0, 2), (1, 1), (2, 9)] {
        assert!(run(&mut state, &Command::BeginMerge { left, right }).is_err());
    }
    let merge = Command::BeginMerge { left: 0, right: 1 };
    assert_eq!(made(run(&mut state, &merge)), [3]);
    assert_eq!(made(run(&mut state, &merge)), [3]);
    let overlapping = Command::BeginMerge { left: 1, right: 2 };
    assert_eq!(
        run(&mut state, &overlapping).unwrap_err().code,
        Code::Conflict
    );
    for partition in [0, 1] {
        let early = run(&mut state, &Command::Activate { partition: 3 });
        assert_eq!(early.unwrap_err().code, Code::Conflict);
        run(
            &mut state,
            &Command::Sealed {
                partition,
                seal: seal(5),
            },
        )
        .unwrap();
    }
    run(&mut state, &Command::Activate { partition: 3 }).unwrap();
    assert_eq!(state.owners("notary"), [3, 2]);
    assert_eq!(range(&state, 3).from, 0);
    assert_eq!(
        made(run(&mut state, &merge)),
        [3],
        "long over, and still answered alike"
    );
}

#[test]
fn cuts_outside_are_refused() {
    let mut state = founded(3, 2);
    let half = KEYSPACE / 2;
    for cuts in [
        vec![half],
        vec![half + 2, half + 1],
        vec![u64::MAX],
        vec![0],
        (1..=16).collect(),
    ] {
        let split = Command::BeginSplit {
            partition: 0,
            cuts: cuts.clone(),
        };
        assert_eq!(
            run(&mut state, &split).unwrap_err().code,
            Code::Invalid,
            "{cuts:?}"
        );
    }
    let split = Command::BeginSplit {
        partition: 0,
        cuts: (1..=15).collect(),
    };
    assert_eq!(made(run(&mut state, &split)).len(), 16);
}

#[test]
fn a_log_is_made_once() {
    let mut state = founded(3, 2);
    let create = |partitions| Command::CreateLog {
        name: "audit".to_owned(),
        partitions,
        acknowledgement: crate::Acknowledgement::All,
    };
    assert_eq!(made(run(&mut state, &create(3))), [2, 3, 4]);
    assert_eq!(made(run(&mut state, &create(3))), [2, 3, 4]);
    assert_eq!(
        run(&mut state, &create(4)).unwrap_err().code,
        Code::Conflict
    );
    assert_eq!(state.partitions()[&4].range.to, KEYSPACE);
}
