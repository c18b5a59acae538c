//! One try to bring a partition up by a snapshot: its list, its files, and what is made of them (RF15).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;
use pyralog_link::Priority;
use pyralog_types::Hash;

use super::fetch::{Arrived, Thread};
use super::files::ListedFile;
use super::incoming::{Incoming, forget_but};
use super::list::{FileList, Offered};
use super::message::FileMessage;
use super::prepare::{Prepared, Preparing, missing};
use super::{IN_FLIGHT, PIECE_BYTES};
use crate::answer::Reply;
use crate::cluster::{CHANNEL_FILES, Event};
use crate::error::HostError;
use crate::shared::Counters;

/// Without a piece for so long those on their way are asked for again.
const SILENCE: Duration = Duration::from_millis(500);
/// A file that does not check is fetched so often before its leader gets a rest.
const BAD_MAX: u32 = 3;

/// Why a try ended without a snapshot.
pub(super) enum Ended {
    /// The store closes, or something newer is wanted, or nothing.
    Over,
    Failed(HostError),
}

impl From<HostError> for Ended {
    fn from(error: HostError) -> Self {
        Self::Failed(error)
    }
}

/// What is fetched now.
struct Fetch<'a> {
    partition: u32,
    offered: &'a Offered,
    /// Bytes of all files, of those that are here, files that are here, and all.
    total: u64,
    done: u64,
    files_done: usize,
    files: usize,
}

impl Thread {
    /// Whether there is still a point in fetching this.
    fn go_on(&self, fetch: &Fetch<'_>) -> Result<(), Ended> {
        let wanted = self.fetching.wanted(fetch.partition);
        // The log of another leader may have brought it further.
        let applied = self.applied(fetch.partition);
        let moot = applied.is_none_or(|applied| applied >= fetch.offered.index);
        if moot || self.fetching.closing() || wanted.as_ref() != Some(fetch.offered) {
            return Err(Ended::Over);
        }
        Ok(())
    }

    pub fn bring_up(&mut self, partition: u32, offered: &Offered) -> Result<(), Ended> {
        let host = Arc::clone(&self.shared);
        let shard = host.shard(partition as usize)?;
        let mut fetch = Fetch {
            partition,
            offered,
            total: 0,
            done: 0,
            files_done: 0,
            files: 0,
        };
        if shard.applied_index.load(Ordering::Acquire) >= offered.index {
            return Ok(()); // the log brought it here, or an earlier try did
        }
        let list = self.fetch_list(&fetch)?;
        let files = missing(&host, &list);
        let keep = files.iter().map(ListedFile::stem).collect();
        forget_but(&host.segments, partition, &keep);
        fetch.files = files.len();
        fetch.total = files.iter().map(|file| file.length).sum();
        for file in &files {
            self.fetch_file(&mut fetch, file)?;
            fetch.files_done += 1;
        }
        self.fetching.say(
            partition,
            format!(
                "all {} files of a snapshot came from node {}, and are being checked",
                fetch.files, offered.from
            ),
        );
        self.go_on(&fetch)?;
        let fetching = Arc::clone(&self.fetching);
        let preparing = Preparing {
            host: &host,
            shard,
            jobs: &self.jobs,
            list: &list,
            closing: &|| fetching.closing(),
        };
        let prepared = preparing.prepare(offered)?;
        self.hand_over(prepared)?;
        host.segments.sweep(16);
        Ok(())
    }

    /// Has the thread of the groups take it over, and waits until it has.
    fn hand_over(&self, prepared: Prepared) -> Result<(), Ended> {
        let (tell, told) = crossbeam_channel::bounded(1);
        let reply = Reply::new(move |outcome| {
            let _ = tell.send(outcome); // nobody listens when the store closes
        });
        self.inbox.event(Event::Ask(Box::new(move |driving| {
            reply.send(driving.take_over(prepared));
        })));
        loop {
            match told.recv_timeout(SILENCE / 10) {
                Ok(outcome) => return Ok(outcome?),
                Err(RecvTimeoutError::Disconnected) => return Err(Ended::Over),
                Err(RecvTimeoutError::Timeout) if self.fetching.closing() => {
                    return Err(Ended::Over);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The list, which is small enough for memory.
    fn fetch_list(&self, fetch: &Fetch<'_>) -> Result<FileList, Ended> {
        let told = &fetch.offered.told;
        let mut bytes = Vec::new();
        self.pieces(fetch, (&told.hash, 0, u64::from(told.length)), |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        let offered = fetch.offered;
        let whole = *blake3::hash(&bytes).as_bytes() == told.hash;
        let list = FileList::decode(&bytes).ok().filter(|list| {
            let point = (list.partition, list.index, list.term);
            whole && point == (fetch.partition, offered.index, offered.term)
        });
        Ok(list.ok_or_else(|| {
            HostError::Corrupt("its list of files is not the one that was told of".to_owned())
        })?)
    }

    fn fetch_file(&mut self, fetch: &mut Fetch<'_>, file: &ListedFile) -> Result<(), Ended> {
        let shared = Arc::clone(&self.shared);
        let mut incoming = Incoming::open(&shared.segments, file)?;
        for _ in 0..BAD_MAX {
            if self.checked.contains(&file.hash) && incoming.is_whole() {
                fetch.done += file.length;
                return Ok(());
            }
            let from = incoming.have;
            let before = fetch.done;
            self.pieces(fetch, (&file.hash, from, file.length), |piece| {
                incoming.push(piece)?;
                Counters::add(&shared.counters.snapshot_bytes, piece.len() as u64);
                self.progress(fetch, before + incoming.have);
                Ok(())
            })?;
            if incoming.check()? {
                self.checked.insert(file.hash);
                fetch.done = before + file.length;
                return Ok(());
            }
            Counters::add(&shared.counters.snapshot_files_refused, 1);
            incoming.begin_again()?;
        }
        let path = file.path(&shared.segments);
        Err(Ended::Failed(HostError::Corrupt(format!(
            "{} came {BAD_MAX} times and never was what its list says",
            path.display()
        ))))
    }

    fn progress(&self, fetch: &Fetch<'_>, done: u64) {
        let percent = (done * 100).checked_div(fetch.total).unwrap_or(0);
        self.fetching.say(
            fetch.partition,
            format!(
                "fetching {} of {} files from node {}, {percent} %",
                fetch.files_done + 1,
                fetch.files,
                fetch.offered.from
            ),
        );
    }

    /// Bytes of a file from one position to another, in order. Some pieces are on their way at a time; after a silence they
    /// are asked for again.
    fn pieces(
        &self,
        fetch: &Fetch<'_>,
        (hash, from, to): (&Hash, u64, u64),
        mut take: impl FnMut(&[u8]) -> Result<(), HostError>,
    ) -> Result<(), Ended> {
        let (mut have, mut asked) = (from, from);
        while have < to {
            self.go_on(fetch)?;
            while asked < to && asked - have < IN_FLIGHT * PIECE_BYTES {
                let length = PIECE_BYTES.min(to - asked);
                let message = FileMessage::Ask {
                    partition: fetch.partition,
                    hash: *hash,
                    offset: asked,
                    length: length as u32,
                };
                let peer = fetch.offered.from;
                // Lost without a link, or with a full one: asked again.
                let _ = self
                    .links
                    .send(peer, CHANNEL_FILES, Priority::Bulk, message.encode());
                asked += length;
            }
            match self.heard.recv_timeout(SILENCE) {
                Ok(Arrived::Message { peer, bytes }) if peer == fetch.offered.from => {
                    match FileMessage::decode(&bytes) {
                        Ok(FileMessage::Piece {
                            hash: of,
                            offset,
                            bytes,
                            ..
                        }) if of == *hash && offset == have && !bytes.is_empty() => {
                            take(&bytes)?;
                            have += bytes.len() as u64;
                        }
                        Ok(FileMessage::Gone { hash: of, .. }) if of == *hash => {
                            return Err(Ended::Failed(HostError::Corrupt(
                                "it does not offer these files any more".to_owned(),
                            )));
                        }
                        Ok(_) => {} // of an earlier question
                        Err(_) => Counters::add(&self.shared.counters.bad_messages, 1),
                    }
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => asked = have,
                Err(RecvTimeoutError::Disconnected) => return Err(Ended::Over),
            }
        }
        Ok(())
    }
}
