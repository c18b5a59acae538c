//! What no commit certificate gets past (P6).

use arc_malachitebft_core_types::{NilOrVal, Round, VoteType};

use super::net::{NETWORK, key, set, sign};
use crate::commit::{CommitRefusal, Committed, encode_commit, verify_commit};
use crate::context::{Address, BlockId, Height, Signature, Vote};
use crate::wire::vote_bytes;
use crate::{BftError, Validators};

const ID: BlockId = BlockId([5; 32]);

fn committed(validators: &Validators) -> Committed<'_> {
    Committed {
        network: NETWORK,
        validators,
        height: 9,
        id: ID,
    }
}

fn precommit(number: u8) -> (Address, Signature) {
    let validator = Address(key(number).verifying_key().to_bytes());
    let content = vote_bytes(&Vote {
        vote_type: VoteType::Precommit,
        height: Height(9),
        round: Round::new(2),
        value: NilOrVal::Val(ID),
        validator,
    });
    (validator, Signature(sign(&key(number), &content)))
}

fn certificate(validators: &Validators, signers: &[u8]) -> Vec<u8> {
    let list: Vec<_> = signers.iter().map(|number| precommit(*number)).collect();
    encode_commit(validators, 2, &list).unwrap()
}

#[test]
fn a_quorum_proves_and_two_thirds_do_not() {
    let validators = set(&[1, 1, 1]);
    let all = certificate(&validators, &[2, 0, 1]);
    assert_eq!(
        verify_commit(committed(&validators), &all).unwrap().power,
        3
    );
    let two = certificate(&validators, &[0, 1]);
    let refused = verify_commit(committed(&validators), &two);
    assert_eq!(refused, Err(CommitRefusal::Power));
    let weighted = set(&[5, 2, 1]);
    let two = certificate(&weighted, &[0, 2]);
    assert!(verify_commit(committed(&weighted), &two).is_ok());
    let none = certificate(&weighted, &[]);
    let refused = verify_commit(committed(&weighted), &none);
    assert_eq!(refused, Err(CommitRefusal::Power));
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let validators = set(&[1, 1, 1, 1]);
    let good = certificate(&validators, &[0, 1, 3]);
    assert!(verify_commit(committed(&validators), &good).is_ok());
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(
            verify_commit(committed(&validators), &bad).is_err(),
            "bit {bit}"
        );
    }
    for length in 0..good.len() {
        let cut = verify_commit(committed(&validators), &good[..length]);
        assert_eq!(cut, Err(CommitRefusal::Malformed));
    }
    let longer = [good.as_slice(), &[0]].concat();
    let refused = verify_commit(committed(&validators), &longer);
    assert_eq!(refused, Err(CommitRefusal::Malformed));
}

#[test]
fn it_is_bound_to_network_height_and_block() {
    let validators = set(&[1, 1, 1, 1]);
    let good = certificate(&validators, &[0, 1, 2, 3]);
    let right = committed(&validators);
    let others = set(&[1, 1, 1, 2]);
    let cases = [
        Committed {
            network: "other",
            ..right
        },
        Committed {
            height: 10,
            ..right
        },
        Committed { height: 0, ..right },
        Committed {
            id: BlockId([6; 32]),
            ..right
        },
        Committed {
            validators: &others,
            ..right
        },
    ];
    for case in cases {
        assert!(verify_commit(case, &good).is_err(), "{case:?}");
    }
}

#[test]
fn the_bitmap_is_exact() {
    let validators = set(&[1, 1, 1, 1]);
    let good = certificate(&validators, &[0, 1, 2]);
    assert_eq!(&good[..4], &[0x83, 2, 0x41, good[3]]);
    let signatures = &good[4..];
    let with = |bitmap: &[u8]| {
        let head = [0x40 | u8::try_from(bitmap.len()).unwrap()];
        [&[0x83, 2], &head[..], bitmap, signatures].concat()
    };
    assert_eq!(with(&[good[3]]), good);
    // A bit beyond the set, too few bits, too many, a bitmap too long or empty.
    for bitmap in [&[0x13_u8][..], &[0x03], &[0x0f], &[good[3], 0], &[]] {
        let refused = verify_commit(committed(&validators), &with(bitmap));
        assert_eq!(refused, Err(CommitRefusal::Malformed), "{bitmap:?}");
    }
}

#[test]
fn a_signer_counts_once_and_must_be_known() {
    let validators = set(&[1, 1]);
    let twice = [precommit(0), precommit(0)];
    assert!(matches!(
        encode_commit(&validators, 2, &twice),
        Err(BftError::Argument(_))
    ));
    assert!(matches!(
        encode_commit(&validators, 2, &[precommit(7)]),
        Err(BftError::Argument(_))
    ));
}
