//! Making what people choose costly to guess.

use argon2::{Algorithm, Argon2, Params, Version};
use strongroom_kmip::{code::ResultReason, secret::Secret};

use super::refusal::Refusal;

/// Argon2id over a PIN or password. It takes some hundredths of a second, whatever is entered.
///
/// # Errors
/// [`Refusal`] when there is no memory for it.
pub fn stretch(entered: &Secret, salt: &[u8; 16]) -> Result<[u8; 32], Refusal> {
    let failed = |_| Refusal::new(ResultReason::GeneralFailure, "Argon2id failed");
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(failed)?;
    let mut hash = [0; 32];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(entered.reveal(), salt, &mut hash).map_err(failed)?;
    Ok(hash)
}

/// RFC 9106 would have more; a login must not take longer than people wait, and the tries are counted.
const MEMORY_KIB: u32 = 19 << 10;
const PASSES: u32 = 2;
