//! Nodes on the loopback interface, and a wire between two of them that a test can hold or damage. Nothing here waits for a time:
//! tests wait for events, and fail after a minute without the one they need.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pyralog_link::{Address, Event, LinkError, LinkOptions, Links, Peer, SendError, TransportKey};

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_mins(1);

pub fn key(node: u16) -> TransportKey {
    let mut bytes = [0x11; 32];
    bytes[..2].copy_from_slice(&node.to_le_bytes());
    TransportKey::from_bytes(bytes)
}

pub fn peer(node: u16, address: Option<SocketAddr>) -> Peer {
    Peer {
        node,
        public: key(node).public(),
        addresses: address.map(Address::from).into_iter().collect(),
    }
}

/// Each node has an address of its own.
pub fn options(node: u16, peers: Vec<Peer>) -> LinkOptions {
    let listen = SocketAddr::from(([127, 0, 0, node as u8], 0));
    let hello = format!("node {node}").into_bytes();
    LinkOptions {
        peers,
        hello: Arc::new(move |_| hello.clone()),
        ..LinkOptions::new([3; 32], node, key(node), listen)
    }
}

/// A node and what it heard.
pub struct Node {
    pub links: Links,
    events: Receiver<Event>,
    /// Heard and passed over by a test that waited for something else.
    passed: VecDeque<Event>,
}

impl Node {
    pub fn start(options: LinkOptions) -> Self {
        Self::try_start(options).expect("links start")
    }

    pub fn try_start(options: LinkOptions) -> Result<Self, LinkError> {
        let (tell, events) = channel();
        let links = Links::start(options, Box::new(move |event| drop(tell.send(event))))?;
        Ok(Self {
            links,
            events,
            passed: VecDeque::new(),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.links.local_addr()
    }

    fn fresh(&mut self) -> Event {
        self.events
            .recv_timeout(PATIENCE)
            .expect("something happens within a minute")
    }

    /// Takes the first event that is wanted, and keeps the others for later.
    pub fn take<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        if let Some(at) = self.passed.iter().position(|event| wanted(event).is_some()) {
            let event = self.passed.remove(at).expect("it was found");
            return wanted(&event).expect("it was wanted");
        }
        loop {
            let event = self.fresh();
            if let Some(found) = wanted(&event) {
                return found;
            }
            self.passed.push_back(event);
        }
    }

    pub fn up(&mut self, peer: u16) -> Vec<u8> {
        self.take(|event| match event {
            Event::Up { peer: p, hello } if *p == peer => Some(hello.clone()),
            _ => None,
        })
    }

    pub fn down(&mut self, peer: u16) -> pyralog_link::Down {
        self.take(|event| match event {
            Event::Down { peer: p, why } if *p == peer => Some(why.clone()),
            _ => None,
        })
    }

    pub fn refused(&mut self) -> (Option<u16>, pyralog_link::Refusal) {
        self.take(|event| match event {
            Event::Refused { peer, why, .. } => Some((*peer, why.clone())),
            _ => None,
        })
    }

    pub fn message(&mut self, from: u16) -> (u8, Vec<u8>) {
        self.take(|event| match event {
            Event::Message {
                peer,
                channel,
                bytes,
            } if *peer == from => Some((*channel, bytes.clone())),
            _ => None,
        })
    }

    /// Sends, and waits for room as the layer above does.
    pub fn send(&self, to: u16, channel: u8, priority: pyralog_link::Priority, bytes: &[u8]) {
        send(&self.links, to, channel, priority, bytes);
    }
}

pub fn send(links: &Links, to: u16, channel: u8, priority: pyralog_link::Priority, bytes: &[u8]) {
    loop {
        match links.send(to, channel, priority, bytes.to_vec()) {
            Ok(()) => return,
            Err(SendError::Full(_)) => thread::yield_now(),
            Err(error) => panic!("node {to}: {error}"),
        }
    }
}

/// Waits until something holds.
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} does not come");
        thread::yield_now();
    }
}

/// Two nodes, the first dials, and both are up.
pub fn two() -> (Node, Node) {
    let mut two = Node::start(options(2, vec![peer(1, None)]));
    let mut one = Node::start(options(1, vec![peer(2, Some(two.address()))]));
    assert_eq!(one.up(2), b"node 2");
    assert_eq!(two.up(1), b"node 1");
    (one, two)
}

/// What a [`Wire`] does to the bytes of a direction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    Pass,
    /// Nothing passes, until something else is said.
    Hold,
    /// The next bytes are passed with a bit turned, then `Pass`.
    Damage,
    /// The next bytes are passed twice, then `Pass`.
    Repeat,
}

struct Switch {
    handling: Mutex<Handling>,
    changed: Condvar,
    closed: Mutex<bool>,
}

/// A wire to a node: connections made to it are connections to that node.
pub struct Wire {
    pub address: SocketAddr,
    switch: Arc<Switch>,
    accepting: Option<JoinHandle<()>>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("an address");
        let address = listener.local_addr().expect("it has one");
        let switch = Arc::new(Switch {
            handling: Mutex::new(Handling::Pass),
            changed: Condvar::new(),
            closed: Mutex::new(false),
        });
        let streams = Arc::new(Mutex::new(Vec::new()));
        let (held, at) = (Arc::clone(&streams), Arc::clone(&switch));
        let accepting = thread::spawn(move || {
            let mut copies = Vec::new();
            for from in listener.incoming().flatten() {
                if *at.closed.lock().unwrap() {
                    break;
                }
                let Ok(to) = TcpStream::connect(target) else {
                    continue;
                };
                for (a, b) in [(&from, &to), (&to, &from)] {
                    let (a, b) = (a.try_clone().unwrap(), b.try_clone().unwrap());
                    let at = Arc::clone(&at);
                    copies.push(thread::spawn(move || copy(a, b, &at)));
                }
                held.lock().unwrap().extend([from, to]);
            }
            cut(&held);
            for copy in copies {
                copy.join().unwrap();
            }
        });
        Self {
            address,
            switch,
            accepting: Some(accepting),
            streams,
        }
    }

    pub fn set(&self, handling: Handling) {
        *self.switch.handling.lock().unwrap() = handling;
        self.switch.changed.notify_all();
    }

    /// Breaks all connections.
    pub fn cut(&self) {
        cut(&self.streams);
    }
}

fn cut(streams: &Mutex<Vec<TcpStream>>) {
    for stream in streams.lock().unwrap().drain(..) {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, switch: &Switch) {
    let mut room = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut room) {
        let mut handling = switch.handling.lock().unwrap();
        while *handling == Handling::Hold && !*switch.closed.lock().unwrap() {
            handling = switch.changed.wait(handling).unwrap();
        }
        let how = *handling;
        if how != Handling::Hold {
            *handling = Handling::Pass;
        }
        drop(handling);
        if how == Handling::Damage {
            room[count - 1] ^= 1;
        }
        let twice = if how == Handling::Repeat { 2 } else { 1 };
        if (0..twice).any(|_| to.write_all(&room[..count]).is_err()) {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

impl Drop for Wire {
    fn drop(&mut self) {
        *self.switch.closed.lock().unwrap() = true;
        self.set(Handling::Pass);
        self.cut();
        // Wakes the one that accepts.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            accepting.join().unwrap();
        }
    }
}

/// A gate that a callback waits at: an I/O thread that does not run.
#[derive(Clone)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn shut() -> Self {
        Self(Arc::new((Mutex::new(false), Condvar::new())))
    }

    pub fn pass(&self) {
        let mut open = self.0.0.lock().unwrap();
        while !*open {
            open = self.0.1.wait(open).unwrap();
        }
    }

    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}
