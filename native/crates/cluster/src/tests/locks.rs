//! Locks and numbers of coordinators (GR11 to GR14).

use super::{BEGIN_MS, founded, member, run, run_after};
use crate::{ClusterState, Code, Command, Done};

fn acquire(owner: &str, wait: bool) -> Command {
    Command::AcquireLock {
        lock: "compaction".to_owned(),
        owner: owner.to_owned(),
        ttl_ms: 1_000,
        wait,
    }
}

fn fence_of(done: Done) -> u64 {
    match done {
        Done::Lock { fence, .. } | Done::Coordinator { fence, .. } => fence,
        other => panic!("{other:?}"),
    }
}

fn owner(state: &ClusterState) -> Option<&str> {
    state
        .locks()
        .get("compaction")
        .map(|lock| lock.owner.as_str())
}

#[test]
fn a_lock_goes_from_one_to_the_next() {
    let mut state = founded(3, 0);
    let first = fence_of(run(&mut state, &acquire("a", true)).unwrap());
    assert_eq!(
        run(&mut state, &acquire("b", true)),
        Ok(Done::Waiting { before: 0 })
    );
    assert_eq!(
        run(&mut state, &acquire("c", true)),
        Ok(Done::Waiting { before: 1 })
    );
    assert_eq!(
        run(&mut state, &acquire("b", true)),
        Ok(Done::Waiting { before: 0 })
    );
    assert_eq!(
        run(&mut state, &acquire("d", false)).unwrap_err().code,
        Code::Held
    );
    assert_eq!(
        fence_of(run(&mut state, &acquire("a", true)).unwrap()),
        first,
        "it has it"
    );
    let release = |fence| Command::ReleaseLock {
        lock: "compaction".to_owned(),
        fence,
    };
    run(&mut state, &release(first)).unwrap();
    assert_eq!(owner(&state), Some("b"));
    run(&mut state, &release(first)).unwrap();
    assert_eq!(
        owner(&state),
        Some("b"),
        "a release that is repeated releases nothing else"
    );
    let second = state.locks()["compaction"].fence;
    assert!(second > first);
    run_after(&mut state, 1_000, &Command::Tick).unwrap();
    assert_eq!(owner(&state), Some("c"), "b's time has run out");
    let renew = Command::RenewLock {
        lock: "compaction".to_owned(),
        fence: second,
        ttl_ms: 1_000,
    };
    assert_eq!(run(&mut state, &renew).unwrap_err().code, Code::Stale);
    run_after(&mut state, 1_000, &Command::Tick).unwrap();
    assert_eq!(owner(&state), None);
    assert_eq!(state.next_due_ms(), None);
}

#[test]
fn a_holder_that_renews_keeps_the_lock_and_one_that_withdraws_does_not_get_it() {
    let mut state = founded(3, 0);
    let fence = fence_of(run(&mut state, &acquire("a", true)).unwrap());
    run(&mut state, &acquire("b", true)).unwrap();
    for _ in 0..5 {
        let renew = Command::RenewLock {
            lock: "compaction".to_owned(),
            fence,
            ttl_ms: 1_000,
        };
        run_after(&mut state, 900, &renew).unwrap();
        assert_eq!(owner(&state), Some("a"));
    }
    let withdraw = Command::WithdrawLock {
        lock: "compaction".to_owned(),
        owner: "b".to_owned(),
    };
    run(&mut state, &withdraw).unwrap();
    run_after(&mut state, 1_000, &Command::Tick).unwrap();
    assert_eq!(owner(&state), None);
}

#[test]
fn time_of_a_leader_whose_clock_is_behind_ends_nothing_and_gives_nothing_back() {
    let mut state = founded(3, 0);
    run(&mut state, &acquire("a", true)).unwrap();
    let before = state.at();
    let at = crate::At {
        index: before.index + 1,
        epoch: 2,
        time_ms: 5,
    };
    state.apply(at, &Command::Tick.encode());
    assert_eq!(state.at().time_ms, before.time_ms);
    assert_eq!(state.next_due_ms(), Some(BEGIN_MS + 1_001));
}

fn assign(holder: &str) -> Command {
    Command::AssignCoordinator {
        holder: holder.to_owned(),
        ttl_ms: 1_000,
    }
}

#[test]
fn no_two_coordinators_have_one_number_at_one_time() {
    let mut state = founded(3, 0);
    let done = run(&mut state, &assign("node-2")).unwrap();
    assert!(
        matches!(done, Done::Coordinator { number: 2, .. }),
        "{done:?}"
    );
    let Done::Coordinator {
        number,
        fence,
        expires_ms,
        ..
    } = run(&mut state, &assign("x")).unwrap()
    else {
        panic!("it is assigned");
    };
    assert_eq!(number, 1_023);
    let again = run(&mut state, &assign("x")).unwrap();
    assert_eq!(fence_of(again), fence, "the same as before");
    assert!(matches!(
        run(&mut state, &assign("y")),
        Ok(Done::Coordinator { number: 1_022, .. })
    ));
    let taken = Command::AddMember {
        member: member(1_023),
    };
    assert_eq!(run(&mut state, &taken).unwrap_err().code, Code::Held);
    run(&mut state, &Command::ReleaseCoordinator { number, fence }).unwrap();
    let Done::Coordinator {
        number,
        fence: next,
        from_ms,
        ..
    } = run(&mut state, &assign("z")).unwrap()
    else {
        panic!("it is assigned");
    };
    assert_eq!(number, 1_023, "it was given back");
    assert!(next > fence);
    assert_eq!(from_ms, expires_ms, "x may have used times up to its end");
    let renew = Command::RenewCoordinator {
        number,
        fence,
        ttl_ms: 500,
    };
    assert_eq!(run(&mut state, &renew).unwrap_err().code, Code::Stale);
    let renew = Command::RenewCoordinator {
        number,
        fence: next,
        ttl_ms: 9_000,
    };
    assert_eq!(fence_of(run(&mut state, &renew).unwrap()), next);
}

/// Until when the first holder of a number was granted it, and from when on the next one has it.
pub(crate) fn given_back_and_assigned() -> (u64, u64) {
    let mut state = founded(3, 0);
    let Done::Coordinator {
        number,
        fence,
        expires_ms,
        ..
    } = run(&mut state, &assign("x")).unwrap()
    else {
        panic!("it is assigned");
    };
    run(&mut state, &Command::ReleaseCoordinator { number, fence }).unwrap();
    let Done::Coordinator { from_ms, .. } = run(&mut state, &assign("z")).unwrap() else {
        panic!("it is assigned");
    };
    (expires_ms, from_ms)
}
