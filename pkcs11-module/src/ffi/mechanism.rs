//! Mechanism parameters: C structures to wire values. One row says which mechanisms take which structure.

use cryptoki_sys::*;
use strongroom_pkcs11_wire::{
    Mechanism, MechanismType, Rv,
    attribute::Template,
    mechanism::{
        CbcData, Ccm, ChaCha, Chain, ChainField, Context, Ctr, Data, Ecdh, Eddsa, Finished, Gcm, HashContext, Hkdf, Iv,
        Number, Oaep, Parameter, Password, Poly1305, Protection, Pss, RsaAes, SmallCbcData, Tls,
    },
    number::{Derivation, Hedge, Mask, Source},
    value::{Bytes, Wiped},
};

use super::{
    derived,
    memory::{self, Input},
    template::template,
};

/// A mechanism with its parameter, or nothing for null.
///
/// # Safety
/// `start` is null or points to a mechanism whose parameter is as its length and its kind say.
///
/// # Errors
/// [`Rv::MECHANISM_PARAM_INVALID`] when the parameter cannot be that of the mechanism.
pub(super) unsafe fn optional(start: *const CK_MECHANISM) -> Result<Option<Mechanism>, Rv> {
    // SAFETY: promised above.
    let Some(given) = (unsafe { memory::structure(start) }) else { return Ok(None) };
    let kind = MechanismType(given.mechanism);
    let parameter = if given.pParameter.is_null() && given.ulParameterLen == 0 {
        Parameter::None
    } else {
        // SAFETY: promised above.
        unsafe { parameter(kind, &given) }?
    };
    Ok(Some(Mechanism { kind, parameter }))
}

/// A mechanism that must be there.
///
/// # Safety
/// As for [`optional`].
///
/// # Errors
/// [`Rv::ARGUMENTS_BAD`] for null, else as for [`optional`].
pub(super) unsafe fn required(start: *const CK_MECHANISM) -> Result<Mechanism, Rv> {
    // SAFETY: promised above.
    unsafe { optional(start) }?.ok_or(Rv::ARGUMENTS_BAD)
}

/// Reads the structure that a mechanism takes. What is not listed takes bytes: an initialisation vector, most often.
///
/// # Safety
/// As for [`optional`].
#[allow(clippy::multiple_unsafe_ops_per_block, reason = "one promise for the whole parameter")]
unsafe fn parameter(kind: MechanismType, given: &CK_MECHANISM) -> Result<Parameter, Rv> {
    type M = MechanismType;
    // SAFETY: the caller vouches for the parameter and for everything that it points to.
    Ok(unsafe {
        match kind {
            M::AES_GCM | M::AES_GMAC => {
                let p = whole::<CK_GCM_PARAMS>(given)?;
                let (iv, aad) = (bytes(p.pIv, p.ulIvLen)?, bytes(p.pAAD, p.ulAADLen)?);
                Parameter::Gcm(Gcm { iv, iv_bits: p.ulIvBits, aad, tag_bits: p.ulTagBits })
            }
            M::AES_CCM => {
                let p = whole::<CK_CCM_PARAMS>(given)?;
                let (nonce, aad) = (bytes(p.pNonce, p.ulNonceLen)?, bytes(p.pAAD, p.ulAADLen)?);
                Parameter::Ccm(Ccm { data_length: p.ulDataLen, nonce, aad, tag_length: p.ulMACLen })
            }
            M::AES_CTR => {
                let p = whole::<CK_AES_CTR_PARAMS>(given)?;
                Parameter::Ctr(Ctr { bits: p.ulCounterBits, block: p.cb })
            }
            kind if PSS.contains(&kind) => {
                let p = whole::<CK_RSA_PKCS_PSS_PARAMS>(given)?;
                Parameter::Pss(Pss { hash: MechanismType(p.hashAlg), mask: Mask(p.mgf), salt: p.sLen })
            }
            M::RSA_PKCS_OAEP => Parameter::Oaep(oaep(&whole::<CK_RSA_PKCS_OAEP_PARAMS>(given)?)?),
            M::RSA_AES_KEY_WRAP => {
                let p = whole::<CK_RSA_AES_KEY_WRAP_PARAMS>(given)?;
                let inner = memory::structure(p.pOAEPParams.cast_const()).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
                Parameter::RsaAes(RsaAes { bits: p.ulAESKeyBits, oaep: oaep(&inner)? })
            }
            M::PKCS5_PBKD2 => {
                let p = whole::<CK_PKCS5_PBKD2_PARAMS2>(given)?;
                let salt = bytes(p.pSaltSourceData.cast(), p.ulSaltSourceDataLen)?;
                // No function that is served takes data of its own.
                if p.ulPrfDataLen != 0 {
                    return Err(Rv::MECHANISM_PARAM_INVALID);
                }
                // The older structure has the address of the length in its place (PKCS#11 2.40 §2.26.3), and NSS still gives that
                // one; no password is as long as an address is large.
                let length = match p.ulPasswordLen {
                    length if length <= LONGEST_PASSWORD => length,
                    address => {
                        let place = std::ptr::with_exposed_provenance(usize::try_from(address).unwrap_or_default());
                        // Or it is a length that cannot be, and there is nothing.
                        if !memory::is_readable(place) {
                            return Err(Rv::MECHANISM_PARAM_INVALID);
                        }
                        memory::structure(place).ok_or(Rv::MECHANISM_PARAM_INVALID)?
                    }
                };
                let password = Wiped::new(bytes(p.pPassword, length)?.0);
                Parameter::Password(Password {
                    source: p.saltSource,
                    salt,
                    iterations: p.iterations,
                    function: p.prf,
                    password,
                })
            }
            M::ECDH1_DERIVE | M::ECDH1_COFACTOR_DERIVE => {
                let p = whole::<CK_ECDH1_DERIVE_PARAMS>(given)?;
                let shared = bytes(p.pSharedData, p.ulSharedDataLen)?;
                let public = bytes(p.pPublicData, p.ulPublicDataLen)?;
                Parameter::Ecdh(Ecdh { derivation: Derivation(p.kdf), shared, public })
            }
            M::EDDSA => {
                let p = whole::<CK_EDDSA_PARAMS>(given)?;
                let context = bytes(p.pContextData, p.ulContextDataLen)?;
                Parameter::Eddsa(Eddsa { prehash: truth(p.phFlag)?, context })
            }
            M::CHACHA20_POLY1305 | M::SALSA20_POLY1305 => {
                let p = whole::<CK_SALSA20_CHACHA20_POLY1305_PARAMS>(given)?;
                let (nonce, aad) = (bytes(p.pNonce, p.ulNonceLen)?, bytes(p.pAAD, p.ulAADLen)?);
                Parameter::Poly1305(Poly1305 { nonce, aad })
            }
            M::CHACHA20 => {
                let p = whole::<CK_CHACHA20_PARAMS>(given)?;
                let counter = bytes(p.pBlockCounter, octets(p.blockCounterBits)?)?;
                let nonce = bytes(p.pNonce, octets(p.ulNonceBits)?)?;
                Parameter::ChaCha(ChaCha { counter, nonce })
            }
            M::HASH_ML_DSA | M::HASH_SLH_DSA => {
                let p = whole::<CK_HASH_SIGN_ADDITIONAL_CONTEXT>(given)?;
                let context = bytes(p.pContext, p.ulContextLen)?;
                let (hedge, hash) = (Hedge(p.hedgeVariant), MechanismType(p.hash));
                Parameter::HashContext(HashContext { hedge, context, hash })
            }
            kind if LATTICE.contains(&kind) => {
                let p = whole::<CK_SIGN_ADDITIONAL_CONTEXT>(given)?;
                let context = bytes(p.pContext, p.ulContextLen)?;
                Parameter::Context(Context { hedge: Hedge(p.hedgeVariant), context })
            }
            M::HKDF_DERIVE | M::HKDF_DATA => {
                let p = whole::<CK_HKDF_PARAMS>(given)?;
                let (salt, info) = (bytes(p.pSalt, p.ulSaltLen)?, bytes(p.pInfo, p.ulInfoLen)?);
                Parameter::Hkdf(Hkdf {
                    extract: truth(p.bExtract)?,
                    expand: truth(p.bExpand)?,
                    hash: MechanismType(p.prfHashMechanism),
                    salt_type: p.ulSaltType,
                    salt,
                    salt_key: p.hSaltKey,
                    info,
                })
            }
            kind if STRING.contains(&kind) => {
                let p = whole::<CK_KEY_DERIVATION_STRING_DATA>(given)?;
                let data = bytes(p.pData, p.ulLen)?;
                Parameter::Data(Data { data })
            }
            M::DES3_CBC_ENCRYPT_DATA => {
                let p = whole::<CK_DES_CBC_ENCRYPT_DATA_PARAMS>(given)?;
                let data = bytes(p.pData, p.length)?;
                Parameter::SmallCbcData(SmallCbcData { iv: p.iv, data })
            }
            M::AES_CBC_ENCRYPT_DATA => {
                let p = whole::<CK_AES_CBC_ENCRYPT_DATA_PARAMS>(given)?;
                let data = bytes(p.pData, p.length)?;
                Parameter::CbcData(CbcData { iv: p.iv, data })
            }
            M::SP800_108_COUNTER_KDF | M::SP800_108_DOUBLE_PIPELINE_KDF => {
                let p = whole::<CK_SP800_108_KDF_PARAMS>(given)?;
                let fields = fields(p.pDataParams, p.ulNumberOfDataParams)?;
                let others = templates(p.pAdditionalDerivedKeys, p.ulAdditionalDerivedKeys)?;
                let (function, start) = (MechanismType(p.prfType), Bytes::default());
                Parameter::Chain(Chain { function, fields, start, others })
            }
            M::SP800_108_FEEDBACK_KDF => {
                let p = whole::<CK_SP800_108_FEEDBACK_KDF_PARAMS>(given)?;
                let fields = fields(p.pDataParams, p.ulNumberOfDataParams)?;
                let others = templates(p.pAdditionalDerivedKeys, p.ulAdditionalDerivedKeys)?;
                let start = bytes(p.pIV, p.ulIVLen)?;
                Parameter::Chain(Chain { function: MechanismType(p.prfType), fields, start, others })
            }
            M::TLS12_MASTER_KEY_DERIVE_DH => {
                let p = whole::<CK_TLS12_MASTER_KEY_DERIVE_PARAMS>(given)?;
                let (client, server) = randoms(&p.RandomInfo)?;
                let label = Bytes(b"master secret".to_vec());
                let seed = Bytes([client.0, server.0].concat());
                Parameter::Tls(Tls { hash: MechanismType(p.prfHashMechanism), label, seed })
            }
            M::TLS12_EXTENDED_MASTER_KEY_DERIVE_DH => {
                let p = whole::<CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS>(given)?;
                let seed = bytes(p.pSessionHash, p.ulSessionHashLen)?;
                let label = Bytes(b"extended master secret".to_vec());
                Parameter::Tls(Tls { hash: MechanismType(p.prfHashMechanism), label, seed })
            }
            M::TLS12_KEY_AND_MAC_DERIVE | M::TLS12_KEY_SAFE_DERIVE => {
                let p = whole::<CK_TLS12_KEY_MAT_PARAMS>(given)?;
                // No cipher of TLS 1.2 is one for export (RFC 5246 §1.2).
                if truth(p.bIsExport)? {
                    return Err(Rv::MECHANISM_PARAM_INVALID);
                }
                let (client, server) = randoms(&p.RandomInfo)?;
                let iv_bits = if kind == M::TLS12_KEY_SAFE_DERIVE { 0 } else { p.ulIVSizeInBits };
                Parameter::Protection(Protection {
                    hash: MechanismType(p.prfHashMechanism),
                    mac_bits: p.ulMacSizeInBits,
                    key_bits: p.ulKeySizeInBits,
                    iv_bits,
                    seed: Bytes([server.0, client.0].concat()),
                })
            }
            M::TLS_KDF | M::TLS12_KDF => {
                let p = whole::<CK_TLS_KDF_PARAMS>(given)?;
                let (client, server) = randoms(&p.RandomInfo)?;
                let (label, context) =
                    (bytes(p.pLabel, p.ulLabelLength)?, bytes(p.pContextData, p.ulContextDataLength)?);
                let seed = Bytes([client.0, server.0, context.0].concat());
                Parameter::Tls(Tls { hash: MechanismType(p.prfMechanism), label, seed })
            }
            M::TLS_MAC | M::TLS12_MAC => {
                let p = whole::<CK_TLS_MAC_PARAMS>(given)?;
                let hash = MechanismType(p.prfHashMechanism);
                Parameter::Finished(Finished { hash, length: p.ulMacLength, side: p.ulServerOrClient })
            }
            kind if NUMBER.contains(&kind) => {
                let number = whole::<CK_ULONG>(given)?;
                Parameter::Number(Number { number })
            }
            _ => {
                let iv = bytes(given.pParameter.cast(), given.ulParameterLen)?;
                Parameter::Iv(Iv { iv })
            }
        }
    })
}

/// Whether the parameter is as long as a structure.
fn is<T>(given: &CK_MECHANISM) -> bool {
    usize::try_from(given.ulParameterLen) == Ok(size_of::<T>())
}

/// The parameter as a structure, which it must be exactly as long as.
///
/// # Safety
/// The parameter has as many readable bytes as its length says, and any bytes make a `T`.
unsafe fn whole<T: Copy>(given: &CK_MECHANISM) -> Result<T, Rv> {
    if !is::<T>(given) {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    // SAFETY: the caller vouches for the bytes, and they are as many as a `T` has.
    unsafe { memory::structure(given.pParameter.cast_const().cast()) }.ok_or(Rv::MECHANISM_PARAM_INVALID)
}

/// How RSA-OAEP encrypts.
///
/// # Safety
/// As for [`Input::new`], of the label.
unsafe fn oaep(given: &CK_RSA_PKCS_OAEP_PARAMS) -> Result<Oaep, Rv> {
    // SAFETY: promised by the caller.
    let label = unsafe { bytes(given.pSourceData.cast(), given.ulSourceDataLen) }?;
    let (hash, mask, source) = (MechanismType(given.hashAlg), Mask(given.mgf), Source(given.source));
    Ok(Oaep { hash, mask, source, label })
}

/// Bytes that a parameter points to.
///
/// # Safety
/// As for [`Input::new`].
unsafe fn bytes(start: *const u8, length: CK_ULONG) -> Result<Bytes, Rv> {
    // SAFETY: promised by the caller.
    let input = unsafe { Input::new(start, length) }.map_err(|_| Rv::MECHANISM_PARAM_INVALID)?;
    input.bytes(Rv::MECHANISM_PARAM_INVALID)
}

/// The fields of SP 800-108.
///
/// # Safety
/// `start` is null or points to so many of them, whose values are as their lengths and kinds say.
#[allow(clippy::multiple_unsafe_ops_per_block, reason = "one promise for the whole row")]
unsafe fn fields(start: *const CK_PRF_DATA_PARAM, count: CK_ULONG) -> Result<Vec<ChainField>, Rv> {
    let count = usize::try_from(count).ok().filter(|count| *count <= MOST_FIELDS).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    let plain = |kind| ChainField { kind, little: false, width: 0, sum: 0, key: 0, data: Bytes::default() };
    let mut read = Vec::with_capacity(count);
    for place in 0..count {
        // SAFETY: the caller vouches for the fields and for everything that they point to.
        unsafe {
            let given = memory::structure(start.wrapping_add(place)).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
            let is = |size: usize| usize::try_from(given.ulValueLen) == Ok(size) && !given.pValue.is_null();
            let field = plain(given.type_);
            read.push(match given.type_ {
                CK_SP800_108_ITERATION_VARIABLE | CK_SP800_108_COUNTER
                    if is(size_of::<CK_SP800_108_COUNTER_FORMAT>()) =>
                {
                    let format = memory::structure(given.pValue.cast::<CK_SP800_108_COUNTER_FORMAT>());
                    let format = format.ok_or(Rv::MECHANISM_PARAM_INVALID)?;
                    ChainField { little: truth(format.bLittleEndian)?, width: format.ulWidthInBits, ..field }
                }
                // The iteration of a chain has no format.
                CK_SP800_108_ITERATION_VARIABLE if given.pValue.is_null() && given.ulValueLen == 0 => field,
                CK_SP800_108_DKM_LENGTH if is(size_of::<CK_SP800_108_DKM_LENGTH_FORMAT>()) => {
                    let format = memory::structure(given.pValue.cast::<CK_SP800_108_DKM_LENGTH_FORMAT>());
                    let format = format.ok_or(Rv::MECHANISM_PARAM_INVALID)?;
                    let (little, width) = (truth(format.bLittleEndian)?, format.ulWidthInBits);
                    ChainField { little, width, sum: format.dkmLengthMethod, ..field }
                }
                CK_SP800_108_BYTE_ARRAY => ChainField { data: bytes(given.pValue.cast(), given.ulValueLen)?, ..field },
                CK_SP800_108_KEY_HANDLE if is(size_of::<CK_OBJECT_HANDLE>()) => {
                    let key = memory::structure(given.pValue.cast::<CK_OBJECT_HANDLE>());
                    ChainField { key: key.ok_or(Rv::MECHANISM_PARAM_INVALID)?, ..field }
                }
                _ => return Err(Rv::MECHANISM_PARAM_INVALID),
            });
        }
    }
    Ok(read)
}

/// The templates of the keys that are derived behind the first.
///
/// # Safety
/// As for [`derived::entries`].
unsafe fn templates(start: *const CK_DERIVED_KEY, count: CK_ULONG) -> Result<Vec<Template>, Rv> {
    // SAFETY: promised by the caller.
    let entries = unsafe { derived::entries(start, count) }?;
    let wrong = |rv| if rv == Rv::ARGUMENTS_BAD { Rv::MECHANISM_PARAM_INVALID } else { rv };
    // SAFETY: the same.
    entries.iter().map(|entry| unsafe { template(entry.pTemplate, entry.ulAttributeCount) }.map_err(wrong)).collect()
}

/// The two randoms of a handshake.
///
/// # Safety
/// As for [`Input::new`], of both.
#[allow(clippy::multiple_unsafe_ops_per_block, reason = "one promise for both")]
unsafe fn randoms(info: &CK_SSL3_RANDOM_DATA) -> Result<(Bytes, Bytes), Rv> {
    // SAFETY: promised by the caller.
    unsafe {
        Ok((bytes(info.pClientRandom, info.ulClientRandomLen)?, bytes(info.pServerRandom, info.ulServerRandomLen)?))
    }
}

/// Bytes of so many bits, which must be whole ones.
fn octets(bits: CK_ULONG) -> Result<CK_ULONG, Rv> {
    if bits.is_multiple_of(8) { Ok(bits / 8) } else { Err(Rv::MECHANISM_PARAM_INVALID) }
}

fn truth(value: CK_BBOOL) -> Result<bool, Rv> {
    memory::truth(value).ok_or(Rv::MECHANISM_PARAM_INVALID)
}

/// More than any protocol puts in.
const MOST_FIELDS: usize = 64;

const PSS: [MechanismType; 10] = [
    MechanismType::RSA_PKCS_PSS,
    MechanismType::SHA1_RSA_PKCS_PSS,
    MechanismType::SHA224_RSA_PKCS_PSS,
    MechanismType::SHA256_RSA_PKCS_PSS,
    MechanismType::SHA384_RSA_PKCS_PSS,
    MechanismType::SHA512_RSA_PKCS_PSS,
    MechanismType::SHA3_224_RSA_PKCS_PSS,
    MechanismType::SHA3_256_RSA_PKCS_PSS,
    MechanismType::SHA3_384_RSA_PKCS_PSS,
    MechanismType::SHA3_512_RSA_PKCS_PSS,
];

const LATTICE: [MechanismType; 22] = [
    MechanismType::ML_DSA,
    MechanismType::HASH_ML_DSA_SHA224,
    MechanismType::HASH_ML_DSA_SHA256,
    MechanismType::HASH_ML_DSA_SHA384,
    MechanismType::HASH_ML_DSA_SHA512,
    MechanismType::HASH_ML_DSA_SHA3_224,
    MechanismType::HASH_ML_DSA_SHA3_256,
    MechanismType::HASH_ML_DSA_SHA3_384,
    MechanismType::HASH_ML_DSA_SHA3_512,
    MechanismType::HASH_ML_DSA_SHAKE128,
    MechanismType::HASH_ML_DSA_SHAKE256,
    MechanismType::SLH_DSA,
    MechanismType::HASH_SLH_DSA_SHA224,
    MechanismType::HASH_SLH_DSA_SHA256,
    MechanismType::HASH_SLH_DSA_SHA384,
    MechanismType::HASH_SLH_DSA_SHA512,
    MechanismType::HASH_SLH_DSA_SHA3_224,
    MechanismType::HASH_SLH_DSA_SHA3_256,
    MechanismType::HASH_SLH_DSA_SHA3_384,
    MechanismType::HASH_SLH_DSA_SHA3_512,
    MechanismType::HASH_SLH_DSA_SHAKE128,
    MechanismType::HASH_SLH_DSA_SHAKE256,
];

const STRING: [MechanismType; 5] = [
    MechanismType::DES3_ECB_ENCRYPT_DATA,
    MechanismType::AES_ECB_ENCRYPT_DATA,
    MechanismType::CONCATENATE_BASE_AND_DATA,
    MechanismType::CONCATENATE_DATA_AND_BASE,
    MechanismType::XOR_BASE_AND_DATA,
];

const NUMBER: [MechanismType; 24] = [
    MechanismType::MD5_HMAC_GENERAL,
    MechanismType::SHA_1_HMAC_GENERAL,
    MechanismType::SHA224_HMAC_GENERAL,
    MechanismType::SHA256_HMAC_GENERAL,
    MechanismType::SHA384_HMAC_GENERAL,
    MechanismType::SHA512_HMAC_GENERAL,
    MechanismType::SHA512_T,
    MechanismType::SHA512_T_HMAC_GENERAL,
    MechanismType::SHA512_224_HMAC_GENERAL,
    MechanismType::SHA512_256_HMAC_GENERAL,
    MechanismType::BLAKE2B_160_HMAC_GENERAL,
    MechanismType::BLAKE2B_256_HMAC_GENERAL,
    MechanismType::BLAKE2B_384_HMAC_GENERAL,
    MechanismType::BLAKE2B_512_HMAC_GENERAL,
    MechanismType::SHA3_224_HMAC_GENERAL,
    MechanismType::SHA3_256_HMAC_GENERAL,
    MechanismType::SHA3_384_HMAC_GENERAL,
    MechanismType::SHA3_512_HMAC_GENERAL,
    MechanismType::AES_MAC_GENERAL,
    MechanismType::DES3_MAC_GENERAL,
    MechanismType::AES_CMAC_GENERAL,
    MechanismType::DES3_CMAC_GENERAL,
    MechanismType::CONCATENATE_BASE_AND_KEY,
    MechanismType::EXTRACT_KEY_FROM_KEY,
];

/// In bytes; of the password that PBKDF2 stretches.
const LONGEST_PASSWORD: CK_ULONG = 1 << 16;
