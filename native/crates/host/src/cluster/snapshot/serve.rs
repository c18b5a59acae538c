//! The leader's side (RF15): makes the list of a partition's sealed files, keeps those files while somebody fetches them, and
//! hands out their bytes, on a thread of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use pyralog_link::{Links, Priority, SendError};
use pyralog_log::{File, OpenMode};
use pyralog_manifest::PartitionVersion;
use pyralog_raft::Offer;
use pyralog_types::Hash;

use super::list::Told;
use super::listing::{Listed, Source, listed};
use super::message::FileMessage;
use crate::cluster::{CHANNEL_FILES, Event, Inbox};
use crate::error::HostError;
use crate::shared::Shared;

/// Files that nobody asked for so long are kept no longer; whoever comes back gets a newer list.
const IDLE: Duration = Duration::from_mins(1);
/// Nor are they for a replica that takes longer than this: the log of the leader cannot wait for ever.
const LONGEST: Duration = Duration::from_hours(1);
/// Without anybody known to wait for them.
const UNWANTED: Duration = Duration::from_secs(3);
/// How long a peer whose link takes nothing may hold up the others.
const PATIENCE: Duration = Duration::from_millis(200);

/// Work for the thread.
pub(crate) enum ServeJob {
    /// A replica needs a snapshot, and there is none to offer.
    Offer(u32),
    /// Nobody is known to need the partition's any more.
    Unwanted(u32),
    /// A message of a peer.
    Asked { peer: u16, bytes: Vec<u8> },
    /// The store closes.
    Stop,
}

/// A list that was offered, and its files.
struct Pin {
    files: HashMap<Hash, Source>,
    /// The file asked for last.
    last: Option<(Hash, Arc<dyn File>)>,
    made: Instant,
    used: Instant,
    /// Keeps the files of segments and leaves (Y11).
    _version: Arc<PartitionVersion>,
}

impl Pin {
    fn bytes(
        &mut self,
        shared: &Shared,
        (hash, offset, length): (&Hash, u64, u32),
    ) -> Option<Vec<u8>> {
        self.used = Instant::now();
        let file = match self.files.get(hash)? {
            Source::List(bytes) => {
                let start = usize::try_from(offset).ok()?.min(bytes.len());
                let end = start.saturating_add(length as usize).min(bytes.len());
                return Some(bytes[start..end].to_vec());
            }
            Source::Open(file) => Arc::clone(file),
            Source::Path(path) => match &self.last {
                Some((last, file)) if last == hash => Arc::clone(file),
                _ => {
                    let file = shared.segments.files.open(path, OpenMode::Read).ok()?;
                    self.last = Some((*hash, Arc::clone(&file)));
                    file
                }
            },
        };
        let left = file.len().ok()?.saturating_sub(offset);
        let mut bytes = vec![0; left.min(u64::from(length)) as usize];
        file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }
}

/// The thread, and the way to it.
pub(crate) struct Server {
    pub jobs: Sender<ServeJob>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// # Errors
    /// `Io` when the system gives no thread.
    pub fn start(
        (jobs, taken): (Sender<ServeJob>, Receiver<ServeJob>),
        shared: &Arc<Shared>,
        (links, inbox): (&Arc<Links>, &Arc<Inbox>),
    ) -> Result<Self, HostError> {
        let serving = Serving {
            shared: Arc::clone(shared),
            links: Arc::clone(links),
            inbox: Arc::clone(inbox),
            pins: BTreeMap::new(),
        };
        let thread = crate::threads::spawn("pyralog-serve", move || serving.run(&taken))?;
        Ok(Self {
            jobs,
            thread: Some(thread),
        })
    }

    /// Leaves work for the thread.
    pub fn tell(&self, job: ServeJob) {
        let _ = self.jobs.try_send(job); // it has enough to do: who needs it says so again
    }
}

impl Server {
    /// Ends the thread, and waits for it.
    pub fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = self.jobs.send(ServeJob::Stop); // gone after a panic
            let _ = thread.join(); // a panic in it was printed
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Serving {
    shared: Arc<Shared>,
    links: Arc<Links>,
    inbox: Arc<Inbox>,
    pins: BTreeMap<u32, Pin>,
}

impl Serving {
    fn run(mut self, jobs: &Receiver<ServeJob>) {
        loop {
            match jobs.recv_timeout(UNWANTED) {
                Ok(ServeJob::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(ServeJob::Offer(partition)) => self.offer(partition),
                Ok(ServeJob::Unwanted(partition)) => self.forget_after(Some(partition), UNWANTED),
                Ok(ServeJob::Asked { peer, bytes }) => self.asked(peer, &bytes),
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.forget_after(None, IDLE);
        }
    }

    /// Lets go of the files that nobody asked for so long: of one partition or of all.
    fn forget_after(&mut self, of: Option<u32>, idle: Duration) {
        let old = |pin: &Pin| pin.used.elapsed() > idle || pin.made.elapsed() > LONGEST;
        let gone = self.pins.extract_if(.., |partition, pin| {
            of.is_none_or(|of| of == *partition) && old(pin)
        });
        for (partition, _) in gone.collect::<Vec<_>>() {
            self.inbox.event(Event::Ask(Box::new(move |driving| {
                driving.pinned.forget(partition);
            })));
        }
    }

    fn offer(&mut self, partition: u32) {
        match self.list(partition) {
            Ok((pin, offer)) => {
                self.pins.insert(partition, pin);
                self.inbox.event(Event::Ask(Box::new(move |driving| {
                    driving.offer_snapshot(partition, offer);
                })));
            }
            Err(error) => {
                let why = error.to_string();
                self.inbox.event(Event::Ask(Box::new(move |driving| {
                    driving.pinned.refused(partition, why);
                })));
            }
        }
    }

    fn list(&self, partition: u32) -> Result<(Pin, Offer), HostError> {
        let Listed {
            list,
            mut files,
            version,
        } = listed(&self.shared, partition)?;
        let bytes = list.encode();
        let told = Told::of(&bytes);
        files.insert(told.hash, Source::List(bytes));
        let pin = Pin {
            files,
            last: None,
            made: Instant::now(),
            used: Instant::now(),
            _version: version,
        };
        let offer = Offer {
            index: list.index,
            term: list.term,
            data: told.encode(),
        };
        Ok((pin, offer))
    }

    fn asked(&mut self, peer: u16, bytes: &[u8]) {
        let Ok(FileMessage::Ask {
            partition,
            hash,
            offset,
            length,
        }) = FileMessage::decode(bytes)
        else {
            crate::shared::Counters::add(&self.shared.counters.bad_messages, 1);
            return;
        };
        let pin = self.pins.get_mut(&partition);
        let bytes = pin.and_then(|pin| pin.bytes(&self.shared, (&hash, offset, length)));
        if bytes.is_none() && !self.pins.contains_key(&partition) {
            // An offer of an earlier life, or one that was kept long enough: the leader makes another.
            self.inbox.event(Event::Ask(Box::new(move |driving| {
                driving.want_offer(partition);
            })));
        }
        let gone = FileMessage::Gone { partition, hash };
        let answer = bytes.map_or(gone, |bytes| FileMessage::Piece {
            partition,
            hash,
            offset,
            bytes,
        });
        self.send(peer, &answer.encode());
    }

    /// Waits for a link that is full; whoever asked asks again when an answer is lost.
    fn send(&self, peer: u16, bytes: &[u8]) {
        let until = Instant::now() + PATIENCE;
        while let Err(SendError::Full(_)) =
            self.links
                .send(peer, CHANNEL_FILES, Priority::Bulk, bytes.to_vec())
        {
            if Instant::now() >= until {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
