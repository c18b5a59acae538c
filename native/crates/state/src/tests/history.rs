//! Random histories with forks, deletions and releases.

use proptest::prelude::*;

use super::*;
use crate::{SharedTree, StateError, StateTree, Stats, Version};

fn a_change() -> impl Strategy<Value = Change> {
    let path = prop_oneof![
        any::<u8>().prop_map(crowded_path),
        (0_u8..60).prop_map(|number| *blake3::hash(&[number]).as_bytes()),
    ];
    let value = proptest::option::weighted(0.7, (0_u8..4).prop_map(|byte| [byte; 32]));
    (path, value).prop_map(|(path, value)| Change { path, value })
}

#[derive(Debug, Clone)]
enum Step {
    /// From one of the live versions.
    Apply(prop::sample::Index, Vec<Change>),
    Release(prop::sample::Index),
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<prop::sample::Index>(), proptest::collection::vec(a_change(), 0..24))
            .prop_map(|(parent, changes)| Step::Apply(parent, changes)),
        1 => any::<prop::sample::Index>().prop_map(Step::Release),
    ]
}

fn check(tree: &StateTree, live: &[(u64, Model)]) -> Result<(), TestCaseError> {
    for (number, model) in live {
        prop_assert_eq!(tree.root(*number), Ok(root_of(model)));
        prop_assert_eq!(tree.count(*number), Ok(model.len() as u64));
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_live_version_has_the_root_of_its_keys(
        steps in proptest::collection::vec(a_step(), 1..24)
    ) {
        let mut tree = StateTree::default();
        let mut live: Vec<(u64, Model)> = vec![(0, Model::new())];
        for step in steps {
            match step {
                Step::Apply(parent, list) => {
                    let (parent, model) = parent.get(&live).clone();
                    let model = changed(model, &list);
                    let made = tree.apply(parent, &changes(&list)).expect("a live parent");
                    prop_assert_eq!(made.root, root_of(&model));
                    live.push((made.number, model));
                }
                Step::Release(which) if live.len() > 1 => {
                    let (number, _) = live.remove(1 + which.index(live.len() - 1));
                    prop_assert_eq!(tree.release(number), Ok(()));
                    prop_assert_eq!(tree.release(number), Err(StateError::NoSuchVersion(number)));
                }
                Step::Release(_) => {}
            }
            check(&tree, &live)?;
        }
        for (number, _) in live {
            prop_assert_eq!(tree.release(number), Ok(()));
        }
        let Stats { versions, leaves, inner, .. } = tree.stats();
        prop_assert_eq!((versions, leaves, inner), (0, 0, 0), "nothing leaks");
    }

    #[test]
    fn a_version_alone_holds_its_own_nodes_and_no_others(
        first in proptest::collection::vec(a_change(), 0..60),
        second in proptest::collection::vec(a_change(), 0..60),
    ) {
        let mut tree = StateTree::default();
        let parent = tree.apply(0, &changes(&first)).expect("version 0 lives");
        let child = tree.apply(parent.number, &changes(&second)).expect("alive");
        tree.release(parent.number).expect("alive");
        let mut fresh = StateTree::default();
        let all: Vec<Change> = changed(changed(Model::new(), &first), &second)
            .into_iter()
            .map(|(path, value)| Change { path, value: Some(value) })
            .collect();
        let rebuilt = fresh.apply(0, &changes(&all)).expect("version 0 lives");
        prop_assert_eq!(child.root, rebuilt.root);
        let (old, new) = (tree.stats(), fresh.stats());
        prop_assert_eq!((old.leaves, old.inner), (new.leaves, new.inner));
        prop_assert_eq!(old.leaves, all.len());
    }
}

fn numbered(range: std::ops::Range<u32>) -> Vec<Change> {
    let change = |number: u32| Change {
        path: *blake3::hash(&number.to_le_bytes()).as_bytes(),
        value: Some([number as u8; 32]),
    };
    range.map(change).collect()
}

#[test]
fn building_in_steps_equals_applying_at_once() {
    let all = changes(&numbered(0..10_000));
    let shared = SharedTree::default();
    let pinned = shared.with(|tree| tree.duplicate(0)).expect("open");
    let built = shared.build(pinned, &all).expect("open");
    let applied = shared.with(|tree| tree.apply(0, &all)).expect("open");
    assert_eq!(built.root, applied.root);
    let release = |version: Version| shared.with(|tree| tree.release(version.number));
    assert_eq!((release(built), release(applied)), (Ok(()), Ok(())));
    let stats = shared.with(|tree| Ok(tree.stats())).expect("open");
    assert_eq!((stats.versions, stats.leaves, stats.inner), (0, 0, 0));
    shared.close();
    assert_eq!(shared.build(pinned, &all), Err(StateError::Closed));
    assert_eq!(release(built), Err(StateError::Closed));
}

#[test]
fn freed_nodes_are_used_again() {
    let mut tree = StateTree::default();
    let mut newest = tree
        .apply(0, &changes(&numbered(0..20_000)))
        .expect("version 0");
    let before = tree.stats().bytes;
    for round in 0..40 {
        let moved = changes(&numbered(round * 100..round * 100 + 100));
        let next = tree.apply(newest.number, &moved).expect("alive");
        tree.release(newest.number).expect("alive");
        newest = next;
    }
    assert_eq!(tree.stats().leaves, 20_000);
    assert!(
        tree.stats().bytes <= before + before / 20,
        "{:?}",
        tree.stats()
    );
}

#[test]
fn nothing_changed_makes_no_node() {
    let mut tree = StateTree::default();
    let all = changes(&numbered(0..1000));
    let first = tree.apply(0, &all).expect("version 0");
    let before = tree.stats();
    let again = tree.apply(first.number, &all).expect("alive");
    let absent: Vec<Change> = numbered(5000..5100)
        .into_iter()
        .map(|change| Change {
            value: None,
            ..change
        })
        .collect();
    let deleted = tree.apply(again.number, &changes(&absent)).expect("alive");
    assert_eq!((first.root, first.root), (again.root, deleted.root));
    let after = tree.stats();
    assert_eq!((after.leaves, after.inner), (before.leaves, before.inner));
}

#[test]
fn released_and_unknown_versions_are_refused() {
    let mut tree = StateTree::default();
    assert_eq!(tree.release(0), Ok(()));
    assert_eq!(tree.root(0), Ok(empty_root()));
    for wrong in [1, u64::MAX] {
        let refused = StateError::NoSuchVersion(wrong);
        assert_eq!(tree.apply(wrong, &Changes::default()), Err(refused.clone()));
        assert_eq!(tree.root(wrong), Err(refused.clone()));
        assert_eq!(tree.count(wrong), Err(refused.clone()));
        assert_eq!(tree.prove(wrong, b"key"), Err(refused.clone()));
        assert_eq!(tree.duplicate(wrong), Err(refused));
    }
    let made = tree.apply(0, &Changes::default()).expect("version 0");
    assert_eq!((made.number, made.root), (1, empty_root()));
    assert_eq!(tree.release(1), Ok(()));
    assert_eq!(
        tree.apply(0, &Changes::default()).map(|made| made.number),
        Ok(2)
    );
}

#[test]
fn packed_changes_are_read_strictly() {
    let mut packed = Vec::new();
    let entries: [(&[u8], Option<&[u8]>); 4] = [
        (b"", Some(b"")),
        (b"ab", None),
        (b"c", Some(b"xyz")),
        (b"c", Some(b"last")),
    ];
    let mut ends = vec![0];
    for (key, value) in entries {
        packed.extend((key.len() as u32).to_le_bytes());
        packed.extend(key);
        packed.extend(
            value
                .map_or(u32::MAX, |value| value.len() as u32)
                .to_le_bytes(),
        );
        packed.extend(value.unwrap_or_default());
        ends.push(packed.len());
    }
    assert_eq!(Changes::parse(&packed), Ok(Changes::of(entries)));
    assert_eq!(
        Changes::of(entries).len(),
        3,
        "of a key named twice the last counts"
    );
    assert_eq!(
        Changes::of(entries),
        Changes::of([entries[3], entries[0], entries[1]])
    );
    for end in 0..packed.len() {
        let whole = ends.contains(&end);
        assert_eq!(Changes::parse(&packed[..end]).is_ok(), whole, "{end} bytes");
        assert_eq!(Changes::check(&packed[..end]).is_ok(), whole, "{end} bytes");
    }
}
