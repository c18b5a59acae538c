//! Three members in one process, over real links and simulated disks.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::mpsc::Receiver;

use ed25519_dalek::SigningKey;
use pyralog_link::TransportKey;
use pyralog_log::{FaultFiles, FileLayer};

use super::{Clock, check_notes, digests, options, outcomes, propose, start, until};
use crate::cluster::Event;
use crate::cluster::cosign::body;
use crate::cluster::message::{Asked, Message};
use crate::note::NamedKey;
use crate::options::Mutant;
use crate::{
    Algorithm, Answer, ClusterOptions, ClusterStatus, Cosigner, Host, HostError, HostOptions,
    MaintenanceOptions, MemberOptions, PartitionRole, Policy, Reply, SealLimits, Wait,
};

pub(super) const MEMBERS: u16 = 3;

/// A cluster whose members can be stopped and started again.
pub(super) struct Cluster {
    pub members: Vec<MemberOptions>,
    pub disks: Vec<FaultFiles>,
    pub clock: Clock,
    pub hosts: Vec<Option<Host>>,
    pub seal: SealLimits,
    pub policy: Policy,
    pub maintenance: MaintenanceOptions,
    pub mutant: Option<Mutant>,
}

fn transport(node: u16) -> TransportKey {
    TransportKey::from_bytes([node as u8; 32])
}

fn cosigner(node: u16) -> Cosigner {
    Cosigner {
        name: format!("pyralog/test-00/local/node-{node}"),
        seed: [100 + node as u8; 32],
    }
}

fn member(node: u16, address: SocketAddr) -> MemberOptions {
    MemberOptions {
        node,
        transport: transport(node).public(),
        address: address.to_string(),
        rpc: String::new(),
        cosigner_name: cosigner(node).name,
        cosigner: SigningKey::from_bytes(&cosigner(node).seed)
            .verifying_key()
            .to_bytes(),
    }
}

impl Cluster {
    /// A node that is no member yet, with an empty disk.
    pub fn join(&mut self) -> u16 {
        let node = self.members.len() as u16 + 1;
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        self.members.push(member(node, held.local_addr().unwrap()));
        self.disks.push(FaultFiles::new(u64::from(node)));
        self.hosts.push(None);
        node
    }

    pub fn start() -> Self {
        // Held until all are known, so that none comes twice.
        let held: Vec<TcpListener> = (0..MEMBERS)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
            .collect();
        let members = (1..=MEMBERS).zip(&held);
        let members = members.map(|(node, held)| member(node, held.local_addr().unwrap()));
        let mut cluster = Self {
            members: members.collect(),
            disks: (1..=MEMBERS)
                .map(|n| FaultFiles::new(u64::from(n)))
                .collect(),
            clock: Clock::new(),
            hosts: (1..=MEMBERS).map(|_| None).collect(),
            seal: SealLimits::default(),
            policy: Policy::default(),
            maintenance: MaintenanceOptions::default(),
            mutant: None,
        };
        drop(held);
        for node in 1..=MEMBERS {
            cluster.open(node);
        }
        cluster
    }

    pub fn options(&self, node: u16) -> HostOptions {
        let own = &self.members[usize::from(node) - 1];
        let mut options = options();
        options.partitions[0].policy = self.policy.clone();
        HostOptions {
            coordinator: node,
            cosigner: cosigner(node),
            cluster: Some(ClusterOptions {
                id: [9; 32],
                node,
                transport_seed: *transport(node).as_bytes(),
                listen: own.address.parse::<SocketAddr>().unwrap(),
                members: self.members.clone(),
                founders: (1..=MEMBERS).collect(),
                cosigners: 2,
                faults: 0,
                seed: u64::from(node),
            }),
            seal: self.seal,
            maintenance: self.maintenance,
            ..options
        }
    }

    pub fn open(&mut self, node: u16) {
        self.try_open(node).unwrap();
    }

    pub fn try_open(&mut self, node: u16) -> Result<(), HostError> {
        let at = usize::from(node) - 1;
        let mut world = self.clock.world(&self.disks[at]);
        world.mutant = self.mutant;
        self.hosts[at] = Some(Host::open(world, &self.options(node))?);
        Ok(())
    }

    pub fn close(&mut self, node: u16) {
        if let Some(host) = self.hosts[usize::from(node) - 1].take() {
            host.close().unwrap();
        }
    }

    /// The power goes off: what was not synced is lost.
    pub fn crash(&mut self, node: u16) {
        let at = usize::from(node) - 1;
        self.disks[at].power_off_after(0);
        drop(self.hosts[at].take());
        self.disks[at].crash();
    }

    pub fn host(&self, node: u16) -> &Host {
        self.hosts[usize::from(node) - 1].as_ref().unwrap()
    }

    pub fn running(&self) -> impl Iterator<Item = (u16, &Host)> {
        let all = (1..).zip(&self.hosts);
        all.filter_map(|(node, host)| Some((node, host.as_ref()?)))
    }

    pub fn leader(&self) -> u16 {
        let mut leader = None;
        until(|| {
            leader = self.running().find_map(|(node, host)| {
                let leads = status(host).partitions[0].role == PartitionRole::Leader;
                leads.then_some(node)
            });
            leader.is_some()
        });
        leader.unwrap()
    }

    /// Proposes until it is taken, as a client with a way to tell duplicates does.
    pub fn propose(&self, node: u16, first: u64, count: u64, wait: Wait) -> Answer {
        let mut taken = None;
        until(
            || match propose(self.host(node), digests(first, count), wait) {
                Ok(answer) => {
                    taken = Some(answer);
                    true
                }
                Err(error) => {
                    let again = ["log/not-leader", "log/outcome-unknown", "log/overloaded"];
                    assert!(again.contains(&error.code()), "{error}");
                    false
                }
            },
        );
        taken.unwrap()
    }

    /// All members have the same records, provable.
    pub fn agree(&self, size: u64) {
        let mut roots = Vec::new();
        for (_, host) in self.running() {
            until(|| host.durable_size(0).unwrap() >= size);
            assert_eq!(host.durable_size(0).unwrap(), size);
            for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
                roots.push((algorithm as u8, host.root(0, size, algorithm).unwrap()));
                if size > 0 {
                    host.inclusion(0, (size - 1, size), algorithm).unwrap();
                }
            }
        }
        roots.sort_unstable();
        roots.dedup();
        assert_eq!(roots.len(), 2, "replicas differ");
    }
}

pub(super) fn status(host: &Host) -> ClusterStatus {
    let (send, receive) = std::sync::mpsc::channel();
    host.cluster_status(Reply::new(move |status| {
        let _ = send.send(status); // a test that is over does not listen
    }));
    receive.recv().unwrap().unwrap()
}

#[test]
fn every_member_takes_proposals_and_all_have_the_same_records() {
    let cluster = Cluster::start();
    let mut next = 0;
    for node in (1..=MEMBERS).cycle().take(12) {
        let answer = cluster.propose(node, next, 5, Wait::Durable);
        assert!(answer.durable);
        let offsets: Vec<u64> = outcomes(&answer).iter().map(|o| o.offset).collect();
        assert_eq!(offsets, (next..next + 5).collect::<Vec<_>>());
        next += 5;
    }
    cluster.agree(next);
}

#[test]
fn a_checkpoint_has_the_signatures_of_a_majority_wherever_it_is_waited_for() {
    let cluster = Cluster::start();
    for (node, first) in (1..=MEMBERS).zip([0, 10, 20]) {
        let answer = cluster.propose(node, first, 10, Wait::Checkpoint { paths: true });
        let checkpoint = answer.checkpoint.unwrap();
        let signers = checkpoint
            .note
            .lines()
            .filter(|line| line.starts_with('\u{2014}'));
        assert!(signers.count() >= 2, "{}", checkpoint.note);
        assert!(checkpoint.size >= first + 10);
        assert!(answer.paths.is_some());
        check_notes(
            cluster.host(cluster.leader()),
            std::slice::from_ref(&checkpoint.note),
        )
        .unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_leaders_lose_their_power() {
    let mut cluster = Cluster::start();
    let mut next = 0;
    for _round in 0..5 {
        for node in 1..=MEMBERS {
            cluster.propose(node, next, 7, Wait::Durable);
            next += 7;
        }
        let leader = cluster.leader();
        let other = leader % MEMBERS + 1;
        // On its way when the power goes: taken or not, and never twice.
        let waiting = start(cluster.host(leader), digests(next, 3), Wait::Durable);
        cluster.crash(leader);
        let _unknown = waiting.recv().unwrap();
        cluster.propose(other, next, 3, Wait::Durable);
        next += 3;
        cluster.open(leader);
    }
    cluster.agree(next);
}

#[test]
fn without_a_majority_nothing_is_acknowledged() {
    let mut cluster = Cluster::start();
    cluster.propose(1, 0, 4, Wait::Durable);
    let leader = cluster.leader();
    for node in (1..=MEMBERS).filter(|node| *node != leader) {
        cluster.close(node);
    }
    let refused = propose(cluster.host(leader), digests(10, 1), Wait::Durable).unwrap_err();
    assert!(
        ["log/not-leader", "log/outcome-unknown"].contains(&refused.code()),
        "{refused}"
    );
    for node in (1..=MEMBERS).filter(|node| *node != leader) {
        cluster.open(node);
    }
    cluster.propose(leader, 10, 1, Wait::Durable);
    cluster.agree(5);
}

#[test]
fn policy_all_answers_once_every_voter_has_it() {
    let mut cluster = Cluster::start();
    for node in 1..=MEMBERS {
        let first = u64::from(node) * 10;
        let answer = cluster.propose(node, first, 2, Wait::AllCheckpoint { paths: true });
        assert!(answer.checkpoint.is_some() && answer.paths.is_some());
    }
    let leader = cluster.leader();
    let away = leader % MEMBERS + 1;
    let other = away % MEMBERS + 1;
    cluster.close(away);
    // Asked of the leader, and handed on to it.
    let waiting = [leader, other].map(|node| {
        let first = 100 + u64::from(node);
        start(cluster.host(node), digests(first, 1), Wait::AllDurable)
    });
    // A majority has these, and those before them, by now.
    cluster.propose(leader, 200, 1, Wait::Durable);
    cluster.propose(other, 201, 1, Wait::Durable);
    let early: Vec<_> = waiting.iter().map(Receiver::try_recv).collect();
    for answer in &early {
        // Where the lead changed hands, nobody can say.
        assert!(
            !matches!(answer, Ok(Ok(_))),
            "answered though {away} is away"
        );
    }
    cluster.open(away);
    for (answer, early) in waiting.iter().zip(early) {
        let late = || answer.recv_timeout(std::time::Duration::from_mins(1));
        // On a slow machine the patience may be over before the member is back.
        match early.or_else(|_| late()).unwrap() {
            Ok(answer) => assert!(answer.durable),
            Err(unknown) => assert_eq!(unknown.code(), "log/outcome-unknown"),
        }
    }
    for node in [leader, other] {
        cluster.propose(node, 100 + u64::from(node), 1, Wait::AllDurable);
    }
    cluster.agree(10);
}

#[test]
fn a_member_that_was_away_catches_up() {
    let mut cluster = Cluster::start();
    let leader = cluster.leader();
    let away = leader % MEMBERS + 1;
    cluster.close(away);
    for first in 0..50 {
        cluster.propose(leader, first * 20, 20, Wait::Durable);
    }
    cluster.open(away);
    cluster.agree(1_000);
}

#[test]
fn reads_by_index_see_what_was_acknowledged_before() {
    let cluster = Cluster::start();
    for round in 0..10 {
        cluster.propose(1, round * 3, 3, Wait::Durable);
        for (_, host) in cluster.running() {
            let mut size = 0;
            until(|| {
                let (send, receive) = std::sync::mpsc::channel();
                host.read_index(
                    0,
                    Reply::new(move |read: Result<u64, HostError>| {
                        let _ = send.send(read); // as above
                    }),
                );
                let read = receive.recv().unwrap();
                size = read.as_ref().copied().unwrap_or(0);
                read.is_ok()
            });
            assert_eq!(size, round * 3 + 3);
        }
    }
}

#[test]
fn calls_handed_to_a_leader_that_stands_still_are_answered_when_another_leads() {
    let cluster = Cluster::start();
    cluster.propose(1, 0, 4, Wait::Durable);
    let leader = cluster.leader();
    let other = leader % MEMBERS + 1;
    // Its links live, and nobody answers.
    let (go_on, stands_still) = std::sync::mpsc::channel::<()>();
    let inbox = cluster.host(leader).shared.inbox.clone().unwrap();
    inbox.event(Event::Ask(Box::new(move |_| {
        let _ = stands_still.recv(); // ends with the test
    })));
    let handed_on = start(cluster.host(other), digests(10, 1), Wait::Durable);
    let told = handed_on.recv_timeout(std::time::Duration::from_mins(1));
    let refused = told.unwrap().unwrap_err();
    assert_eq!(refused.code(), "log/outcome-unknown", "{refused}");
    assert!(
        refused.to_string().contains("leads the partition now"),
        "{refused}"
    );
    drop(go_on);
    cluster.propose(other, 10, 1, Wait::Durable);
    cluster.agree(5);
}

#[test]
fn a_wiped_disk_does_not_come_back_under_its_old_number() {
    let mut cluster = Cluster::start();
    cluster.propose(1, 0, 4, Wait::Durable);
    let leader = cluster.leader();
    let wiped = leader % MEMBERS + 1;
    cluster.close(wiped);
    cluster.disks[usize::from(wiped) - 1] = FaultFiles::new(77);
    cluster.open(wiped);
    // The others go on without it.
    cluster.propose(leader, 4, 4, Wait::Durable);
    assert_eq!(cluster.host(wiped).durable_size(0).unwrap(), 0);
    let up = status(cluster.host(leader)).peers;
    assert!(up.iter().any(|peer| peer.node == wiped && !peer.up));
}

#[test]
fn a_member_is_not_opened_alone_but_to_be_looked_at() {
    let mut cluster = Cluster::start();
    cluster.propose(1, 0, 4, Wait::Durable);
    cluster.agree(4);
    cluster.close(1);
    let alone = HostOptions {
        cluster: None,
        ..cluster.options(1)
    };
    let world = cluster.clock.world(&cluster.disks[0]);
    let refused = Host::open(world, &alone).err().unwrap();
    assert_eq!(refused.code(), "storage/format");
    assert!(refused.to_string().contains("cluster.members"), "{refused}");

    let looked_at = HostOptions {
        offline: true,
        ..alone
    };
    let world = cluster.clock.world(&cluster.disks[0]);
    let host = Host::open(world, &looked_at).unwrap();
    assert_eq!(host.durable_size(0).unwrap(), 4);
    host.inclusion(0, (3, 4), Algorithm::Blake3).unwrap();
    host.close().unwrap();
    cluster.open(1);
    cluster.propose(1, 4, 4, Wait::Durable);
    cluster.agree(8);
}

#[test]
fn replicas_seal_the_same_segments_and_let_their_logs_go() {
    let mut cluster = Cluster::start();
    cluster.seal = super::sealing().seal;
    for node in 1..=MEMBERS {
        cluster.close(node);
    }
    for node in 1..=MEMBERS {
        cluster.open(node);
    }
    for first in 0..40 {
        cluster.propose(1, first * 10, 10, Wait::Durable);
    }
    cluster.agree(400);
    let disks = cluster.disks.clone();
    let files = |node: u16| {
        let disk = &disks[usize::from(node) - 1];
        let mut names = disk.list(Path::new("/store/segments")).unwrap();
        names.sort();
        let read = names.iter().map(|name| {
            let path = Path::new("/store/segments").join(name);
            (name.clone(), blake3::hash(&disk.content(&path).unwrap()))
        });
        read.collect::<Vec<_>>()
    };
    // Files that are being written change their names meanwhile.
    let count = |disk: &FaultFiles| disk.list(Path::new("/store/segments")).unwrap().len();
    until(|| disks.iter().all(|disk| count(disk) >= 18));
    for node in 1..=MEMBERS {
        cluster.close(node);
    }
    assert_eq!(files(1), files(2));
    assert_eq!(files(2), files(3));
    for node in 1..=MEMBERS {
        cluster.open(node);
    }
    cluster.propose(2, 400, 10, Wait::Durable);
    cluster.agree(410);
}

#[test]
fn a_signed_checkpoint_that_contradicts_the_log_is_kept_and_never_shown() {
    let cluster = Cluster::start();
    cluster.propose(1, 0, 4, Wait::Checkpoint { paths: false });
    cluster.agree(4);
    let leader = cluster.leader();
    let other = leader % MEMBERS + 1;
    let forged = Asked {
        partition: 0,
        epoch: 9,
        size: 3,
        time_ms: super::START_MS,
        root: [7; 32],
        sha256_root: Some([8; 32]),
    };
    let sign = |asked: &Asked, node: u16| {
        let cosigner = cosigner(node);
        let key = NamedKey::cosigner(&cosigner.name, &cosigner.seed);
        body(&options().partitions[0].origin, asked).signature(&key)
    };
    let show = |asked: &Asked, signatures: Vec<(u16, [u8; 64])>| {
        let asked = asked.clone();
        let bytes = Message::Checkpoint { asked, signatures }.encode();
        let inbox = cluster.host(other).shared.inbox.clone().unwrap();
        inbox.event(Event::Host {
            peer: leader,
            bytes,
        });
    };
    let evidence = || cluster.disks[usize::from(other) - 1].list(Path::new("/store/evidence"));
    let problem = || status(cluster.host(other)).partitions[0].problem.clone();

    // Too few keys, one key twice, a signature over something else: nothing to believe, and no evidence.
    show(&forged, vec![(1, sign(&forged, 1))]);
    show(&forged, vec![(1, sign(&forged, 1)), (1, sign(&forged, 1))]);
    show(&forged, vec![(1, sign(&forged, 1)), (2, sign(&forged, 3))]);
    assert_eq!(problem(), None);
    assert!(evidence().unwrap().is_empty());

    show(&forged, vec![(1, sign(&forged, 1)), (2, sign(&forged, 2))]);
    assert!(problem().unwrap().contains("contradicts"));
    assert_eq!(evidence().unwrap().len(), 1);
    let shown = cluster.host(other).checkpoint(0).unwrap().unwrap();
    check_notes(cluster.host(leader), std::slice::from_ref(&shown.note)).unwrap();
}
