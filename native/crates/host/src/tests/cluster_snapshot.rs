//! Replicas that were away for so long that the leader has let their entries go (RF15).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pyralog_log::{FaultFiles, FileLayer};

use super::cluster::{Cluster, MEMBERS, status};
use super::{outcomes, until};
use crate::options::Mutant;
use crate::shared::Counters;
use crate::{Host, MaintenanceOptions, Policy, Reply, Wait};

/// Records between two seal points.
const ROWS: u64 = 40;
const SEGMENTS: &str = "/store/segments";
const SNAPSHOTS: &str = "/store/snapshots";
/// More than a disk ever has here.
const ROOM: u64 = 1 << 40;

/// A cluster with small segments, the leader, and a member that is down.
struct Behind {
    cluster: Cluster,
    leader: u16,
    away: u16,
    /// Records so far.
    size: u64,
}

impl Behind {
    fn of(mut cluster: Cluster, seal_points: u64) -> Self {
        cluster.seal = super::sealing().seal;
        for node in 1..=MEMBERS {
            cluster.close(node);
        }
        for node in 1..=MEMBERS {
            cluster.open(node);
        }
        let leader = cluster.leader();
        let away = leader % MEMBERS + 1;
        let mut behind = Self {
            cluster,
            leader,
            away,
            size: 0,
        };
        behind.write(25);
        behind.cluster.agree(behind.size);
        behind.cluster.close(away);
        behind.seal(seal_points);
        behind
    }

    fn write(&mut self, count: u64) {
        self.leader = self.cluster.leader();
        self.cluster
            .propose(self.leader, self.size, count, Wait::Durable);
        self.size += count;
    }

    /// So many seal points more, sealed by all members that run.
    fn seal(&mut self, seal_points: u64) {
        for _ in 0..seal_points * 4 {
            self.write(ROWS / 4);
        }
        let size = self.size;
        let sealed = |host: &Host| host.shared.segments.end(0) + ROWS > size;
        let all = self.cluster.running();
        all.for_each(|(_, host)| until(|| sealed(host)));
    }

    fn disk(&self, node: u16) -> FaultFiles {
        self.cluster.disks[usize::from(node) - 1].clone()
    }

    fn host(&self) -> &Host {
        self.cluster.host(self.away)
    }

    /// The member that was away has everything, and is well.
    fn is_up(&self) {
        self.cluster.agree(self.size);
        until(|| problem(self.host()).is_none());
    }

    /// Its sealed files are those of the leader, byte for byte.
    fn is_same(&self) {
        let of = |node| sealed(&self.disk(node), self.cluster.host(node));
        until(|| {
            let ends =
                [self.away, self.leader].map(|n| self.cluster.host(n).shared.segments.end(0));
            ends[0] == ends[1]
        });
        assert_eq!(of(self.away), of(self.leader));
    }

    /// What came and was not taken over.
    fn left_over(&self) -> Vec<String> {
        let disk = self.disk(self.away);
        let mut names = disk.list(Path::new(SEGMENTS)).unwrap();
        names.extend(disk.list(Path::new(SNAPSHOTS)).unwrap());
        names.retain(|name| name.starts_with("in-"));
        names
    }

    /// Bytes of the files that a replica with nothing needs.
    fn bytes_of_leader(&self) -> u64 {
        let segments = self.cluster.host(self.leader).shared.segments.of(0);
        let segments: u64 = segments.iter().map(|s| s.meta.arrow_bytes).sum();
        let disk = self.disk(self.leader);
        let names = disk.list(Path::new(SNAPSHOTS)).unwrap();
        let seen = names.iter().filter(|name| !name.contains("point"));
        let lengths = seen.map(|name| {
            disk.content(&Path::new(SNAPSHOTS).join(name))
                .unwrap()
                .len()
        });
        segments + lengths.sum::<usize>() as u64
    }

    /// Whether the manifest of the member that is away names more than its log knows of.
    fn is_ahead_of_its_log(&self) -> bool {
        let (disk, copy) = (self.disk(self.away), FaultFiles::new(1));
        for dir in ["wal", "manifest", "segments", "snapshots"] {
            let dir = Path::new("/store").join(dir);
            copy.create_dir(&dir).unwrap();
            for name in disk.list(&dir).unwrap() {
                let path = dir.join(name);
                copy.plant(&path, disk.content(&path).unwrap());
            }
        }
        let files: std::sync::Arc<dyn FileLayer> = std::sync::Arc::new(copy);
        let options = pyralog_log::WalOptions {
            file_bytes: 128 << 10,
        };
        let store = Path::new("/store");
        let Ok(log) = pyralog_log::WalLogStore::open(files.clone(), store, &options) else {
            return false;
        };
        let segments = crate::segments::Segments::open(&files, store, log.store_id).unwrap();
        let newest = segments.snapshots(0).unwrap().last().map(|s| s.log_index);
        let last = log.reader.state(0).map_or(0, |state| state.last_index);
        newest.is_some_and(|newest| newest > last)
    }

    /// Lets the disk of the member that is away take so many bytes more.
    fn leave_room(&self, bytes: u64) {
        let disk = self.disk(self.away);
        disk.set_capacity(ROOM);
        let used = ROOM - disk.free_bytes(Path::new("/store")).unwrap();
        disk.set_capacity(used + bytes);
    }
}

fn problem(host: &Host) -> Option<String> {
    status(host).partitions[0].problem.clone()
}

fn counted(host: &Host) -> (u64, u64, u64) {
    let Counters {
        snapshots_taken,
        snapshot_bytes,
        snapshot_files_refused,
        ..
    } = &host.shared.counters;
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    (
        load(snapshots_taken),
        load(snapshot_bytes),
        load(snapshot_files_refused),
    )
}

/// Files of the manifest's newest version by offset, and the submissions of the newest seal point.
fn sealed(disk: &FaultFiles, host: &Host) -> BTreeMap<String, blake3::Hash> {
    let mut files = BTreeMap::new();
    let segments = host.shared.segments.of(0);
    for segment in &segments {
        for name in segment.meta.files(&segment.name()) {
            let bytes = disk.content(&Path::new(SEGMENTS).join(&name)).unwrap();
            let ending = name.split_once('.').unwrap().1;
            let key = format!("{} {ending}", segment.meta.base_offset);
            files.insert(key, blake3::hash(&bytes));
        }
    }
    let end = segments.last().unwrap().meta.end_offset;
    let path = Path::new(SNAPSHOTS).join(format!("00000000-{end:016x}.seen"));
    files.insert(
        "seen".to_owned(),
        blake3::hash(&disk.content(&path).unwrap()),
    );
    files
}

fn transfer(host: &Host, to: u16) {
    until(|| {
        let (send, receive) = std::sync::mpsc::channel();
        host.transfer(
            0,
            to,
            Reply::new(move |done: Result<(), _>| {
                let _ = send.send(done); // a test that is over does not listen
            }),
        );
        receive.recv().unwrap().is_ok()
    });
}

#[test]
fn a_replica_that_was_away_for_long_gets_the_sealed_files() {
    let mut behind = Behind::of(Cluster::start(), 5);
    let away = behind.away;
    behind.cluster.open(away);
    behind.is_up();
    assert_eq!(counted(behind.host()).0, 1);
    assert_eq!(behind.left_over(), Vec::<String>::new());
    behind.is_same();

    // It goes on as the others do, from the log.
    behind.seal(2);
    behind.is_up();
    behind.is_same();
    assert_eq!(counted(behind.host()).0, 1);

    // It leads, and knows what was submitted while it was away.
    transfer(behind.cluster.host(behind.leader), away);
    until(|| behind.cluster.leader() == away);
    let answer = behind.cluster.propose(away, 30, 5, Wait::Durable);
    let offsets: Vec<u64> = outcomes(&answer).iter().map(|o| o.offset).collect();
    assert_eq!(offsets, (30..35).collect::<Vec<_>>());

    for node in 1..=MEMBERS {
        behind.cluster.close(node);
    }
    for node in 1..=MEMBERS {
        behind.cluster.open(node);
    }
    behind.write(7);
    behind.is_up();
    behind.is_same();
}

#[test]
fn a_full_disk_and_a_restart_cost_no_byte_twice() {
    let mut behind = Behind::of(Cluster::start(), 8);
    let away = behind.away;
    behind.cluster.open(away);
    behind.leave_room(9_000);
    let mut came = 0;
    until(|| {
        came = counted(behind.host()).1;
        let said = problem(behind.host()).unwrap_or_default();
        said.contains("no room")
    });
    assert!(came > 0);
    assert_eq!(counted(behind.host()).0, 0);
    // What came is kept through a restart: of all bytes none is fetched again.
    let first_life = std::sync::Arc::clone(&behind.host().shared);
    behind.disk(away).set_capacity(u64::MAX);
    behind.cluster.close(away);
    let came = first_life.counters.snapshot_bytes.load(Ordering::Relaxed);
    drop(first_life);
    behind.cluster.open(away);
    behind.is_up();
    let (_, again, refused) = counted(behind.host());
    assert_eq!(came + again, behind.bytes_of_leader());
    assert_eq!(refused, 0);
    assert_eq!(behind.left_over(), Vec::<String>::new());
}

#[test]
fn a_link_that_breaks_and_a_leader_that_dies_hold_it_up_and_no_more() {
    let mut behind = Behind::of(Cluster::start(), 8);
    let (away, leader) = (behind.away, behind.leader);
    behind.cluster.open(away);
    behind.leave_room(6_000);
    until(|| problem(behind.host()).is_some_and(|said| said.contains("no room")));
    let came = counted(behind.host()).1;
    let inbox = behind.host().shared.inbox.clone().unwrap();
    inbox.event(crate::cluster::Event::Ask(Box::new(move |driving| {
        driving.links.end(leader, "a test");
    })));
    behind.leave_room(3_000);
    until(|| counted(behind.host()).1 > came);
    // Another leads, which has the same files.
    behind.cluster.crash(leader);
    behind.disk(away).set_capacity(u64::MAX);
    behind.leader = behind.cluster.leader();
    behind.is_up();
    let (taken, came, refused) = counted(behind.host());
    assert_eq!((taken, came, refused), (1, behind.bytes_of_leader(), 0));
    behind.cluster.open(leader);
    behind.write(5);
    behind.is_up();
}

#[test]
fn the_log_of_the_leader_waits_for_whoever_fetches() {
    let mut behind = Behind::of(Cluster::start(), 5);
    let away = behind.away;
    behind.cluster.open(away);
    behind.leave_room(6_000);
    until(|| problem(behind.host()).is_some_and(|said| said.contains("no room")));
    for _ in 0..3 * ROWS / 10 {
        behind.write(10);
    }
    let (leader, size) = (behind.leader, behind.size);
    until(|| behind.cluster.host(leader).shared.segments.end(0) + ROWS > size);
    behind.disk(away).set_capacity(u64::MAX);
    behind.is_up();
    // What came behind the snapshot came from the log: one was enough.
    assert_eq!(counted(behind.host()).0, 1);
    behind.is_same();
}

#[test]
fn a_damaged_file_is_fetched_again_and_never_taken_over() {
    let mut behind = Behind::of(Cluster::start(), 5);
    let (away, leader) = (behind.away, behind.leader);
    let disk = behind.disk(leader);
    let victim = behind.cluster.host(leader).shared.segments.of(0)[3].clone();
    let [name, _] = victim.meta.files(&victim.name());
    let path = Path::new(SEGMENTS).join(name);
    disk.flip_bit(&path, 700, 3);
    behind.cluster.open(away);
    until(|| problem(behind.host()).is_some_and(|said| said.contains("never was what")));
    assert!(counted(behind.host()).2 >= 3);
    assert_eq!(counted(behind.host()).0, 0);
    assert_eq!(behind.host().shared.segments.end(0), 0);
    disk.flip_bit(&path, 700, 3);
    behind.is_up();
    assert_eq!(counted(behind.host()).0, 1);
}

#[test]
fn files_that_somebody_fetches_stay_though_they_age() {
    let mut cluster = Cluster::start();
    cluster.policy = Policy {
        cold_after_ms: Some(3_600_000),
        ..Policy::default()
    };
    cluster.maintenance = MaintenanceOptions {
        on: true,
        tick: Duration::from_millis(5),
        bytes_per_second: 0,
    };
    let mut behind = Behind::of(cluster, 6);
    let away = behind.away;
    behind.cluster.open(away);
    behind.leave_room(6_000);
    until(|| problem(behind.host()).is_some_and(|said| said.contains("no room")));
    let cold = |behind: &Behind| {
        let segments = behind.cluster.host(behind.leader).shared.segments.of(0);
        let cold = |meta: &pyralog_segment::SegmentMeta| meta.kind == pyralog_segment::Kind::Cold;
        segments.iter().filter(|s| cold(&s.meta)).count()
    };
    assert_eq!(cold(&behind), 0);
    behind
        .cluster
        .clock
        .0
        .fetch_add(3_600_000, Ordering::Relaxed);
    until(|| cold(&behind) >= 6);
    behind.disk(away).set_capacity(u64::MAX);
    behind.is_up();
    let (taken, _, refused) = counted(behind.host());
    assert_eq!((taken, refused), (1, 0));

    // And who comes later gets the cold ones.
    behind.cluster.close(away);
    behind.seal(4);
    behind
        .cluster
        .clock
        .0
        .fetch_add(3_600_000, Ordering::Relaxed);
    until(|| cold(&behind) >= 10);
    behind.cluster.open(away);
    behind.is_up();
    until(|| {
        let segments = behind.host().shared.segments.of(0);
        let cold = |s: &&std::sync::Arc<pyralog_manifest::SegmentEntry>| {
            s.meta.kind == pyralog_segment::Kind::Cold
        };
        segments.iter().filter(cold).count() >= 10
    });
}

#[test]
fn a_leader_with_a_damaged_segment_says_why_it_cannot_help() {
    let mut behind = Behind::of(Cluster::start(), 4);
    let (away, leader) = (behind.away, behind.leader);
    let segments = std::sync::Arc::clone(&behind.cluster.host(leader).shared.segments);
    let number = segments.of(0)[1].number;
    let range = segments.of(0)[1].range();
    let edit = pyralog_manifest::Edit::Quarantine {
        partition: 0,
        number,
        ranges: std::iter::once(range).collect(),
    };
    segments.manifest.commit(&[edit]).unwrap();
    behind.cluster.open(away);
    let said = |behind: &Behind| problem(behind.cluster.host(leader)).unwrap_or_default();
    until(|| said(&behind).contains("cannot give one"));
    assert!(
        said(&behind).contains("restore that file"),
        "{}",
        said(&behind)
    );
    let lift = pyralog_manifest::Edit::Lift {
        partition: 0,
        number,
    };
    segments.manifest.commit(&[lift]).unwrap();
    drop(segments);
    behind.is_up();
    until(|| problem(behind.cluster.host(leader)).is_none());
}

#[test]
fn files_that_do_not_make_the_roots_told_of_them_are_never_taken_over() {
    let mut cluster = Cluster::start();
    cluster.mutant = Some(Mutant::TellWrongRoots);
    let mut behind = Behind::of(cluster, 4);
    let away = behind.away;
    behind.cluster.open(away);
    until(|| problem(behind.host()).is_some_and(|said| said.contains("do not lead to the roots")));
    assert_eq!(behind.host().shared.segments.end(0), 0);
    assert_eq!(counted(behind.host()).0, 0);
    assert_eq!(behind.host().durable_size(0).unwrap(), 25);
}

#[test]
fn a_power_cut_between_the_edit_and_the_log_is_made_good_at_the_next_opening() {
    let mut behind = Behind::of(Cluster::start(), 3);
    let away = behind.away;
    behind.cluster.mutant = Some(Mutant::DieBehindEdit);
    behind.cluster.open(away);
    until(|| behind.host().shared.failure().is_some());
    behind.cluster.crash(away);
    assert!(behind.is_ahead_of_its_log());
    // Without the record of where the snapshot ends nobody would know how the log goes on.
    behind.cluster.mutant = Some(Mutant::ForgetPoint);
    behind.cluster.open(away);
    assert!(behind.host().recovery().damage.is_some());
    behind.cluster.crash(away);
    behind.cluster.mutant = None;
    behind.cluster.open(away);
    assert_eq!(behind.host().recovery().damage, None);
    behind.is_up();
    assert_eq!(counted(behind.host()).0, 0);
    behind.seal(2);
    behind.is_up();
    behind.is_same();
}

#[test]
fn a_power_cut_at_any_moment_of_it_loses_nothing() {
    let mut behind = Behind::of(Cluster::start(), 3);
    let away = behind.away;
    let mut random = super::crash::Random(7);
    let mut cuts = 0;
    while cuts < 40 {
        // From the first call of an opening on, until one sees it through.
        let mut after = random.below(6);
        let mut cut = true;
        while cut {
            let disk = behind.disk(away);
            disk.power_off_after(after);
            after += 1 + random.below(12);
            if behind.cluster.try_open(away).is_ok() {
                let size = behind.size;
                until(|| disk.is_off() || behind.host().durable_size(0).unwrap() >= size);
            }
            cut = disk.is_off();
            cuts += u64::from(cut);
            behind.cluster.crash(away);
        }
        behind.cluster.open(away);
        behind.is_up();
        behind.cluster.crash(away);
        behind.seal(3);
    }
    behind.cluster.open(away);
    behind.is_up();
    behind.is_same();
}
