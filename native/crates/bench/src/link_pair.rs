//! Two nodes in one process with a link between them, and what is played over it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyralog_link::{Event, Limits, LinkOptions, Links, Peer, Priority, SendError, TransportKey};

use crate::cpu;
use crate::error::BenchError;
use crate::link::{Flow, SMALL, Trips};
use crate::sample::Samples;

/// What node 1 does with an answer.
#[derive(Default)]
struct Game {
    /// Trips still to be made.
    left: usize,
    sent: Option<Instant>,
    micros: Samples,
    over: Option<Sender<Samples>>,
}

/// Two nodes with a link.
pub struct Pair {
    one: Arc<Links>,
    two: Arc<Links>,
    game: Arc<Mutex<Game>>,
    /// Bytes that node 2 received, message by message.
    came: Receiver<usize>,
}

type LinksSlot = Arc<Mutex<Option<Arc<Links>>>>;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pair {
    /// Waits until the link is up.
    pub fn start(limits: Limits) -> Result<Self, BenchError> {
        let keys = [TransportKey::generate()?, TransportKey::generate()?];
        let (tell, came) = channel();
        let two_slot = LinksSlot::default();
        let here = Arc::clone(&two_slot);
        let two = Links::start(
            options(2, &keys, Vec::new(), limits.clone()),
            Box::new(move |event| match event {
                // Channel 1 is answered, channel 2 counted.
                Event::Message {
                    channel: 1, bytes, ..
                } => {
                    if let Some(links) = &*lock(&here) {
                        // A failure shows in the trip that never ends, which is told as a wrong answer.
                        let _ = links.send(1, 1, Priority::Urgent, bytes);
                    }
                }
                Event::Message { bytes, .. } => drop(tell.send(bytes.len())),
                _ => {}
            }),
        )?;
        let two = Arc::new(two);
        *lock(&two_slot) = Some(Arc::clone(&two));
        let game = Arc::new(Mutex::new(Game::default()));
        let one_slot = LinksSlot::default();
        let (up, is_up) = channel();
        let (here, play) = (Arc::clone(&one_slot), Arc::clone(&game));
        let one = Links::start(
            options(1, &keys, vec![two.local_addr().into()], limits),
            Box::new(move |event| match event {
                Event::Up { .. } => drop(up.send(())),
                Event::Message { bytes, .. } => answered(&here, &play, bytes),
                _ => {}
            }),
        )?;
        let one = Arc::new(one);
        *lock(&one_slot) = Some(Arc::clone(&one));
        is_up
            .recv_timeout(Duration::from_secs(10))
            .map_err(|_| BenchError::WrongAnswer("the link does not come up".to_owned()))?;
        Ok(Self {
            one,
            two,
            game,
            came,
        })
    }

    /// Wake-ups of both I/O threads so far.
    pub fn wake_ups(&self) -> u64 {
        self.one.figures().wake_ups + self.two.figures().wake_ups
    }

    /// Ends both.
    pub fn close(&self) {
        self.one.close();
        self.two.close();
    }

    /// `count` times there and back; the I/O threads answer by themselves.
    pub fn ping_pong(&self, count: usize) -> Result<Trips, BenchError> {
        let (over, is_over) = channel();
        *lock(&self.game) = Game {
            left: count,
            sent: Some(Instant::now()),
            micros: Samples::default(),
            over: Some(over),
        };
        let cpu = cpu::process();
        self.one.send(2, 1, Priority::Urgent, vec![7; SMALL])?;
        let micros = is_over
            .recv_timeout(Duration::from_mins(1))
            .map_err(|_| BenchError::WrongAnswer("a round trip does not end".to_owned()))?;
        let cpu = cpu::process().saturating_sub(cpu);
        Ok(Trips { micros, cpu, count })
    }

    /// From a thread of the layer above, which waits when the queue is full.
    pub fn one_way(&self, count: usize, bytes: usize) -> Result<Flow, BenchError> {
        let (cpu, start) = (cpu::process(), Instant::now());
        let mut came = 0;
        let mut take = |least: usize| {
            for _ in 0..least {
                let length = self.came.recv_timeout(Duration::from_mins(1));
                if length != Ok(bytes) {
                    return Err(BenchError::WrongAnswer("a message was lost".to_owned()));
                }
                came += 1;
            }
            came += self.came.try_iter().count();
            Ok(came)
        };
        for sent in 0..count {
            loop {
                match self.one.send(2, 2, Priority::Normal, vec![7; bytes]) {
                    Ok(()) => break,
                    Err(SendError::Full(_)) => {
                        if take(0)? < sent {
                            take(1)?;
                        }
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        while take(0)? < count {
            take(1)?;
        }
        Ok(Flow {
            took: start.elapsed(),
            cpu: cpu::process().saturating_sub(cpu),
            count,
            bytes,
        })
    }
}

fn answered(links: &LinksSlot, game: &Mutex<Game>, bytes: Vec<u8>) {
    let mut game = lock(game);
    if let Some(sent) = game.sent.take() {
        game.micros.push_micros(sent.elapsed());
    }
    game.left = game.left.saturating_sub(1);
    if game.left == 0 {
        if let Some(over) = game.over.take() {
            // Nobody waits any more when the bench has failed otherwise.
            let _ = over.send(std::mem::take(&mut game.micros));
        }
        return;
    }
    game.sent = Some(Instant::now());
    drop(game);
    if let Some(links) = &*lock(links) {
        // A failure shows in the trip that never ends.
        let _ = links.send(2, 1, Priority::Urgent, bytes);
    }
}

fn options(
    node: u16,
    keys: &[TransportKey; 2],
    addresses: Vec<pyralog_link::Address>,
    limits: Limits,
) -> LinkOptions {
    let other = 3 - node;
    let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let key = |node: u16| keys[usize::from(node) - 1].clone();
    LinkOptions {
        peers: vec![Peer {
            node: other,
            public: key(other).public(),
            addresses,
        }],
        limits,
        ..LinkOptions::new([7; 32], node, key(node), listen)
    }
}
