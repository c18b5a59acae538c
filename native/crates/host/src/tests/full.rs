//! A disk that is full at any moment: refusals that say so and can be tried again, nothing lost, and it goes on by itself
//! when there is room again (W10, Z8, Z49).

use std::path::Path;
use std::time::Duration;

use pyralog_log::{FaultFiles, FileLayer};
use pyralog_types::batch::Row;

use super::{Clock, digests, outcomes, propose, sealing, value};
use crate::{Algorithm, Host, Wait};

const SEEDS: u64 = 6;
/// Tries until there must be room: each waits a tenth of a second, and what has to be retried by itself is within one.
const TRIES: u32 = 600;

fn holds(host: &Host, told: &[(u64, u64)]) {
    let size = host.durable_size(0).unwrap();
    for (number, offset) in told {
        let packed = host.read(0, *offset, 0).unwrap();
        let rows = Row::parse_all(&packed).unwrap();
        assert_eq!(rows[0].value, value(*number));
        host.inclusion(0, (*offset, size), Algorithm::Blake3)
            .unwrap();
    }
}

/// Proposes until it is taken.
fn insist(host: &Host, first: u64, count: u64, told: &mut Vec<(u64, u64)>) {
    for _ in 0..TRIES {
        match propose(host, digests(first, count), Wait::Durable) {
            Ok(answer) => {
                let offsets = outcomes(&answer).into_iter().map(|outcome| outcome.offset);
                return told.extend((first..).zip(offsets));
            }
            Err(error) => assert_eq!(error.code(), "storage/disk-full", "{error}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("there is room, and it is still refused: {:?}", host.stats());
}

fn open_sealing(disk: &FaultFiles) -> Host {
    Host::open(Clock::new().world(disk), &sealing()).unwrap()
}

fn used(disk: &FaultFiles) -> u64 {
    u64::MAX - disk.free_bytes(Path::new("/")).unwrap()
}

#[test]
fn at_any_moment_it_refuses_and_goes_on() {
    let mut refusals = 0;
    for seed in 0..SEEDS {
        let disk = FaultFiles::new(seed);
        let mut host = open_sealing(&disk);
        let mut told = Vec::new();
        let mut next = 0;
        for round in 0..4 {
            // Room for nothing, for a segment, for most of a log file, for a log file and no more.
            let room = [0, 9 << 10, 120 << 10, 140 << 10][((seed + round) % 4) as usize];
            disk.set_capacity(used(&disk) + room);
            for _ in 0..60 {
                let count = 1 + (seed + next) % 60;
                match propose(&host, digests(next, count), Wait::Durable) {
                    Ok(answer) => {
                        let offsets = outcomes(&answer).into_iter().map(|o| o.offset);
                        told.extend((next..).zip(offsets));
                        next += count;
                    }
                    Err(error) => {
                        assert_eq!(error.code(), "storage/disk-full", "seed {seed}: {error}");
                        assert!(
                            host.stats().disk_full && !host.stats().poisoned,
                            "seed {seed}"
                        );
                        refusals += 1;
                        break;
                    }
                }
            }
            holds(&host, &told);
            if (seed + round) % 3 == 0 {
                // It stops while the disk is full, and is started when there is room again.
                host.close().unwrap();
                disk.set_capacity(u64::MAX);
                host = open_sealing(&disk);
                assert!(!host.recovery().read_only, "seed {seed}");
            }
            disk.set_capacity(u64::MAX);
            insist(&host, next, 50, &mut told);
            next += 50;
            holds(&host, &told);
            assert!(!host.stats().disk_full, "seed {seed}");
        }
        host.close().unwrap();
        let host = open_sealing(&disk);
        assert!(host.recovery().clean, "seed {seed}: {:?}", host.recovery());
        holds(&host, &told);
    }
    assert!(refusals > SEEDS, "only {refusals} refusals");
}

#[test]
fn a_segment_that_finds_no_room_is_not_in_the_way() {
    let disk = FaultFiles::new(9);
    let mut options = sealing();
    options.maintenance.on = false; // which would delete what is left, too, some seconds later
    let host = Host::open(Clock::new().world(&disk), &options).unwrap();
    propose(&host, digests(0, 10), Wait::Durable).unwrap();
    disk.set_capacity(used(&disk) + 6_000);
    propose(&host, digests(10, 60), Wait::Durable).unwrap();
    super::until(|| host.stats().disk_full);
    let left = || disk.list(Path::new("/store/segments")).unwrap();
    assert_eq!(left(), Vec::<String>::new());
    disk.set_capacity(u64::MAX);
    super::until(|| !host.stats().disk_full && !left().is_empty());
    host.close().unwrap();
}
