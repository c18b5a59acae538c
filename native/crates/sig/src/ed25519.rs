//! One signature at a time.

use std::cell::RefCell;

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha512};

/// Keys that a thread remembers: those of the accounts that send much, 200 bytes each.
const KEPT: usize = 512;

/// A key's point, which takes an eighth of a check to find.
#[derive(Clone, Copy)]
struct Known {
    key: [u8; 32],
    /// The point with its sign changed; none for what is no key.
    negated: Option<EdwardsPoint>,
}

thread_local! {
    /// Each key has one place. Keys are public, so it does no harm that a remembered one is faster.
    static KNOWN: RefCell<Vec<Option<Known>>> = const { RefCell::new(Vec::new()) };
}

/// Whether `signature` of `message` is by `key`, strictly (C5): canonical S, canonical A and R that are not of small
/// order, and [S]B = R + [k]A without a cofactor.
///
/// The sum is compared with R as bytes. So an R that passes is the encoding of a point, and the canonical one, and what is
/// true of the sum is true of R: it is not decoded.
#[must_use]
pub fn verify(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> bool {
    let (r, s) = signature.split_at(32);
    let s = s.try_into().map(Scalar::from_canonical_bytes);
    let Some(s) = s.ok().and_then(Option::<Scalar>::from) else {
        return false;
    };
    let Some(negated) = negated_point(key) else {
        return false;
    };
    let digest = Sha512::new()
        .chain_update(r)
        .chain_update(key)
        .chain_update(message);
    let k = Scalar::from_hash(digest);
    let sum = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &negated, &s);
    sum.compress().as_bytes() == r && !sum.is_small_order()
}

/// The point of a key with its sign changed; none when its encoding is not canonical or it is of small order.
fn negated_point(key: &[u8; 32]) -> Option<EdwardsPoint> {
    KNOWN.with_borrow_mut(|known| {
        if known.is_empty() {
            known.resize(KEPT, None);
        }
        let place = usize::from(u16::from_le_bytes([key[0], key[1]])) % KEPT;
        match known[place] {
            Some(found) if found.key == *key => found.negated,
            _ => {
                let negated = decode(key).map(|point| -point);
                known[place] = Some(Known { key: *key, negated });
                negated
            }
        }
    })
}

fn decode(key: &[u8; 32]) -> Option<EdwardsPoint> {
    // The library takes y >= p as y - p.
    let point = is_reduced(key).then(|| CompressedEdwardsY(*key).decompress())??;
    (!point.is_small_order()).then_some(point)
}

/// Signature of `message` by the key of `seed` (RFC 8032 §5.1.6).
#[must_use]
pub fn sign(seed: &[u8; 32], message: &[u8]) -> [u8; 64] {
    SigningKey::from_bytes(seed).sign(message).to_bytes()
}

/// Public key of `seed`.
#[must_use]
pub fn public_key(seed: &[u8; 32]) -> [u8; 32] {
    SigningKey::from_bytes(seed).verifying_key().to_bytes()
}

/// Whether the y of an encoded point is below p = 2^255 - 19. (The other encoding that is not canonical, x = 0 with its
/// sign set, is of small order.)
fn is_reduced(point: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = point;
    *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|&byte| byte != 0xff)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, VerifyingKey};

    use super::*;

    /// The library's strict verdict, on keys whose encoding is canonical.
    fn strictly(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> bool {
        is_reduced(key)
            && VerifyingKey::from_bytes(key)
                .and_then(|key| key.verify_strict(message, &Signature::from_bytes(signature)))
                .is_ok()
    }

    fn joined(r: &[u8; 32], s: &[u8; 32]) -> [u8; 64] {
        std::array::from_fn(|at| if at < 32 { r[at] } else { s[at - 32] })
    }

    /// The eight points of small order, and encodings of them and of others that are not canonical.
    fn strange_points() -> Vec<[u8; 32]> {
        let torsion = curve25519_dalek::constants::EIGHT_TORSION;
        let mut points: Vec<[u8; 32]> = torsion.iter().map(|p| p.compress().to_bytes()).collect();
        for low in 0xec..=0xff {
            for high in [0x7f, 0xff] {
                let mut point = [0xff; 32];
                (point[0], point[31]) = (low, high);
                points.push(point);
            }
        }
        let mut signed_zero = [0; 32];
        (signed_zero[0], signed_zero[31]) = (1, 0x80);
        points.push(signed_zero);
        points
    }

    #[test]
    fn verdicts_are_the_librarys_on_strange_points() {
        let message = b"message";
        let strange = strange_points();
        let good = sign(&[1; 32], message);
        for key in &strange {
            for r in &strange {
                for s in [[0; 32], std::array::from_fn(|at| good[32 + at])] {
                    let signature = joined(r, &s);
                    let expected = strictly(key, &signature, message);
                    assert_eq!(verify(key, &signature, message), expected);
                    assert_eq!(verify(key, &signature, message), expected, "remembered");
                    let honest = public_key(&[1; 32]);
                    let expected = strictly(&honest, &signature, message);
                    assert_eq!(verify(&honest, &signature, message), expected);
                }
            }
        }
    }

    /// A key with a torsion component: the equation without a cofactor holds for one message in eight or so.
    #[test]
    fn verdicts_are_the_librarys_on_keys_with_torsion() {
        let torsion = curve25519_dalek::constants::EIGHT_TORSION[1];
        let a = Scalar::from(7_u64);
        let key = (EdwardsPoint::mul_base(&a) + torsion).compress();
        let mut taken = 0;
        for number in 0..64_u64 {
            let message = number.to_le_bytes();
            let nonce = Scalar::from(number + 1);
            for r in [
                EdwardsPoint::mul_base(&nonce),
                EdwardsPoint::mul_base(&nonce) + torsion,
            ] {
                let r = r.compress();
                let hash = Sha512::new()
                    .chain_update(r.as_bytes())
                    .chain_update(key.as_bytes())
                    .chain_update(message);
                let s = nonce + Scalar::from_hash(hash) * a;
                let signature = joined(r.as_bytes(), s.as_bytes());
                let verdict = verify(key.as_bytes(), &signature, &message);
                assert_eq!(verdict, strictly(key.as_bytes(), &signature, &message));
                taken += u32::from(verdict);
            }
        }
        assert!((1..64).contains(&taken), "both verdicts occur: {taken}");
    }

    #[test]
    fn one_wrong_bit_is_refused_wherever_it_is() {
        let (key, message) = (public_key(&[2; 32]), *b"forty-two");
        let signature = sign(&[2; 32], &message);
        assert!(verify(&key, &signature, &message));
        for bit in 0..512 {
            let mut wrong = signature;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(
                !verify(&key, &wrong, &message),
                "bit {bit} of the signature"
            );
        }
        for bit in 0..256 {
            let mut wrong = key;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(
                !verify(&wrong, &signature, &message),
                "bit {bit} of the key"
            );
        }
    }

    #[test]
    fn keys_of_one_place_do_not_answer_for_each_other() {
        let place = |key: &[u8; 32]| usize::from(u16::from_le_bytes([key[0], key[1]])) % KEPT;
        let seeds: Vec<[u8; 32]> = (0..2_000_u16)
            .map(|i| std::array::from_fn(|at| i.to_le_bytes()[at % 2]))
            .collect();
        let first = public_key(&seeds[0]);
        let same = seeds[1..]
            .iter()
            .filter(|seed| place(&public_key(seed)) == place(&first));
        let mut met = 0;
        for seed in same {
            met += 1;
            assert!(verify(&public_key(seed), &sign(seed, b"m"), b"m"));
            assert!(verify(&first, &sign(&seeds[0], b"m"), b"m"));
            assert!(!verify(&first, &sign(seed, b"m"), b"m"));
        }
        assert!(met > 0, "some keys share a place");
    }
}
