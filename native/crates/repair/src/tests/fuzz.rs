//! Bits flipped anywhere, files cut, swapped and taken away: nothing panics, and no answer is ever a wrong one.

use std::path::{Path, PathBuf};

use pyralog_log::FaultFiles;

use super::{STORE, files, filled, layer, open};
use crate::{Control, RepairOptions, check, repair};

const SEEDS: u64 = 40;

/// Without these a store opens all the same, if only for reading.
const SPARE: [&str; 3] = ["segments", "snapshots", "sidecars"];

fn hurt(disk: &FaultFiles, rng: &mut fastrand::Rng) -> String {
    hurt_one(disk, rng, &files(disk))
}

/// Hurts one of these files.
fn hurt_one(disk: &FaultFiles, rng: &mut fastrand::Rng, all: &[PathBuf]) -> String {
    let path = &all[rng.usize(..all.len())];
    let mut content = disk.content(path).unwrap();
    if content.is_empty() {
        disk.vanish(path);
        return format!("{} gone", path.display());
    }
    let what = match rng.u8(..10) {
        0 => {
            disk.vanish(path);
            return format!("{} gone", path.display());
        }
        1 => {
            content.truncate(rng.usize(..content.len()));
            "cut"
        }
        2 => {
            let other = &all[rng.usize(..all.len())];
            content = disk.content(other).unwrap();
            "swapped"
        }
        3 => {
            let from = rng.usize(..content.len());
            let to = content.len().min(from + 600);
            rng.fill(&mut content[from..to]);
            "noise"
        }
        _ => {
            // Most of a log file is zeros; hit what is written more often than not.
            let written = content.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
            let within = if rng.bool() { written } else { content.len() };
            content[rng.usize(..within)] ^= 1 << rng.u8(..8);
            "bit"
        }
    };
    disk.plant(path, content);
    format!("{} {what}", path.display())
}

#[test]
fn damage_anywhere_never_panics_and_never_makes_a_wrong_answer() {
    for seed in 0..SEEDS {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (disk, proofs) = filled(seed, 130);
        let hurts: Vec<String> = (0..=rng.usize(..2))
            .map(|_| hurt(&disk, &mut rng))
            .collect();
        let found = check(&layer(&disk), Path::new(STORE), &Control::default());
        let found = found.unwrap_or_else(|error| panic!("seed {seed}, {hurts:?}: {error}"));
        if let Ok(host) = open(&disk) {
            let lost = proofs.hold(&host);
            assert!(
                lost.is_empty() || !found.clean(),
                "seed {seed}, {hurts:?}: {lost:?} are lost and nothing was found"
            );
            host.close().ok();
        }
        let options = RepairOptions::default();
        let mended = repair(
            &layer(&disk),
            Path::new(STORE),
            options,
            &Control::default(),
        );
        let mended = mended.unwrap_or_else(|error| panic!("seed {seed}, {hurts:?}: {error}"));
        match open(&disk) {
            Ok(host) => {
                let lost = proofs.hold(&host);
                if mended.after.refused.is_none() {
                    let quarantined = |n: &u64| {
                        let findings = mended.after.findings.iter();
                        let mut ranges = findings.flat_map(|finding| finding.offsets.iter());
                        ranges.any(|range| range.contains(n))
                    };
                    assert!(
                        lost.iter().all(quarantined),
                        "seed {seed}, {hurts:?}: {lost:?}"
                    );
                }
            }
            Err(error) => assert!(
                mended.after.refused.is_some(),
                "seed {seed}, {hurts:?}: {error}, and a check finds {:#?}",
                mended.after.findings
            ),
        }
    }
}

#[test]
fn damage_in_what_can_be_spared_keeps_no_store_closed() {
    for seed in 0..12 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (disk, proofs) = filled(seed, 100 + 5 * seed);
        let whole: Vec<(PathBuf, Vec<u8>)> = files(&disk)
            .into_iter()
            .map(|path| (path.clone(), disk.content(&path).unwrap()))
            .collect();
        for _ in 0..5 {
            for path in files(&disk) {
                disk.vanish(&path);
            }
            for (path, content) in &whole {
                disk.plant(path, content.clone());
            }
            let mut spare: Vec<PathBuf> = whole.iter().map(|(path, _)| path.clone()).collect();
            spare.retain(|path| {
                SPARE
                    .iter()
                    .any(|dir| path.parent().unwrap().ends_with(dir))
            });
            let mut hurts: Vec<String> = Vec::new();
            for _ in 0..=rng.usize(..4) {
                hurts.push(hurt_one(&disk, &mut rng, &spare));
                spare.retain(|path| disk.content(path).is_some());
            }
            if rng.bool() {
                disk.vanish(&Path::new(STORE).join("wal/STOP"));
            }
            let host = open(&disk);
            let host = host.unwrap_or_else(|error| panic!("seed {seed}, {hurts:?}: {error}"));
            proofs.hold(&host);
            host.close().ok();
        }
    }
}
