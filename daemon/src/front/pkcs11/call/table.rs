//! Which functions are served: one list. All others are answered that they are not.

use strongroom_pkcs11_wire::{
    Rv,
    call::{self, Ask, Request},
};

use super::contract::Serve;
use crate::front::pkcs11::desk::Desk;

/// Serves a request and appends its answer.
pub fn serve(request: Request, desk: &Desk<'_>, to: &mut Vec<u8>) {
    /// Names the functions that are served; a row without a handler does not compile.
    macro_rules! serves {
        ($($name:ident),* $(,)?) => {
            match request {
                $(Request::$name(ask) => answer(ask, desk, to),)*
                other => {
                    log::debug!("{} is not served", other.function());
                    call::write_refusal(desk.reject(other.function(), Rv::FUNCTION_NOT_SUPPORTED), to);
                }
            }
        };
    }
    desk.expire();
    serves! {
        Finalize, GetSlotList, GetSlotInfo, GetTokenInfo, GetMechanismList, GetMechanismInfo, InitToken, InitPIN, SetPIN,
        WaitForSlotEvent, OpenSession, CloseSession, CloseAllSessions, GetSessionInfo, SessionCancel, GetOperationState, SetOperationState,
        Login, LoginUser, Logout,
        CreateObject, CopyObject, DestroyObject, GetObjectSize, GetAttributeValue, SetAttributeValue,
        FindObjectsInit, FindObjects, FindObjectsFinal,
        EncryptInit, Encrypt, EncryptUpdate, EncryptFinal, DecryptInit, Decrypt, DecryptUpdate, DecryptFinal,
        DigestInit, Digest, DigestUpdate, DigestKey, DigestFinal,
        SignRecoverInit, SignRecover, VerifyRecoverInit, VerifyRecover,
        SignInit, Sign, SignUpdate, SignFinal, VerifyInit, Verify, VerifyUpdate, VerifyFinal,
        VerifySignatureInit, VerifySignature, VerifySignatureUpdate, VerifySignatureFinal,
        DigestEncryptUpdate, DecryptDigestUpdate, SignEncryptUpdate, DecryptVerifyUpdate,
        MessageEncryptInit, EncryptMessage, EncryptMessageBegin, EncryptMessageNext, MessageEncryptFinal,
        MessageDecryptInit, DecryptMessage, DecryptMessageBegin, DecryptMessageNext, MessageDecryptFinal,
        MessageSignInit, SignMessage, SignMessageBegin, SignMessageNext, MessageSignFinal,
        MessageVerifyInit, VerifyMessage, VerifyMessageBegin, VerifyMessageNext, MessageVerifyFinal,
        GenerateKey, GenerateKeyPair, DeriveKey, DeriveKeys, EncapsulateKey, DecapsulateKey, WrapKey, UnwrapKey, WrapKeyAuthenticated, UnwrapKeyAuthenticated, SeedRandom, GenerateRandom,
    }
}

fn answer<R: Serve>(ask: R, desk: &Desk<'_>, to: &mut Vec<u8>) {
    match ask.serve(desk) {
        Ok((rv, back)) => {
            if call::write_answer::<R>(rv, &back, to).is_err() {
                log::warn!("the answer to {} is longer than a frame", <R as Ask>::FUNCTION);
                call::write_refusal(Rv::DEVICE_MEMORY, to);
            }
        }
        Err(rv) => call::write_refusal(desk.reject(<R as Ask>::FUNCTION, rv), to),
    }
}
