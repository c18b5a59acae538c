//! Commands as they may come, right and wrong, about few enough things that they meet.

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::member;
use crate::{
    Acknowledgement, CLUSTER_GROUP, Command, Labels, MemberChange, Planning, Reported, Seal,
    Strategy as Spread,
};

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("c"), Just("node-2"), Just("")].prop_map(str::to_owned)
}

fn log() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just("notary"), 2 => Just("other"), 1 => Just("No")].prop_map(str::to_owned)
}

fn group() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0_u32..8, 1 => Just(CLUSTER_GROUP), 1 => any::<u32>()]
}

fn nodes() -> impl Strategy<Value = BTreeSet<u16>> {
    btree_set(1_u16..9, 0..5)
}

fn ttl() -> impl Strategy<Value = u64> {
    prop_oneof![9 => 100_u64..400, 1 => Just(0)]
}

fn ack() -> impl Strategy<Value = Acknowledgement> {
    prop_oneof![Just(Acknowledgement::All), Just(Acknowledgement::Majority)]
}

fn about_members() -> BoxedStrategy<Command> {
    let number = || 0_u16..9;
    let change = (any::<bool>(), 1_u16..9, 0_u16..1_200).prop_map(|(moves, port, weight)| {
        let labels = Labels {
            zone: format!("zone-{}", port % 2),
            rack: format!("rack-{port}"),
        };
        MemberChange {
            address: moves.then(|| format!("10.0.0.1:{}", 7_000 + port)),
            weight: Some(weight),
            labels: Some(labels),
            rpc: None,
        }
    });
    let new = (number(), number()).prop_map(|(number, as_if)| {
        let mut new = member(as_if);
        new.number = number;
        Command::AddMember { member: new }
    });
    prop_oneof![
        3 => new,
        2 => number().prop_map(|number| Command::AddMember { member: member(number) }),
        2 => number().prop_map(|number| Command::ConfirmMember { number }),
        1 => (number(), change).prop_map(|(number, change)| Command::UpdateMember { number, change }),
        1 => number().prop_map(|number| Command::Drain { number }),
        1 => number().prop_map(|number| Command::Undrain { number }),
        1 => number().prop_map(|number| Command::MarkDead { number }),
        2 => number().prop_map(|number| Command::RemoveMember { number }),
    ]
    .boxed()
}

fn about_logs() -> BoxedStrategy<Command> {
    let reported = (1_u32..5, 1_u64..6, 1_u16..9, nodes(), nodes()).prop_map(
        |(epoch, index, leader, mut voters, learners)| {
            voters.insert(leader);
            let learners = learners.difference(&voters).copied().collect();
            Reported {
                epoch,
                index,
                leader,
                voters,
                learners,
            }
        },
    );
    let planning =
        (0_u64..3_000, 0_u16..4, 0_u16..4).prop_map(|(after, moves_max, width)| Planning {
            dead_after_ms: after,
            moves_max,
            scatter_width: width,
        });
    prop_oneof![
        2 => (log(), 0_u16..4, ack()).prop_map(|(name, partitions, acknowledgement)| Command::CreateLog {
            name, partitions, acknowledgement
        }),
        1 => (log(), ack()).prop_map(|(log, acknowledgement)| Command::SetAcknowledgement { log, acknowledgement }),
        1 => (0_u8..9, 0_u8..4).prop_map(|(voters, faults)| Command::SetReplication { voters, faults }),
        1 => planning.prop_map(|planning| Command::SetPlanning { planning }),
        1 => (name(), proptest::option::of(name())).prop_map(|(name, value)| Command::SetSetting { name, value }),
        3 => (group(), nodes()).prop_map(|(group, voters)| Command::Place { group, voters }),
        4 => (group(), reported).prop_map(|(group, reported)| Command::ReportReplicas { group, reported }),
    ]
    .boxed()
}

fn about_shapes() -> BoxedStrategy<Command> {
    let cuts = prop_oneof![
        2 => Just(Vec::new()),
        1 => vec(prop_oneof![Just(1_u64 << 30), Just(1 << 31), Just(3 << 30), any::<u64>()], 1..3),
    ];
    let seal = (0_u64..3, any::<bool>()).prop_map(|(size, sha256)| Seal {
        size,
        root: [size as u8; 32],
        sha256: sha256.then_some([1; 32]),
        index: size,
        epoch: 1,
    });
    prop_oneof![
        2 => (0_u32..12, cuts).prop_map(|(partition, cuts)| Command::BeginSplit { partition, cuts }),
        2 => (0_u32..12, 0_u32..12).prop_map(|(left, right)| Command::BeginMerge { left, right }),
        4 => (0_u32..12, seal).prop_map(|(partition, seal)| Command::Sealed { partition, seal }),
        6 => (0_u32..12).prop_map(|partition| Command::Activate { partition }),
    ]
    .boxed()
}

fn about_callers() -> BoxedStrategy<Command> {
    let number = || prop_oneof![1019_u16..1024, 1_u16..4];
    let fence = || 0_u64..8;
    // Mostly one lock, so that several wait for it.
    let lock = || prop_oneof![4 => Just("l".to_owned()), 1 => name()];
    prop_oneof![
        3 => (name(), ttl()).prop_map(|(holder, ttl_ms)| Command::AssignCoordinator { holder, ttl_ms }),
        1 => (number(), fence(), ttl())
            .prop_map(|(number, fence, ttl_ms)| Command::RenewCoordinator { number, fence, ttl_ms }),
        1 => (number(), fence()).prop_map(|(number, fence)| Command::ReleaseCoordinator { number, fence }),
        4 => (lock(), name(), ttl(), any::<bool>())
            .prop_map(|(lock, owner, ttl_ms, wait)| Command::AcquireLock { lock, owner, ttl_ms, wait }),
        1 => (lock(), fence(), ttl()).prop_map(|(lock, fence, ttl_ms)| Command::RenewLock { lock, fence, ttl_ms }),
        1 => (lock(), fence()).prop_map(|(lock, fence)| Command::ReleaseLock { lock, fence }),
        1 => (lock(), name()).prop_map(|(lock, owner)| Command::WithdrawLock { lock, owner }),
    ]
    .boxed()
}

fn about_consumers() -> BoxedStrategy<Command> {
    // Mostly one group, so that its members are several.
    let group = || prop_oneof![9 => Just("g"), 1 => Just("h")].prop_map(str::to_owned);
    let logs = prop_oneof![8 => Just(1), 1 => Just(2)].prop_map(|count| {
        let logs = ["notary", "other"].map(str::to_owned);
        logs.into_iter().take(count).collect::<BTreeSet<_>>()
    });
    let spread = prop_oneof![3 => Just(Spread::CooperativeSticky), 1 => Just(Spread::Range)];
    prop_oneof![
        4 => (group(), name(), logs, spread, ttl()).prop_map(|(group, consumer, logs, strategy, ttl_ms)| {
            Command::JoinConsumers { group, consumer, logs, strategy, ttl_ms }
        }),
        1 => (group(), name()).prop_map(|(group, consumer)| Command::LeaveConsumers { group, consumer }),
        3 => (group(), name(), btree_set(0_u32..8, 0..4))
            .prop_map(|(group, consumer, released)| Command::ConsumerHeartbeat { group, consumer, released }),
        3 => (group(), name(), 0_u64..5, vec((0_u32..8, 0_u64..4), 1..3))
            .prop_map(|(group, consumer, generation, offsets)| Command::CommitOffsets {
                group, consumer, generation, offsets
            }),
        1 => group().prop_map(|group| Command::ForgetConsumers { group }),
    ]
    .boxed()
}

/// Any command.
pub(crate) fn command() -> BoxedStrategy<Command> {
    prop_oneof![
        1 => Just(Command::Tick),
        3 => about_members(),
        3 => about_logs(),
        4 => about_shapes(),
        3 => about_callers(),
        4 => about_consumers(),
    ]
    .boxed()
}

/// A history: how long after the entry before, and what. Clocks of leaders differ, so time may also go back.
pub(crate) fn history(length: usize) -> impl Strategy<Value = Vec<(i64, Command)>> {
    let ms = prop_oneof![6 => 0_i64..60, 1 => 200_i64..500, 1 => -300_i64..0];
    vec((ms, command()), 1..length)
}
