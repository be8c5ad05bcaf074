//! Ed448 (RFC 8032) and X448 (RFC 7748), which AWS-LC lacks.

use std::sync::Arc;

use ed448_goldilocks::{PreHash, Signature, SigningKey, VerifyingKey};
use openssl::hash::{Hasher, MessageDigest};
use strongroom_kmip::{
    mechanism::{Curve, Input, Mechanism},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::gather::{Gather, MOST, NO_SIGNATURE};
use super::offer;
use crate::slot::contract::{Error, Key, Pair, Purpose, Running, Shape};

/// The private half of Ed448.
#[derive(Clone)]
pub(super) struct PrivateGoldilocks(Arc<SigningKey>);

/// The public half of Ed448.
#[derive(Clone)]
pub(super) struct PublicGoldilocks(VerifyingKey);

impl PrivateGoldilocks {
    /// The key of that seed.
    pub(super) fn new(seed: &[u8]) -> Result<Self, Error> {
        Ok(Self(Arc::new(SigningKey::try_from(seed).map_err(|_| LENGTH)?)))
    }

    /// The bytes of its public half.
    pub(super) fn public(&self) -> Vec<u8> {
        self.0.verifying_key().to_bytes().to_vec()
    }
}

impl PublicGoldilocks {
    /// The key of these bytes, which must be a point of the prime order: under any other, somebody else's signatures
    /// could fit.
    pub(super) fn new(bytes: &[u8]) -> Result<Self, Error> {
        let point = bytes.try_into().map_err(|_| LENGTH)?;
        let key = VerifyingKey::from_bytes(&point).map_err(|_| OFF)?;
        let sound: bool = key.to_edwards().is_torsion_free().into();
        if sound { Ok(Self(key)) } else { Err(OFF) }
    }
}

impl Key for PrivateGoldilocks {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        offer::allow(PRIVATE, purpose, mechanism)?;
        let signature = match mechanism {
            Mechanism::Eddsa => self.0.sign_ctx(&[], data),
            Mechanism::EddsaContext { input: Input::Message, context } => self.0.sign_ctx(context, data),
            Mechanism::EddsaContext { input: Input::Digest, context } => {
                self.0.sign_prehashed(Some(context), Digested::of(data)?)
            }
            _ => return Err(offer::UNSUPPORTED),
        };
        let signature = signature.map_err(|_| Error::Parameter("context"))?;
        Ok(Secret::new(signature.to_bytes().to_vec()))
    }

    fn verify(&self, _mechanism: &Mechanism, _data: &[u8], _signature: &[u8]) -> Result<(), Error> {
        Err(offer::UNSUPPORTED)
    }

    /// The message is hashed twice, so all of it is gathered first.
    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(PRIVATE, purpose, mechanism)?;
        Ok(Gather::begin(self.clone(), purpose, mechanism, MOST))
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        Some(SIGNATURE)
    }
}

impl Key for PublicGoldilocks {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, _data: &[u8]) -> Result<Secret, Error> {
        offer::allow(PUBLIC, purpose, mechanism)?;
        Err(NO_SIGNATURE)
    }

    fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        offer::allow(PUBLIC, Purpose::Verify, mechanism)?;
        let signature = Signature::from_slice(signature).map_err(|_| Error::Mismatch)?;
        let fits = match mechanism {
            Mechanism::Eddsa => self.0.verify_ctx(&signature, &[], data),
            Mechanism::EddsaContext { context, .. } if context.len() > LONGEST_CONTEXT => {
                return Err(Error::Parameter("context"));
            }
            Mechanism::EddsaContext { input: Input::Message, context } => self.0.verify_ctx(&signature, context, data),
            Mechanism::EddsaContext { input: Input::Digest, context } => {
                self.0.verify_prehashed(&signature, Some(context), Digested::of(data)?)
            }
            _ => return Err(offer::UNSUPPORTED),
        };
        fits.map_err(|_| Error::Mismatch)
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(PUBLIC, purpose, mechanism)?;
        Ok(Gather::begin(self.clone(), purpose, mechanism, MOST))
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        None
    }
}

/// The digest that Ed448ph signs: 64 bytes of SHAKE256.
struct Digested([u8; 64]);

impl Digested {
    fn of(data: &[u8]) -> Result<Self, Error> {
        let mut digest = [0; 64];
        let mut hasher = Hasher::new(MessageDigest::shake_256()).map_err(|_| ENGINE)?;
        hasher.update(data).and_then(|()| hasher.finish_xof(&mut digest)).map_err(|_| ENGINE)?;
        Ok(Self(digest))
    }
}

impl PreHash for Digested {
    fn fill_bytes(&mut self, out: &mut [u8]) {
        out.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
    }
}

/// What X448 makes of a private number and a public point; nothing for a point of small order, with which everybody
/// agrees on the same.
pub(super) fn x448(number: &[u8], point: &[u8]) -> Result<Option<Secret>, Error> {
    let number: Zeroizing<[u8; 56]> = Zeroizing::new(number.try_into().map_err(|_| LENGTH)?);
    let point = point.try_into().map_err(|_| LENGTH)?;
    let common = ::x448::x448(*number, point).map(Zeroizing::new);
    Ok(common.filter(|common| common.iter().any(|byte| *byte != 0)).map(|common| Secret::copy_of(&*common)))
}

/// The public half of a private number of X448.
pub(super) fn x448_public(number: &[u8]) -> Result<Vec<u8>, Error> {
    let public = x448(number, &::x448::X448_BASEPOINT_BYTES)?;
    public.map(|public| public.reveal().to_vec()).ok_or(LENGTH)
}

const PRIVATE: Shape = Shape::Private(Pair::Elliptic(Curve::Ed448));
const PUBLIC: Shape = Shape::Public(Pair::Elliptic(Curve::Ed448));

/// Bytes of a signature.
const SIGNATURE: usize = 114;

/// Bytes of the longest context (RFC 8032 §5.2.6).
const LONGEST_CONTEXT: usize = 255;

const LENGTH: Error = Error::Key("its number has a wrong length");
const OFF: Error = Error::Key("its point is not one of the curve's");
const ENGINE: Error = Error::Engine("SHAKE256");

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    /// RFC 7748 §5.2, both vectors, and §6.2.
    #[test]
    fn x448_makes_what_the_standard_says() {
        for (name, number, point, expected) in [
            (
                "the first",
                "3d262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121700a779c984c24f8cdd78fbff44943eba368f54b29259a4f\
                 1c600ad3",
                "06fce640fa3487bfda5f6cf2d5263f8aad88334cbd07437f020f08f9814dc031ddbdc38c19c6da2583fa5429db94ada18aa7a7fb\
                 4ef8a086",
                "ce3e4ff95a60dc6697da1db1d85e6afbdf79b50a2412d7546d5f239fe14fbaadeb445fc66a01b0779d98223961111e21766282f7\
                 3dd96b6f",
            ),
            (
                "the second",
                "203d494428b8399352665ddca42f9de8fef600908e0d461cb021f8c538345dd77c3e4806e25f46d3315c44e0a5b4371282dd2c8d\
                 5be3095f",
                "0fbcc2f993cd56d3305b0b7d9e55d4c1a8fb5dbb52f8e9a1e9b6201b165d015894e56c4d3570bee52fe205e28a78b91cdfbde71c\
                 e8d157db",
                "884a02576239ff7a2f2f63b2db6a9ff37047ac13568e1e30fe63c4a7ad1b3ee3a5700df34321d62077e63633c575c1c954514e99\
                 da7c179d",
            ),
        ] {
            let made = x448(&hex(number), &hex(point)).unwrap().unwrap();
            assert_eq!(made.reveal(), hex(expected), "{name}");
        }
    }

    #[test]
    fn points_of_small_order_agree_on_nothing() {
        let mut one = [0; 56];
        one[0] = 1;
        let mut minus = [0xFF; 56];
        (minus[0], minus[28]) = (0xFE, 0xFE);
        for (name, point) in [("nought", [0; 56]), ("one", one), ("minus one", minus)] {
            assert!(x448(&[7; 56], &point).unwrap().is_none(), "{name}");
        }
        assert_eq!(x448(&[7; 55], &[5; 56]).unwrap_err(), LENGTH);
    }

    /// RFC 8032 §7.4 and §7.5.
    #[test]
    fn ed448_signs_what_the_standard_says() {
        let seed = hex(
            "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e\
             0a12274e",
        );
        let public = "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c23\
                      5160627b4c3a9480";
        let key = PrivateGoldilocks::new(&seed).unwrap();
        assert_eq!(key.public(), hex(public));
        let other = PublicGoldilocks::new(&key.public()).unwrap();
        let context = Mechanism::EddsaContext { input: Input::Message, context: b"foo".to_vec() };
        for (name, mechanism, begins) in [
            ("plain", Mechanism::Eddsa, "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335"),
            ("in a context", context, "d4f8f6131770dd46f40867d6fd5d5055de43541f8c5e35ab"),
        ] {
            let signature = key.work(Purpose::Sign, &mechanism, &[3]).unwrap();
            assert_eq!(signature.reveal()[..24], hex(begins), "{name}");
            other.verify(&mechanism, &[3], signature.reveal()).unwrap();
            assert_eq!(other.verify(&mechanism, &[4], signature.reveal()), Err(Error::Mismatch), "{name}");
        }
        let seed = hex(
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42ef7822e0d5104127dc05d6dbefde69e3ab2cec7c86\
             7c6e2c49",
        );
        let prehashed = Mechanism::EddsaContext { input: Input::Digest, context: Vec::new() };
        let signature = PrivateGoldilocks::new(&seed).unwrap().work(Purpose::Sign, &prehashed, b"abc").unwrap();
        assert_eq!(signature.reveal()[..24], hex("822f6901f7480f3d5f562c592994d9693602875614483256"));
    }

    #[test]
    fn points_that_are_no_keys_are_refused() {
        let mut one = [0; 57];
        one[0] = 1;
        for (name, bytes) in [("the neutral point", &one[..]), ("order two and more", &[0; 57]), ("short", &one[..56])]
        {
            assert!(PublicGoldilocks::new(bytes).is_err(), "{name}");
        }
    }
}
