//! Tests that need to see inside: any commands in any order, bytes of any kind, mutants.

mod any;
mod at_rest;
mod bytes;
mod consumers;
mod fleet;
mod locks;
mod members;
mod mutants;
mod placement;
mod planning;
mod reshape;
mod rules;

use crate::{
    Acknowledgement, At, ClusterState, Command, Done, Founding, Labels, NewMember, NewPartition,
    Outcome, Refusal, Replication,
};

pub(crate) const SCOPE: &str = "pyralog/devnet-0aa3e02fbfbc72f1/local";
/// When tests begin, in Unix milliseconds.
pub(crate) const BEGIN_MS: u64 = 1_790_000_000_000;

pub(crate) fn member(number: u16) -> NewMember {
    let mut key = [0; 32];
    key[..2].copy_from_slice(&number.to_le_bytes());
    NewMember {
        number,
        name: format!("node-{number}"),
        address: format!("10.0.0.1:{}", 7_000 + number),
        tunnel: key,
        cosigner_name: format!("{SCOPE}/node-{number}"),
        cosigner: key,
        rpc: String::new(),
        labels: Labels::default(),
        weight: 100,
    }
}

pub(crate) fn founding(members: u16, partitions: u32) -> Founding {
    let partition = |number| NewPartition {
        number,
        log: "notary".to_owned(),
        voters: (1..=members.min(3)).collect(),
    };
    Founding {
        id: [7; 32],
        scope: SCOPE.to_owned(),
        members: (1..=members).map(member).collect(),
        partitions: (0..partitions).map(partition).collect(),
        acknowledgement: Acknowledgement::Majority,
        replication: Replication {
            voters: 3,
            faults: 0,
        },
    }
}

pub(crate) fn founded(members: u16, partitions: u32) -> ClusterState {
    ClusterState::found(&founding(members, partitions)).unwrap()
}

/// The next entry, some time after the one before.
pub(crate) fn later(state: &ClusterState, ms: u64) -> At {
    let before = state.at();
    At {
        index: before.index + 1,
        epoch: before.epoch.max(1),
        time_ms: before.time_ms.max(BEGIN_MS) + ms,
    }
}

/// Applies a command a millisecond after the one before.
pub(crate) fn run(state: &mut ClusterState, command: &Command) -> Result<Done, Refusal> {
    run_after(state, 1, command)
}

pub(crate) fn run_after(
    state: &mut ClusterState,
    ms: u64,
    command: &Command,
) -> Result<Done, Refusal> {
    let at = later(state, ms);
    let outcome = state.apply(at, &command.encode());
    assert_eq!(state.consistent(), Ok(()), "after {command:?}");
    let bytes = outcome.encode();
    assert_eq!(Outcome::decode(&bytes).as_ref(), Some(&outcome));
    outcome.result()
}

/// Histories to try: so many, or as many as `RUNS` says.
pub(crate) fn runs(usual: u32) -> u32 {
    let asked = std::env::var("RUNS").ok();
    asked.and_then(|runs| runs.parse().ok()).unwrap_or(usual)
}
