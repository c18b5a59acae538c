//! What strangers do at the door (LK3): they say nothing, or too slowly, or nonsense, and keep nobody out.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use pyralog_link::{LinkOptions, Priority, Refusal};

use crate::support::{Node, options, peer, until};

/// The first bytes of a preamble from node 1 to node 2, or of all of it.
fn preamble() -> Vec<u8> {
    let mut bytes = b"PYRLNK\x00\x01".to_vec();
    bytes.extend([3; 32]);
    bytes.extend([1, 0, 2, 0, 0, 0, 0, 0]);
    bytes
}

fn listener(handshake: Duration) -> Node {
    let mut options: LinkOptions = options(2, vec![peer(1, None)]);
    options.limits.handshake = handshake;
    Node::start(options)
}

fn works(one_to: SocketAddr, two: &mut Node) {
    let mut one = Node::start(options(1, vec![peer(2, Some(one_to))]));
    one.up(2);
    two.up(1);
    one.send(2, 1, Priority::Normal, b"hello");
    assert_eq!(two.message(1).1, b"hello");
    one.links.close();
    two.down(1);
}

/// Reads until the other side closes.
fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

#[test]
fn who_is_slow_is_shown_out() {
    let mut two = listener(Duration::from_millis(100));
    let stages = [
        Vec::new(),
        preamble()[..5].to_vec(),
        preamble()[..47].to_vec(),
        preamble(),
        [preamble(), 200u16.to_le_bytes().to_vec(), vec![1; 199]].concat(),
    ];
    for (stage, bytes) in stages.iter().enumerate() {
        let mut stream = TcpStream::connect(two.address()).unwrap();
        stream.write_all(bytes).unwrap();
        let answer = until_closed(&mut stream);
        assert_eq!(answer, if stage < 3 { vec![] } else { vec![0] });
        let (claimed, why) = two.refused();
        assert!(matches!(why, Refusal::TimedOut(_)), "stage {stage}: {why}");
        assert_eq!(claimed, (stage >= 3).then_some(1));
    }
    works(two.address(), &mut two);
}

#[test]
fn one_byte_at_a_time_gains_no_time() {
    let two = listener(Duration::from_millis(150));
    let mut stream = TcpStream::connect(two.address()).unwrap();
    let mut sent = 0;
    // The preamble is not even over when the time is: each byte waits for the node to go on living a while.
    for byte in preamble() {
        let woken = two.links.figures().wake_ups;
        if stream.write_all(&[byte]).is_err() {
            break;
        }
        sent += 1;
        if sent > 40 {
            break;
        }
        until("the node runs", || two.links.figures().wake_ups > woken);
    }
    assert_eq!(until_closed(&mut stream), Vec::<u8>::new());
    let figures = two.links.figures();
    assert_eq!(figures.strangers.get("timed-out"), Some(&1));
}

#[test]
fn two_hundred_that_say_nothing_keep_nobody_out() {
    let mut two = listener(Duration::from_mins(10));
    let silent: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(two.address()).unwrap())
        .collect();
    works(two.address(), &mut two);
    // Of the others at most 64 are held; what became of the rest is counted and told.
    until("the rest is shown out", || {
        let strangers = two.links.figures().strangers;
        strangers.values().sum::<u64>() >= 200 - 64
    });
    let strangers = two.links.figures().strangers;
    assert!(
        strangers
            .keys()
            .all(|label| ["busy", "timed-out"].contains(label))
    );
    let (_, why) = two.refused();
    assert!(matches!(why, Refusal::Here(_) | Refusal::TimedOut(_)));
    drop(silent);
}

#[test]
fn nonsense_gets_no_answer_and_does_no_harm() {
    let mut two = listener(Duration::from_mins(10));
    let mut random = fastrand::Rng::with_seed(3);
    let good = preamble();
    for turn in 0..60 {
        let mut stream = TcpStream::connect(two.address()).unwrap();
        let mut bytes = vec![0; random.usize(48..5000)];
        random.fill(&mut bytes);
        // Some get as far as the handshake.
        if turn % 2 == 0 {
            bytes[..48].copy_from_slice(&good);
            bytes[48..].iter_mut().take(2).for_each(|byte| *byte = 0);
        }
        let _ = stream.write_all(&bytes);
        let answer = until_closed(&mut stream);
        assert!(answer.is_empty() || answer == [0], "{answer:?}");
    }
    // An HTTP client that lost its way.
    let mut stream = TcpStream::connect(two.address()).unwrap();
    stream
        .write_all(&[b"GET / HTTP/1.1\r\n".as_slice(); 4].concat())
        .unwrap();
    assert_eq!(until_closed(&mut stream), Vec::<u8>::new());
    // One that closes in the midst.
    drop(TcpStream::connect(two.address()).unwrap());
    works(two.address(), &mut two);
    assert!(two.links.figures().strangers["not-a-link"] >= 30);
}

#[test]
fn a_listener_that_never_answers_is_given_up() {
    // Accepts in the kernel and says nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut two = Node::start(options(2, vec![peer(1, None)]));
    let mut options = options(1, vec![peer(2, Some(mute.local_addr().unwrap()))]);
    options.peers[0].addresses.push(two.address().into());
    options.limits.handshake = Duration::from_millis(100);
    let mut one = Node::start(options);
    let (peer, why) = one.refused();
    assert!(
        peer == Some(2) && matches!(why, Refusal::TimedOut(_)),
        "{why}"
    );
    one.up(2);
    two.up(1);
}
