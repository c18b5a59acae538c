//! The I/O thread: accepts, dials, receives, sends what callers could not, watches the time.

mod accept;
mod dial;
mod live;
mod members;
mod pending;
mod timers;

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use parking_lot::{Mutex, RwLock};

use crate::connection::Clock;
use crate::event::{Event, Refusal};
use crate::figures::count_kind;
use crate::options::{JudgeHello, LinkOptions, MakeHello};
use crate::shared::{Command, Shared};
use crate::{LinkError, TransportKey};
use live::Live;
use members::Member;
use pending::Pending;
use timers::Allowance;

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);
/// Bytes that are asked of a socket at once.
const READ: usize = 256 << 10;
/// Bytes a socket may hold that did not leave yet: what is urgent has no more than this before it.
const NOT_SENT_MOST: u32 = 128 << 10;
/// Shorter times in which this thread did not run are nothing.
const PAUSE_LEAST: Duration = Duration::from_millis(2);

enum Held {
    Pending(Box<Pending>),
    Live(Box<Live>),
}

/// Who this node is.
struct Own {
    cluster: [u8; 32],
    node: u16,
    secret: TransportKey,
    hello: MakeHello,
    judge: JudgeHello,
}

/// Room to read and decrypt in, shared by all connections.
struct Scratch {
    read: Vec<u8>,
    plain: Vec<u8>,
}

pub(crate) struct Io {
    own: Own,
    shared: Arc<Shared>,
    events: Box<dyn Fn(Event) + Send + Sync>,
    poll: Poll,
    listener: TcpListener,
    /// The listener may have more connections than were taken.
    accept_again: Option<Duration>,
    held: HashMap<Token, Held>,
    members: BTreeMap<u16, Member>,
    next_token: usize,
    /// Connections whose last turn of reading or writing ended before their work did.
    unfinished: Vec<Token>,
    scratch: Scratch,
    random: fastrand::Rng,
    /// How many refusals may be told now.
    tell: Allowance,
    /// Nothing is due before.
    due: Duration,
    stop: bool,
}

impl Io {
    /// Listens; [`Io::run`] does the rest.
    pub fn open(
        options: LinkOptions,
        events: Box<dyn Fn(Event) + Send + Sync>,
    ) -> Result<(Self, Arc<Shared>, SocketAddr), LinkError> {
        let system = |what| move |error| LinkError::System { what, error };
        let listen = |error| LinkError::Listen {
            address: options.listen,
            error,
        };
        let poll = Poll::new().map_err(system("a poll"))?;
        let mut listener = TcpListener::bind(options.listen).map_err(listen)?;
        let local = listener.local_addr().map_err(listen)?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)
            .map_err(system("a place in the poll"))?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(system("a waker"))?;
        let shared = Arc::new(Shared {
            clock: Clock::start(),
            limits: options.limits,
            slots: RwLock::default(),
            strangers: Mutex::default(),
            wake_ups: AtomicU64::new(0),
            commands: Mutex::default(),
            waker,
            closed: AtomicBool::new(false),
        });
        let io = Self {
            own: Own {
                cluster: options.cluster,
                node: options.node,
                secret: options.secret,
                hello: options.hello,
                judge: options.judge,
            },
            shared: Arc::clone(&shared),
            events,
            poll,
            listener,
            accept_again: None,
            held: HashMap::new(),
            members: BTreeMap::new(),
            next_token: 2,
            unfinished: Vec::new(),
            scratch: Scratch {
                read: vec![0; READ],
                plain: vec![0; crate::cipher::NOISE_MOST],
            },
            random: fastrand::Rng::new(),
            tell: Allowance::default(),
            due: Duration::ZERO,
            stop: false,
        };
        Ok((io, shared, local))
    }

    /// Serves until [`Command::Close`].
    pub fn run(&mut self) {
        let mut events = Events::with_capacity(256);
        let mut ready: Vec<(Token, bool)> = Vec::new();
        let mut woke = self.now();
        while !self.stop {
            let before = self.now();
            let busy = before.saturating_sub(woke);
            let wait = if self.unfinished.is_empty() {
                self.due.saturating_sub(before)
            } else {
                Duration::ZERO
            };
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != ErrorKind::Interrupted
            {
                // Nothing can be served without it; all links go down, which is told.
                self.close();
                return;
            }
            woke = self.now();
            self.shared.wake_ups.fetch_add(1, Ordering::Relaxed);
            self.overslept(busy + woke.saturating_sub(before + wait), woke);
            ready.clear();
            ready.extend(events.iter().map(|e| (e.token(), e.is_writable())));
            let unfinished = std::mem::take(&mut self.unfinished);
            ready.extend(unfinished.into_iter().map(|token| (token, true)));
            for &(token, writable) in &ready {
                self.serve(token, writable, woke);
            }
            self.timers(woke);
        }
    }

    fn now(&self) -> Duration {
        self.shared.clock.now()
    }

    fn serve(&mut self, token: Token, writable: bool, now: Duration) {
        match token {
            LISTENER => self.accept(now),
            WAKER => {
                self.commands(now);
                self.look();
            }
            token => match self.held.get(&token) {
                Some(Held::Pending(_)) => self.advance(token, now),
                Some(Held::Live(_)) => self.exchange(token, writable, now),
                None => {} // ended earlier in this turn
            },
        }
    }

    fn commands(&mut self, now: Duration) {
        let commands = std::mem::take(&mut *self.shared.commands.lock());
        for command in commands {
            match command {
                Command::Peers(peers) => self.set_members(peers, now),
                Command::Resolved { peer, found } => self.resolved(peer, found, now),
                Command::Close => self.close(),
            }
        }
    }

    /// Time in which this thread did not run is no silence of anybody (LK8).
    fn overslept(&mut self, pause: Duration, now: Duration) {
        if pause < PAUSE_LEAST {
            return;
        }
        for held in self.held.values_mut() {
            if let Held::Live(live) = held {
                live.detector.overslept(pause, now);
            }
        }
    }

    /// Registers a socket; `None` when the system refuses.
    fn register(&mut self, stream: &mut TcpStream) -> Option<Token> {
        let token = Token(self.next_token);
        self.next_token += 1;
        self.poll
            .registry()
            .register(stream, token, Interest::READABLE | Interest::WRITABLE)
            .ok()?;
        Some(token)
    }

    /// Counts a refusal and tells it, if not too many were told of late.
    fn refused(&mut self, peer: Option<u16>, address: SocketAddr, why: Refusal) {
        let slot = peer.and_then(|peer| self.shared.slot(peer));
        match slot {
            Some(slot) => count_kind(&slot.counters.refusals, why.label()),
            None => count_kind(&self.shared.strangers, why.label()),
        }
        if self.tell.take(self.now()) {
            (self.events)(Event::Refused { peer, address, why });
        }
    }

    /// What is due early is due at the next turn.
    fn due_at(&mut self, at: Duration) {
        self.due = self.due.min(at);
    }

    fn close(&mut self) {
        self.stop = true;
        let tokens: Vec<Token> = self.held.keys().copied().collect();
        for token in tokens {
            self.end(token, &crate::Down::Closing);
        }
        self.held.clear();
    }
}

/// Small messages leave at once, and little waits in the kernel where priorities do not reach.
fn tune(stream: &TcpStream) {
    // Without these it is slower and as right: a system that lacks one is no reason to have no link.
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(NOT_SENT_MOST);
}
