//! Where the handles of several keys go that one derivation makes: into the structure that is the mechanism's parameter. All
//! of them are written, and only once everything that came has the length that was asked for; or nothing is.

use cryptoki_sys::*;
use strongroom_pkcs11_wire::{MechanismType, Rv, call::answer};

use super::memory::{self, Place, Row};

/// The places for what a derivation makes that makes several keys.
#[derive(Debug)]
pub(super) enum Places<'a> {
    /// A handle each: the first where the function has a place for it, the others where their templates say.
    Each(Vec<Place<'a, CK_OBJECT_HANDLE>>),
    /// What protects a connection of TLS.
    Protection {
        /// The handles, between which nothing else stands.
        handles: Row<'a, CK_OBJECT_HANDLE>,
        /// The initialisation vectors of the client and the server.
        vectors: [Row<'a, u8>; 2],
    },
}

impl Places<'_> {
    /// The places that a mechanism has, behind that of the function itself; nothing where it makes one key.
    ///
    /// # Safety
    /// `mechanism` is null or points to a mechanism whose parameter is as its length and its kind say; what that points to
    /// for handles and initialisation vectors, and `key`, are null or ours to write for as long as this lives.
    ///
    /// # Errors
    /// [`Rv::ARGUMENTS_BAD`] without a mechanism or a place for the first key, [`Rv::MECHANISM_PARAM_INVALID`] for a parameter
    /// without the places that it should have.
    #[allow(clippy::multiple_unsafe_ops_per_block, reason = "one promise for the whole parameter")]
    pub(super) unsafe fn new(mechanism: *const CK_MECHANISM, key: *mut CK_OBJECT_HANDLE) -> Result<Option<Self>, Rv> {
        // SAFETY: promised above, of the mechanism and of everything that it points to.
        unsafe {
            let given = memory::structure(mechanism).ok_or(Rv::ARGUMENTS_BAD)?;
            match MechanismType(given.mechanism) {
                MechanismType::SP800_108_COUNTER_KDF | MechanismType::SP800_108_DOUBLE_PIPELINE_KDF => {
                    let p = parameter::<CK_SP800_108_KDF_PARAMS>(&given)?;
                    Self::behind(key, p.pAdditionalDerivedKeys, p.ulAdditionalDerivedKeys)
                }
                MechanismType::SP800_108_FEEDBACK_KDF => {
                    let p = parameter::<CK_SP800_108_FEEDBACK_KDF_PARAMS>(&given)?;
                    Self::behind(key, p.pAdditionalDerivedKeys, p.ulAdditionalDerivedKeys)
                }
                kind @ (MechanismType::TLS12_KEY_AND_MAC_DERIVE | MechanismType::TLS12_KEY_SAFE_DERIVE) => {
                    let p = parameter::<CK_TLS12_KEY_MAT_PARAMS>(&given)?;
                    let bits = if kind == MechanismType::TLS12_KEY_SAFE_DERIVE { 0 } else { p.ulIVSizeInBits };
                    if bits > MOST_BITS || !bits.is_multiple_of(8) {
                        return Err(WRONG);
                    }
                    let out = memory::structure(p.pReturnedKeyMaterial).ok_or(WRONG)?;
                    let row = |start| Row::new(start, bits / 8).map_err(|_| WRONG);
                    let vectors = [row(out.pIVClient)?, row(out.pIVServer)?];
                    let handles = Row::new(p.pReturnedKeyMaterial.cast(), HANDLES)?;
                    Ok(Some(Self::Protection { handles, vectors }))
                }
                _ => Ok(None),
            }
        }
    }

    /// # Safety
    /// As for [`Places::new`], of `key` and of the other keys' places.
    #[allow(clippy::multiple_unsafe_ops_per_block, reason = "one promise for all of them")]
    unsafe fn behind(
        key: *mut CK_OBJECT_HANDLE,
        start: *const CK_DERIVED_KEY,
        count: CK_ULONG,
    ) -> Result<Option<Self>, Rv> {
        if count == 0 {
            return Ok(None);
        }
        // SAFETY: promised by the caller.
        unsafe {
            let mut places = vec![Place::new(key)?];
            for entry in entries(start, count)? {
                places.push(Place::new(entry.phKey).map_err(|_| WRONG)?);
            }
            Ok(Some(Self::Each(places)))
        }
    }

    /// Writes what the daemon made.
    ///
    /// # Errors
    /// [`Rv::DEVICE_ERROR`], and nothing is written, when it is not as much as there are places for.
    pub(super) fn put(self, made: &answer::DeriveKeys) -> Result<(), Rv> {
        match self {
            Self::Each(mut places) => {
                if places.len() != made.keys.len() || !made.beside.is_empty() {
                    return Err(Rv::DEVICE_ERROR);
                }
                places.iter_mut().zip(&made.keys).for_each(|(place, key)| place.put(*key));
            }
            Self::Protection { mut handles, vectors: [mut client, mut server] } => {
                let both = client.room().checked_add(server.room());
                if made.keys.len() != handles.room() || Some(made.beside.len()) != both {
                    return Err(Rv::DEVICE_ERROR);
                }
                let parts = made.beside.split_at_checked(client.room()).ok_or(Rv::DEVICE_ERROR)?;
                handles.fill(&made.keys)?;
                client.fill(parts.0)?;
                server.fill(parts.1)?;
            }
        }
        Ok(())
    }
}

/// The keys that are derived behind the first.
///
/// # Safety
/// `start` is null or points to so many of them.
///
/// # Errors
/// [`Rv::MECHANISM_PARAM_INVALID`] for null, and for more than anybody has use for.
pub(super) unsafe fn entries(start: *const CK_DERIVED_KEY, count: CK_ULONG) -> Result<Vec<CK_DERIVED_KEY>, Rv> {
    let count = usize::try_from(count).ok().filter(|count| *count <= MOST).ok_or(WRONG)?;
    // SAFETY: the caller vouches for so many.
    (0..count).map(|place| unsafe { memory::structure(start.wrapping_add(place)) }.ok_or(WRONG)).collect()
}

/// # Safety
/// The parameter has as many readable bytes as its length says, and any bytes make a `T`.
unsafe fn parameter<T: Copy>(given: &CK_MECHANISM) -> Result<T, Rv> {
    if usize::try_from(given.ulParameterLen) != Ok(size_of::<T>()) {
        return Err(WRONG);
    }
    // SAFETY: the caller vouches for the bytes, and they are as many as a `T` has.
    unsafe { memory::structure(given.pParameter.cast_const().cast()) }.ok_or(WRONG)
}

const WRONG: Rv = Rv::MECHANISM_PARAM_INVALID;

/// A structure of TLS begins with four handles.
const HANDLES: CK_ULONG = 4;

/// No cipher has a longer initialisation vector.
const MOST_BITS: CK_ULONG = 512;

/// More than the daemon derives at once.
const MOST: usize = 16;
