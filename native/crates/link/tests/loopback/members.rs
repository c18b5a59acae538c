//! Who has a link with whom (LK1, LK2, LK4): changes, restarts, refusals with their reasons.

use std::sync::Arc;

use pyralog_link::{Address, Down, LinkError, LinkOptions, Priority, Reason, Refusal, SendError};

use crate::support::{Node, key, options, peer, two, until};

#[test]
fn three_nodes_have_three_links() {
    let mut three = Node::start(options(3, vec![peer(1, None), peer(2, None)]));
    let at_three = Some(three.address());
    let mut two = Node::start(options(2, vec![peer(1, None), peer(3, at_three)]));
    let at_two = Some(two.address());
    // An entry of the node itself is passed over.
    let all = vec![peer(1, None), peer(2, at_two), peer(3, at_three)];
    let mut one = Node::start(options(1, all));
    for (node, others) in [(&mut one, [2, 3]), (&mut two, [1, 3]), (&mut three, [1, 2])] {
        for other in others {
            node.up(other);
        }
    }
    two.send(3, 9, Priority::Bulk, b"snapshot");
    assert_eq!(three.message(2), (9, b"snapshot".to_vec()));
    drop(three);
    assert_eq!(one.down(3), Down::Closed);
    assert_eq!(two.down(3), Down::Closed);
}

#[test]
fn either_end_may_start_again() {
    let (mut one, mut two) = two();
    let at = two.address();
    two.links.close();
    assert_eq!(two.down(1), Down::Closing);
    assert_eq!(
        two.links.send(1, 1, Priority::Normal, vec![1]),
        Err(SendError::Down(1))
    );
    assert!(matches!(two.links.set_peers(&[]), Err(LinkError::Closed)));
    one.down(2);
    drop(two);
    // At the same port: the dialler finds it again by itself.
    let mut again = options(2, vec![peer(1, None)]);
    again.listen = at;
    let mut two = Node::start(again);
    one.up(2);
    two.up(1);
    one.send(2, 1, Priority::Normal, b"after");
    assert_eq!(two.message(1), (1, b"after".to_vec()));
    drop(one);
    two.down(1);
    let mut one = Node::start(options(1, vec![peer(2, Some(at))]));
    one.up(2);
    two.up(1);
    two.send(1, 1, Priority::Normal, b"again");
    assert_eq!(one.message(2), (1, b"again".to_vec()));
    assert_eq!(two.links.figures().peers[&1].connects, 2);
}

#[test]
fn a_second_connection_of_a_peer_replaces_the_first() {
    let (one, mut two) = two();
    // The same node once more: what a listener sees of a peer that came back while its old connection is half-open.
    let mut again = Node::start(options(1, vec![peer(2, Some(two.address()))]));
    again.up(2);
    assert_eq!(two.down(1), Down::Replaced);
    two.up(1);
    drop(one);
    until("a link with the new one", || {
        again
            .links
            .send(2, 1, Priority::Normal, b"new".to_vec())
            .is_ok()
    });
    let (_, bytes) = two.message(1);
    assert_eq!(bytes, b"new");
}

/// What both sides hear of a connection that comes to nothing.
fn refused(one: LinkOptions, two: LinkOptions) -> [(Option<u16>, Refusal); 2] {
    let mut two = Node::start(two);
    let mut one = one;
    for peer in &mut one.peers {
        peer.addresses = vec![two.address().into()];
    }
    let mut one = Node::start(one);
    let heard = [one.refused(), two.refused()];
    let counted = |node: &Node, peer: u16, why: &Refusal| {
        let figures = node.links.figures();
        let peers = figures.peers.get(&peer).map(|peer| &peer.refusals);
        let count = peers.unwrap_or(&figures.strangers).get(why.label());
        assert!(count.is_some_and(|&count| count > 0), "{why}");
        assert!(
            figures
                .peers
                .values()
                .all(|peer| !peer.up && peer.connects == 0)
        );
    };
    counted(&one, 2, &heard[0].1);
    counted(&two, 1, &heard[1].1);
    heard
}

#[test]
fn refusals_are_told_at_both_ends() {
    let one = || options(1, vec![peer(2, None)]);
    let two = || options(2, vec![peer(1, None)]);
    let by_peer = |reason| (Some(2), Refusal::ByPeer(reason));
    let here = |reason| (Some(1), Refusal::Here(reason));
    let foreign = LinkOptions {
        cluster: [4; 32],
        ..one()
    };
    let both = [by_peer(Reason::Cluster), here(Reason::Cluster)];
    assert_eq!(refused(foreign, two()), both);
    let stranger = LinkOptions {
        peers: vec![peer(3, None)],
        ..two()
    };
    let both = [by_peer(Reason::NotAMember), here(Reason::NotAMember)];
    assert_eq!(refused(one(), stranger), both);
    let other = LinkOptions { node: 3, ..two() };
    assert_eq!(
        refused(one(), other),
        [by_peer(Reason::NotTo), here(Reason::NotTo)]
    );
    let thief = LinkOptions {
        secret: key(9),
        ..one()
    };
    let [heard, told] = refused(thief, two());
    assert!(matches!(heard, (Some(2), Refusal::Ended { .. })));
    assert_eq!(told, (Some(1), Refusal::WrongKey));
    let impostor = LinkOptions {
        secret: key(9),
        ..two()
    };
    let [heard, told] = refused(one(), impostor);
    assert!(matches!(heard, (Some(2), Refusal::Ended { .. })));
    assert!(matches!(told, (Some(1), Refusal::Handshake(_))));
}

#[test]
fn a_refused_hello_is_read_by_both_operators() {
    let judge = |_, hello: &[u8]| {
        assert!(hello.starts_with(b"node "));
        Err("the store is of format 7, this node reads up to 6: upgrade it".to_owned())
    };
    let strict = LinkOptions {
        judge: Arc::new(judge),
        ..options(2, vec![peer(1, None)])
    };
    let [heard, told] = refused(options(1, vec![peer(2, None)]), strict);
    let text = "the store is of format 7, this node reads up to 6: upgrade it".to_owned();
    assert_eq!(heard, (Some(2), Refusal::HelloByPeer(text.clone())));
    assert_eq!(told, (Some(1), Refusal::Hello(text.clone())));
    let strict = LinkOptions {
        judge: Arc::new(judge),
        ..options(1, vec![peer(2, None)])
    };
    let [told, heard] = refused(strict, options(2, vec![peer(1, None)]));
    assert_eq!(told, (Some(2), Refusal::Hello(text.clone())));
    assert_eq!(heard, (Some(1), Refusal::HelloByPeer(text)));
}

#[test]
fn members_come_and_go() {
    let (mut one, mut two) = two();
    one.links.set_peers(&[]).unwrap();
    assert_eq!(
        one.links.send(2, 1, Priority::Urgent, vec![1]),
        Err(SendError::NotAMember(2))
    );
    assert_eq!(one.down(2), Down::Removed);
    two.down(1);
    one.links
        .set_peers(&[peer(2, Some(two.address()))])
        .unwrap();
    one.up(2);
    two.up(1);
    // The listener removes the dialler, which goes on asking and is told why.
    two.links.set_peers(&[]).unwrap();
    assert_eq!(two.down(1), Down::Removed);
    one.down(2);
    assert_eq!(
        one.refused(),
        (Some(2), Refusal::ByPeer(Reason::NotAMember))
    );
    two.links.set_peers(&[peer(1, None)]).unwrap();
    one.up(2);
    two.up(1);
    // Another address of the same peer changes nothing now.
    one.links
        .set_peers(&[peer(2, Some(one.address()))])
        .unwrap();
    one.send(2, 1, Priority::Normal, b"still");
    assert_eq!(two.message(1), (1, b"still".to_vec()));
    let mut changed = peer(1, None);
    changed.public = key(9).public();
    two.links.set_peers(&[changed]).unwrap();
    assert_eq!(two.down(1), Down::KeyChanged);
    one.down(2);
}

#[test]
fn the_layer_above_may_end_a_link() {
    let (mut one, mut two) = two();
    two.links.end(1, "a bundle that does not decode");
    assert_eq!(
        two.down(1),
        Down::Ended("a bundle that does not decode".to_owned())
    );
    one.down(2);
    one.up(2);
    two.up(1);
    two.links.end(7, "nobody");
}

#[test]
fn addresses_are_tried_in_turn_and_names_looked_up() {
    let mut two = Node::start({
        let mut options = options(2, vec![peer(1, None)]);
        options.listen = "127.0.0.1:0".parse().unwrap();
        options
    });
    // Nobody listens at the first; the second is a name that stands for other addresses too.
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let name: Address = format!("localhost:{}", two.address().port())
        .parse()
        .unwrap();
    assert!(matches!(name, Address::Name(_)));
    let mut other = peer(2, Some(gone));
    other.addresses.push(name);
    let mut one = Node::start(options(1, vec![other]));
    one.up(2);
    two.up(1);
    let figures = &one.links.figures().peers[&2];
    assert!(figures.dial_failures > 0);
    assert!(
        figures
            .last_dial_failure
            .as_ref()
            .unwrap()
            .contains(&gone.ip().to_string()[..3])
    );
}

#[test]
fn what_cannot_be_is_refused_at_the_start() {
    let start = |options| Node::try_start(options).err().unwrap();
    let twice = vec![peer(2, None), peer(2, None)];
    assert!(matches!(start(options(1, twice)), LinkError::Twice(2)));
    assert!(matches!(
        start(options(1, vec![peer(0, None)])),
        LinkError::Node(0)
    ));
    assert!(matches!(
        start(options(1, vec![peer(1024, None)])),
        LinkError::Node(1024)
    ));
    let mut keyless = peer(2, None);
    keyless.public = [0; 32];
    assert!(matches!(
        start(options(1, vec![keyless])),
        LinkError::Key(2)
    ));
    let taken = Node::start(options(1, Vec::new()));
    let mut same = options(1, Vec::new());
    same.listen = taken.address();
    assert!(matches!(start(same), LinkError::Listen { .. }));
    assert!(taken.links.set_peers(&[peer(0, None)]).is_err());
    for text in [
        "",
        "host",
        "host:",
        ":1",
        "host:0",
        "host:70000",
        "a:b:1",
        "[::1]",
    ] {
        assert!(text.parse::<Address>().is_err(), "{text:?}");
    }
    for text in ["1.2.3.4:5", "[::1]:5", "node-2.example:7000"] {
        assert!(text.parse::<Address>().is_ok(), "{text:?}");
    }
}
