//! Why links to members come to nothing (LK9), kept for whoever asks how the cluster is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Peers dial again at least once a second: what was not told for so long is over.
const KEPT: Duration = Duration::from_secs(30);

/// The newest refusal of each member, and of whoever is none.
#[derive(Default)]
pub(crate) struct Refusals {
    newest: BTreeMap<Option<u16>, (Instant, String)>,
}

impl Refusals {
    /// `member` is who the other side is, or says it is; `None` for whoever is no member.
    pub fn tell(&mut self, member: Option<u16>, why: String, now: Instant) {
        self.newest.insert(member, (now, why));
    }

    /// The link is up: what was wrong with it is not any more.
    pub fn over(&mut self, member: u16) {
        self.newest.remove(&Some(member));
    }

    /// The newest one that may still hold.
    pub fn of(&self, member: Option<u16>, now: Instant) -> Option<String> {
        let (at, why) = self.newest.get(&member)?;
        (now.saturating_duration_since(*at) <= KEPT).then(|| why.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_refusal_holds_until_the_link_is_up_or_nothing_is_heard_of_it() {
        let mut refusals = Refusals::default();
        let now = Instant::now();
        refusals.tell(Some(2), "first".to_owned(), now);
        refusals.tell(Some(2), "second".to_owned(), now);
        refusals.tell(None, "stranger".to_owned(), now);
        assert_eq!(refusals.of(Some(2), now).as_deref(), Some("second"));
        assert_eq!(refusals.of(Some(3), now), None);
        assert_eq!(refusals.of(None, now).as_deref(), Some("stranger"));
        assert!(refusals.of(Some(2), now + KEPT).is_some());
        assert_eq!(refusals.of(Some(2), now + KEPT + TICK), None);
        refusals.over(2);
        assert_eq!(refusals.of(Some(2), now), None);
        assert!(refusals.of(None, now).is_some());
    }

    const TICK: Duration = Duration::from_millis(1);
}
