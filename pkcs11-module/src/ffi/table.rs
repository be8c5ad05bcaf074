//! Every function of PKCS#11 3.2, a row each.
//!
//! Longer than 500 lines: it is one table.
//!
//! A row says what becomes of the pointers and which request they make. A function that the daemon does not serve is a row
//! without a right side.

use std::ffi::c_void;

use cryptoki_sys::{
    CK_ASYNC_DATA, CK_ATTRIBUTE, CK_BBOOL, CK_BYTE, CK_FLAGS, CK_INFO, CK_MECHANISM, CK_MECHANISM_INFO,
    CK_MECHANISM_TYPE, CK_NOTIFY, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_SESSION_INFO,
    CK_SESSION_VALIDATION_FLAGS_TYPE, CK_SLOT_ID, CK_SLOT_INFO, CK_TOKEN_INFO, CK_ULONG, CK_USER_TYPE, CK_UTF8CHAR,
    CKF_DONT_BLOCK, CKF_END_OF_MESSAGE, CKS_LAST_VALIDATION_OK,
};
use strongroom_pkcs11_wire::{
    Function, MechanismType, Rv,
    call::request,
    number::{MechanismFlags, SessionFlags, UserType},
};

use super::{
    answer,
    derived::Places,
    guard::guard,
    mechanism::{optional, required},
    memory::{Input, Output, Place, Row, pin, structure},
    message::{Sealing, bare, sealing},
    template::{Questions, template},
};
use crate::{long, module::Patience};

/// Makes exported C functions from rows. The arguments are the application's promise: pointers are null or point to what the
/// standard says, lengths are true. That promise is all that the unsafe block of a row rests on.
macro_rules! functions {
    ($($name:ident($($argument:ident: $kind:ty),* $(,)?) => |$module:ident| $body:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "` of PKCS#11 3.2.")]
        ///
        /// # Safety
        /// Every pointer is null or points to what the standard says, and lengths are true.
        #[allow(unused_unsafe, clippy::multiple_unsafe_ops_per_block, reason = "one promise for all arguments of a row")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $kind),*) -> CK_RV {
            guard(|$module| {
                // SAFETY: promised above, and handed on to what makes inputs and outputs of the pointers.
                unsafe { $body }
            })
        }
    )* };
}

functions! {
    C_GetInfo(info: *mut CK_INFO) => |_module| {
        Place::new(info)?.put(answer::module());
        Ok(())
    };
    C_GetSlotList(token_present: CK_BBOOL, slots: *mut CK_SLOT_ID, count: *mut CK_ULONG) => |module| {
        let slots = Output::new(slots, count)?;
        slots.give(&module.slots(token_present != 0)?)
    };
    C_GetSlotInfo(slot: CK_SLOT_ID, info: *mut CK_SLOT_INFO) => |module| {
        let mut info = Place::new(info)?;
        info.put(answer::slot(&module.on_slot(slot, &request::GetSlotInfo { slot })?.info));
        Ok(())
    };
    C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO) => |module| {
        let mut info = Place::new(info)?;
        info.put(answer::token(&module.token(slot)?));
        Ok(())
    };
    C_GetMechanismList(slot: CK_SLOT_ID, mechanisms: *mut CK_MECHANISM_TYPE, count: *mut CK_ULONG) => |module| {
        let mechanisms = Output::new(mechanisms, count)?;
        let all = module.on_slot(slot, &request::GetMechanismList { slot })?.mechanisms;
        mechanisms.give(&all.iter().map(|mechanism| mechanism.0).collect::<Vec<_>>())
    };
    C_GetMechanismInfo(slot: CK_SLOT_ID, mechanism: CK_MECHANISM_TYPE, info: *mut CK_MECHANISM_INFO) => |module| {
        let mut info = Place::new(info)?;
        let request = request::GetMechanismInfo { slot, mechanism: MechanismType(mechanism) };
        info.put(answer::mechanism(&module.on_slot(slot, &request)?.info));
        Ok(())
    };
    C_InitToken(slot: CK_SLOT_ID, pin: *mut CK_UTF8CHAR, pin_length: CK_ULONG, label: *mut CK_UTF8CHAR) => |module| {
        let label = structure(label.cast_const().cast()).ok_or(Rv::ARGUMENTS_BAD)?;
        let request = request::InitToken { slot, pin: self::pin(pin, pin_length)?, label };
        module.on_slot_once(slot, &request).map(|_| ())
    };
    C_InitPIN(session: CK_SESSION_HANDLE, pin: *mut CK_UTF8CHAR, pin_length: CK_ULONG) => |module| {
        let request = request::InitPIN { session, pin: self::pin(pin, pin_length)? };
        module.forgetting(session, &request).map(|_| ())
    };
    C_SetPIN(
        session: CK_SESSION_HANDLE, old: *mut CK_UTF8CHAR, old_length: CK_ULONG, new: *mut CK_UTF8CHAR,
        new_length: CK_ULONG
    ) => |module| {
        let request = request::SetPIN { session, old: pin(old, old_length)?, new: pin(new, new_length)? };
        module.forgetting(session, &request).map(|_| ())
    };
    C_OpenSession(
        slot: CK_SLOT_ID, flags: CK_FLAGS, _application: *mut c_void, _notify: CK_NOTIFY,
        session: *mut CK_SESSION_HANDLE
    ) => |module| {
        let mut session = Place::new(session)?;
        if flags & SessionFlags::SERIAL_SESSION.0 == 0 {
            return Err(Rv::SESSION_PARALLEL_NOT_SUPPORTED);
        }
        session.put(module.open(slot, SessionFlags(flags))?);
        Ok(())
    };
    C_CloseSession(session: CK_SESSION_HANDLE) => |module| module.close(session);
    C_CloseAllSessions(slot: CK_SLOT_ID) => |module| module.close_all(slot);
    C_GetSessionInfo(session: CK_SESSION_HANDLE, info: *mut CK_SESSION_INFO) => |module| {
        let mut info = Place::new(info)?;
        info.put(answer::session(&module.in_session(session, &request::GetSessionInfo { session })?.info));
        Ok(())
    };
    C_Login(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_length: CK_ULONG) => |module| {
        let user = UserType(user);
        let request = request::Login { session, user, pin: module.pin(user, self::pin(pin, pin_length)?)? };
        module.forgetting(session, &request).map(|_| ())
    };
    C_Logout(session: CK_SESSION_HANDLE) => |module| module.forgetting(session, &request::Logout { session }).map(|_| ());
    C_CreateObject(
        session: CK_SESSION_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, object: *mut CK_OBJECT_HANDLE
    ) => |module| {
        let mut object = Place::new(object)?;
        let request = request::CreateObject { session, template: template(attributes, count)? };
        object.put(module.in_session(session, &request)?.object);
        Ok(())
    };
    C_CopyObject(
        session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG,
        copy: *mut CK_OBJECT_HANDLE
    ) => |module| {
        let mut copy = Place::new(copy)?;
        let request = request::CopyObject { session, object, template: template(attributes, count)? };
        copy.put(module.in_session(session, &request)?.copy);
        Ok(())
    };
    C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) => |module| {
        module.changing(session, object, &request::DestroyObject { session, object }).map(|_| ())
    };
    C_GetObjectSize(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, size: *mut CK_ULONG) => |module| {
        let mut size = Place::new(size)?;
        size.put(module.in_session(session, &request::GetObjectSize { session, object })?.size);
        Ok(())
    };
    C_GetAttributeValue(
        session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG
    ) => |module| {
        let questions = Questions::new(attributes, count)?;
        let revealed = module.attributes(session, object, questions.wanted())?;
        questions.settle(&revealed)
    };
    C_SetAttributeValue(
        session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG
    ) => |module| {
        let request = request::SetAttributeValue { session, object, template: template(attributes, count)? };
        module.changing(session, object, &request).map(|_| ())
    };
    C_FindObjectsInit(session: CK_SESSION_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG) => |module| {
        let request = request::FindObjectsInit { session, template: template(attributes, count)? };
        module.in_session(session, &request).map(|_| ())
    };
    C_FindObjects(
        session: CK_SESSION_HANDLE, objects: *mut CK_OBJECT_HANDLE, most: CK_ULONG, count: *mut CK_ULONG
    ) => |module| {
        let (mut count, mut objects) = (Place::new(count)?, Row::new(objects, most)?);
        let found = module.find(session, u32::try_from(objects.room()).unwrap_or(u32::MAX))?;
        objects.fill(&found)?;
        count.put(CK_ULONG::try_from(found.len()).map_err(|_| Rv::DEVICE_ERROR)?);
        Ok(())
    };
    C_FindObjectsFinal(session: CK_SESSION_HANDLE) => |module| module.in_session(session, &request::FindObjectsFinal { session }).map(|_| ());
    C_EncryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => |module| {
        let request = |mechanism| request::EncryptInit { session, mechanism, key };
        module.begin(session, Function::Encrypt, optional(mechanism)?, request)
    };
    C_Encrypt(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, output: *mut CK_BYTE,
        output_length: *mut CK_ULONG
    ) => |module| {
        let output = Output::new(output, output_length)?;
        let data = Input::new(data, data_length)?.all();
        let answer = long::work::<request::Encrypt>(module, session, data, output.room())?;
        output.settle(&answer)
    };
    C_EncryptUpdate(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, output: *mut CK_BYTE,
        output_length: *mut CK_ULONG
    ) => |module| {
        let output = Output::new(output, output_length)?;
        let data = Input::new(data, data_length)?.all();
        let answer = long::part::<request::Encrypt>(module, session, data, output.room())?;
        output.settle(&answer)
    };
    C_EncryptFinal(session: CK_SESSION_HANDLE, output: *mut CK_BYTE, output_length: *mut CK_ULONG) => |module| {
        let output = Output::new(output, output_length)?;
        let request = request::EncryptFinal { session, room: output.room() };
        output.settle(&module.in_session(session, &request)?.output)
    };
    C_DecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => |module| {
        let request = |mechanism| request::DecryptInit { session, mechanism, key };
        module.begin(session, Function::Decrypt, optional(mechanism)?, request)
    };
    C_Decrypt(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, output: *mut CK_BYTE,
        output_length: *mut CK_ULONG
    ) => |module| {
        let output = Output::new(output, output_length)?;
        let data = Input::new(data, data_length)?.all();
        let answer = long::work::<request::Decrypt>(module, session, data, output.room())?;
        output.settle(&answer)
    };
    C_DecryptUpdate(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, output: *mut CK_BYTE,
        output_length: *mut CK_ULONG
    ) => |module| {
        let output = Output::new(output, output_length)?;
        let data = Input::new(data, data_length)?.all();
        let answer = long::part::<request::Decrypt>(module, session, data, output.room())?;
        output.settle(&answer)
    };
    C_DecryptFinal(session: CK_SESSION_HANDLE, output: *mut CK_BYTE, output_length: *mut CK_ULONG) => |module| {
        let output = Output::new(output, output_length)?;
        let request = request::DecryptFinal { session, room: output.room() };
        output.settle(&module.in_session(session, &request)?.output)
    };
    C_DigestInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM) => |module| {
        let request = |mechanism| request::DigestInit { session, mechanism };
        module.begin(session, Function::Digest, optional(mechanism)?, request)
    };
    C_Digest(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, output: *mut CK_BYTE,
        output_length: *mut CK_ULONG
    ) => |module| {
        let output = Output::new(output, output_length)?;
        let data = Input::new(data, data_length)?.all();
        let answer = long::work::<request::Digest>(module, session, data, output.room())?;
        output.settle(&answer)
    };
    C_DigestUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG) => |module| {
        for data in Input::new(data, data_length)?.pieces() {
            module.in_session(session, &request::DigestUpdate { session, data })?;
        }
        Ok(())
    };
    C_DigestKey(session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) => |module| module.in_session(session, &request::DigestKey { session, key }).map(|_| ());
    C_DigestFinal(session: CK_SESSION_HANDLE, output: *mut CK_BYTE, output_length: *mut CK_ULONG) => |module| {
        let output = Output::new(output, output_length)?;
        let request = request::DigestFinal { session, room: output.room() };
        output.settle(&module.in_session(session, &request)?.output)
    };
    C_DigestEncryptUpdate(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, output: *mut CK_BYTE,
        output_length: *mut CK_ULONG
    ) => |module| {
        let output = Output::new(output, output_length)?;
        let data = Input::new(data, data_length)?.wiped()?;
        let request = request::DigestEncryptUpdate { session, data, room: output.room() };
        output.settle(&module.in_session(session, &request)?.output)
    };
    C_DecryptDigestUpdate(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, output: *mut CK_BYTE,
        output_length: *mut CK_ULONG
    ) => |module| {
        let output = Output::new(output, output_length)?;
        let data = Input::new(data, data_length)?.wiped()?;
        let request = request::DecryptDigestUpdate { session, data, room: output.room() };
        output.settle(&module.in_session(session, &request)?.output)
    };
    C_SignEncryptUpdate(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, output: *mut CK_BYTE,
        output_length: *mut CK_ULONG
    ) => |module| {
        let output = Output::new(output, output_length)?;
        let data = Input::new(data, data_length)?.wiped()?;
        let request = request::SignEncryptUpdate { session, data, room: output.room() };
        output.settle(&module.in_session(session, &request)?.output)
    };
    C_DecryptVerifyUpdate(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, output: *mut CK_BYTE,
        output_length: *mut CK_ULONG
    ) => |module| {
        let output = Output::new(output, output_length)?;
        let data = Input::new(data, data_length)?.wiped()?;
        let request = request::DecryptVerifyUpdate { session, data, room: output.room() };
        output.settle(&module.in_session(session, &request)?.output)
    };
    C_SignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => |module| {
        let request = |mechanism| request::SignInit { session, mechanism, key };
        module.begin(session, Function::Sign, optional(mechanism)?, request)
    };
    C_Sign(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, output: *mut CK_BYTE,
        output_length: *mut CK_ULONG
    ) => |module| {
        let output = Output::new(output, output_length)?;
        let data = Input::new(data, data_length)?.all();
        let answer = long::work::<request::Sign>(module, session, data, output.room())?;
        output.settle(&answer)
    };
    C_SignUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG) => |module| {
        for data in Input::new(data, data_length)?.pieces() {
            module.in_session(session, &request::SignUpdate { session, data })?;
        }
        Ok(())
    };
    C_SignFinal(session: CK_SESSION_HANDLE, output: *mut CK_BYTE, output_length: *mut CK_ULONG) => |module| {
        let output = Output::new(output, output_length)?;
        let request = request::SignFinal { session, room: output.room() };
        output.settle(&module.in_session(session, &request)?.output)
    };
    C_VerifyInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => |module| {
        let request = |mechanism| request::VerifyInit { session, mechanism, key };
        module.begin(session, Function::Verify, optional(mechanism)?, request)
    };
    C_Verify(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE,
        signature_length: CK_ULONG
    ) => |module| {
        let signature = Input::new(signature, signature_length)?.bytes(Rv::SIGNATURE_LEN_RANGE)?;
        long::verify(module, session, Input::new(data, data_length)?.all(), signature)
    };
    C_VerifyUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG) => |module| {
        for data in Input::new(data, data_length)?.pieces() {
            module.in_session(session, &request::VerifyUpdate { session, data })?;
        }
        Ok(())
    };
    C_VerifyFinal(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_length: CK_ULONG) => |module| {
        let signature = Input::new(signature, signature_length)?.bytes(Rv::SIGNATURE_LEN_RANGE)?;
        module.in_session(session, &request::VerifyFinal { session, signature }).map(|_| ())
    };
    C_GenerateKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG,
        key: *mut CK_OBJECT_HANDLE
    ) => |module| {
        let mut key = Place::new(key)?;
        let (mechanism, template) = (required(mechanism)?, template(attributes, count)?);
        key.put(module.in_session(session, &request::GenerateKey { session, mechanism, template })?.key);
        Ok(())
    };
    C_GenerateKeyPair(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public_attributes: *mut CK_ATTRIBUTE,
        public_count: CK_ULONG, private_attributes: *mut CK_ATTRIBUTE, private_count: CK_ULONG,
        public: *mut CK_OBJECT_HANDLE, private: *mut CK_OBJECT_HANDLE
    ) => |module| {
        let (mut public_key, mut private_key) = (Place::new(public)?, Place::new(private)?);
        let request = request::GenerateKeyPair {
            session,
            mechanism: required(mechanism)?,
            public: template(public_attributes, public_count)?,
            private: template(private_attributes, private_count)?,
        };
        let made = module.in_session(session, &request)?;
        public_key.put(made.public);
        private_key.put(made.private);
        Ok(())
    };
    C_WrapKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE,
        output: *mut CK_BYTE, output_length: *mut CK_ULONG
    ) => |module| {
        let (output, mechanism) = (Output::new(output, output_length)?, required(mechanism)?);
        let request = request::WrapKey { session, mechanism, wrapping, key, room: output.room() };
        output.settle(&module.in_session(session, &request)?.output)
    };
    C_UnwrapKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, unwrapping: CK_OBJECT_HANDLE,
        wrapped: *mut CK_BYTE, wrapped_length: CK_ULONG, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG,
        key: *mut CK_OBJECT_HANDLE
    ) => |module| {
        let mut key = Place::new(key)?;
        let (mechanism, template) = (required(mechanism)?, template(attributes, count)?);
        let wrapped = Input::new(wrapped, wrapped_length)?.bytes(Rv::WRAPPED_KEY_LEN_RANGE)?;
        let request = request::UnwrapKey { session, mechanism, unwrapping, wrapped, template };
        key.put(module.in_session(session, &request)?.key);
        Ok(())
    };
    C_DeriveKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, base: CK_OBJECT_HANDLE,
        attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE
    ) => |module| {
        let places = Places::new(mechanism, key)?;
        let (mechanism, template) = (required(mechanism)?, template(attributes, count)?);
        let Some(places) = places else {
            let mut key = Place::new(key)?;
            key.put(module.in_session(session, &request::DeriveKey { session, mechanism, base, template })?.key);
            return Ok(());
        };
        places.put(&module.in_session(session, &request::DeriveKeys { session, mechanism, base, template })?)
    };
    C_SeedRandom(session: CK_SESSION_HANDLE, seed: *mut CK_BYTE, seed_length: CK_ULONG) => |module| {
        let seed = Input::new(seed, seed_length)?.wiped()?;
        module.seed(session, seed)
    };
    C_GenerateRandom(session: CK_SESSION_HANDLE, random: *mut CK_BYTE, length: CK_ULONG) => |module| {
        let mut random = Row::new(random, length)?;
        let all = module.random(session, random.room())?;
        random.fill(all.reveal())
    };
    C_GetFunctionStatus(_session: CK_SESSION_HANDLE) => |_module| Err(Rv::FUNCTION_NOT_PARALLEL);
    C_CancelFunction(_session: CK_SESSION_HANDLE) => |_module| Err(Rv::FUNCTION_NOT_PARALLEL);
    C_WaitForSlotEvent(flags: CK_FLAGS, slot: *mut CK_SLOT_ID, reserved: *mut c_void) => |module| {
        let mut slot = Place::new(slot)?;
        if !reserved.is_null() {
            return Err(Rv::ARGUMENTS_BAD);
        }
        let patience = if flags & CKF_DONT_BLOCK == 0 { Patience::Endless } else { Patience::None };
        slot.put(module.slot_event(patience)?);
        Ok(())
    };
    C_GetOperationState(session: CK_SESSION_HANDLE, state: *mut CK_BYTE, state_length: *mut CK_ULONG) => |module| {
        let state = Output::new(state, state_length)?;
        let request = request::GetOperationState { session, room: state.room() };
        state.settle(&module.in_session(session, &request)?.output)
    };
    C_SetOperationState(
        session: CK_SESSION_HANDLE, state: *mut CK_BYTE, state_length: CK_ULONG, encryption: CK_OBJECT_HANDLE,
        authentication: CK_OBJECT_HANDLE
    ) => |module| {
        let state = Input::new(state, state_length)?.bytes(Rv::SAVED_STATE_INVALID)?;
        let request = request::SetOperationState { session, state, encryption, authentication };
        module.in_session(session, &request).map(|_| ())
    };
    C_LoginUser(
        session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_length: CK_ULONG,
        name: *mut CK_UTF8CHAR, name_length: CK_ULONG
    ) => |module| {
        let named = (!name.is_null()).then(|| Input::new(name, name_length)).transpose()?;
        let name = named.map(|name| name.bytes(Rv::ARGUMENTS_BAD)).transpose()?;
        let user = UserType(user);
        let pin = module.pin(user, self::pin(pin, pin_length)?)?;
        let request = request::LoginUser { session, user, pin, name };
        module.forgetting(session, &request).map(|_| ())
    };
    C_MessageEncryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => |module| {
        // What the parameter says is said again of each message.
        let mechanism = structure(mechanism.cast_const()).map(|mechanism| MechanismType(mechanism.mechanism));
        module.in_session(session, &request::MessageEncryptInit { session, mechanism, key }).map(|_| ())
    };
    C_MessageDecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => |module| {
        // What the parameter says is said again of each message.
        let mechanism = structure(mechanism.cast_const()).map(|mechanism| MechanismType(mechanism.mechanism));
        module.in_session(session, &request::MessageDecryptInit { session, mechanism, key }).map(|_| ())
    };
    C_MessageSignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => |module| {
        let request = request::MessageSignInit { session, mechanism: optional(mechanism)?, key };
        module.in_session(session, &request).map(|_| ())
    };
    C_MessageVerifyInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => |module| {
        let request = request::MessageVerifyInit { session, mechanism: optional(mechanism)?, key };
        module.in_session(session, &request).map(|_| ())
    };
    C_EncryptMessage(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, aad: *mut CK_BYTE,
        aad_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, output: *mut CK_BYTE,
        output_length: *mut CK_ULONG
    ) => |module| {
        let (output, mut sealing) = (Output::new(output, output_length)?, Sealing::new(parameter, parameter_length)?);
        let message = sealing.message(Input::new(aad, aad_length)?)?;
        let data = Input::new(data, data_length)?.wiped()?;
        let request = request::EncryptMessage { session, message, data, room: output.room() };
        let answer = module.in_session(session, &request)?;
        if answer.output.is_given() {
            sealing.put_nonce(&answer.nonce)?;
            sealing.put_tag(&answer.tag)?;
        }
        output.settle(&answer.output)
    };
    C_EncryptMessageBegin(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, aad: *mut CK_BYTE,
        aad_length: CK_ULONG
    ) => |module| {
        let mut sealing = Sealing::new(parameter, parameter_length)?;
        let message = sealing.message(Input::new(aad, aad_length)?)?;
        let answer = module.in_session(session, &request::EncryptMessageBegin { session, message })?;
        sealing.put_nonce(&answer.nonce)
    };
    C_EncryptMessageNext(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE,
        data_length: CK_ULONG, output: *mut CK_BYTE, output_length: *mut CK_ULONG, flags: CK_FLAGS
    ) => |module| {
        let (output, mut sealing) = (Output::new(output, output_length)?, Sealing::new(parameter, parameter_length)?);
        let last = flags & CKF_END_OF_MESSAGE != 0;
        let data = Input::new(data, data_length)?.wiped()?;
        let request = request::EncryptMessageNext { session, data, room: output.room(), last };
        let answer = module.in_session(session, &request)?;
        if last && answer.output.is_given() {
            sealing.put_tag(&answer.tag)?;
        }
        output.settle(&answer.output)
    };
    C_DecryptMessage(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, aad: *mut CK_BYTE,
        aad_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, output: *mut CK_BYTE,
        output_length: *mut CK_ULONG
    ) => |module| {
        let (output, sealing) = (Output::new(output, output_length)?, Sealing::new(parameter, parameter_length)?);
        let (message, tag) = (sealing.message(Input::new(aad, aad_length)?)?, sealing.tag()?);
        let data = Input::new(data, data_length)?.wiped()?;
        let request = request::DecryptMessage { session, message, tag, data, room: output.room() };
        output.settle(&module.in_session(session, &request)?.output)
    };
    C_DecryptMessageBegin(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, aad: *mut CK_BYTE,
        aad_length: CK_ULONG
    ) => |module| {
        let message = Sealing::new(parameter, parameter_length)?.message(Input::new(aad, aad_length)?)?;
        module.in_session(session, &request::DecryptMessageBegin { session, message }).map(|_| ())
    };
    C_DecryptMessageNext(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE,
        data_length: CK_ULONG, output: *mut CK_BYTE, output_length: *mut CK_ULONG, flags: CK_FLAGS
    ) => |module| {
        let (output, sealing) = (Output::new(output, output_length)?, Sealing::new(parameter, parameter_length)?);
        let tag = if flags & CKF_END_OF_MESSAGE == 0 { None } else { Some(sealing.tag()?) };
        let data = Input::new(data, data_length)?.wiped()?;
        let request = request::DecryptMessageNext { session, data, room: output.room(), tag };
        output.settle(&module.in_session(session, &request)?.output)
    };
    C_SignMessage(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE,
        data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: *mut CK_ULONG
    ) => |module| {
        bare(parameter, parameter_length)?;
        let signature = Output::new(signature, signature_length)?;
        let data = Input::new(data, data_length)?.wiped()?;
        let request = request::SignMessage { session, data, room: signature.room() };
        signature.settle(&module.in_session(session, &request)?.output)
    };
    C_SignMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG) => |module| {
        bare(parameter, parameter_length)?;
        module.in_session(session, &request::SignMessageBegin { session }).map(|_| ())
    };
    C_SignMessageNext(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE,
        data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: *mut CK_ULONG
    ) => |module| {
        bare(parameter, parameter_length)?;
        let data = Input::new(data, data_length)?.wiped()?;
        // Without a place for the signature there is more to come.
        if signature.is_null() && signature_length.is_null() {
            return module.in_session(session, &request::SignMessageNext { session, data, room: None }).map(|_| ());
        }
        let signature = Output::new(signature, signature_length)?;
        let request = request::SignMessageNext { session, data, room: Some(signature.room()) };
        signature.settle(&module.in_session(session, &request)?.output)
    };
    C_VerifyMessage(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE,
        data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: CK_ULONG
    ) => |module| {
        bare(parameter, parameter_length)?;
        let signature = Input::new(signature, signature_length)?.bytes(Rv::SIGNATURE_LEN_RANGE)?;
        let request = request::VerifyMessage { session, data: Input::new(data, data_length)?.wiped()?, signature };
        module.in_session(session, &request).map(|_| ())
    };
    C_VerifyMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG) => |module| {
        bare(parameter, parameter_length)?;
        module.in_session(session, &request::VerifyMessageBegin { session }).map(|_| ())
    };
    C_VerifyMessageNext(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE,
        data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: CK_ULONG
    ) => |module| {
        bare(parameter, parameter_length)?;
        let given = (!signature.is_null()).then(|| Input::new(signature, signature_length)).transpose()?;
        let signature = given.map(|signature| signature.bytes(Rv::SIGNATURE_LEN_RANGE)).transpose()?;
        let request = request::VerifyMessageNext { session, data: Input::new(data, data_length)?.wiped()?, signature };
        module.in_session(session, &request).map(|_| ())
    };
    C_MessageEncryptFinal(session: CK_SESSION_HANDLE) => |module| {
        module.in_session(session, &request::MessageEncryptFinal { session }).map(|_| ())
    };
    C_MessageDecryptFinal(session: CK_SESSION_HANDLE) => |module| {
        module.in_session(session, &request::MessageDecryptFinal { session }).map(|_| ())
    };
    C_MessageSignFinal(session: CK_SESSION_HANDLE) => |module| {
        module.in_session(session, &request::MessageSignFinal { session }).map(|_| ())
    };
    C_MessageVerifyFinal(session: CK_SESSION_HANDLE) => |module| {
        module.in_session(session, &request::MessageVerifyFinal { session }).map(|_| ())
    };
    C_SignRecoverInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => |module| {
        let request = |mechanism| request::SignRecoverInit { session, mechanism, key };
        module.begin(session, Function::SignRecover, optional(mechanism)?, request)
    };
    C_SignRecover(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE,
        signature_length: *mut CK_ULONG
    ) => |module| {
        let output = Output::new(signature, signature_length)?;
        let request = request::SignRecover { session, data: Input::new(data, data_length)?.wiped()?, room: output.room() };
        output.settle(&module.whole(session, &request, |answer| answer.output.is_given())?.output)
    };
    C_VerifyRecoverInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => |module| {
        let request = |mechanism| request::VerifyRecoverInit { session, mechanism, key };
        module.begin(session, Function::VerifyRecover, optional(mechanism)?, request)
    };
    C_VerifyRecover(
        session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_length: CK_ULONG, data: *mut CK_BYTE,
        data_length: *mut CK_ULONG
    ) => |module| {
        let output = Output::new(data, data_length)?;
        let signature = Input::new(signature, signature_length)?.bytes(Rv::SIGNATURE_LEN_RANGE)?;
        let request = request::VerifyRecover { session, signature, room: output.room() };
        output.settle(&module.whole(session, &request, |answer| answer.output.is_given())?.output)
    };
    C_EncapsulateKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public: CK_OBJECT_HANDLE,
        attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: *mut CK_ULONG,
        key: *mut CK_OBJECT_HANDLE
    ) => |module| {
        let (output, mut place) = (Output::new(ciphertext, ciphertext_length)?, Place::new(key)?);
        let (mechanism, template) = (required(mechanism)?, template(attributes, count)?);
        let request = request::EncapsulateKey { session, mechanism, public, template, room: output.room() };
        let answer = module.in_session(session, &request)?;
        if answer.output.is_given() {
            place.put(answer.key);
        }
        output.settle(&answer.output)
    };
    C_DecapsulateKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, private: CK_OBJECT_HANDLE,
        attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: CK_ULONG,
        key: *mut CK_OBJECT_HANDLE
    ) => |module| {
        let mut place = Place::new(key)?;
        let (mechanism, template) = (required(mechanism)?, template(attributes, count)?);
        let ciphertext = Input::new(ciphertext, ciphertext_length)?.bytes(Rv::MECHANISM_PARAM_INVALID)?;
        let request = request::DecapsulateKey { session, mechanism, private, template, ciphertext };
        place.put(module.in_session(session, &request)?.key);
        Ok(())
    };
    C_WrapKeyAuthenticated(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE,
        aad: *mut CK_BYTE, aad_length: CK_ULONG, wrapped: *mut CK_BYTE, wrapped_length: *mut CK_ULONG
    ) => |module| {
        let output = Output::new(wrapped, wrapped_length)?;
        let (mechanism, mut sealing) = sealing(mechanism)?;
        let message = sealing.message(Input::new(aad, aad_length)?)?;
        let request = request::WrapKeyAuthenticated { session, mechanism, message, wrapping, key, room: output.room() };
        let answer = module.in_session(session, &request)?;
        if answer.output.is_given() {
            sealing.put_nonce(&answer.nonce)?;
            sealing.put_tag(&answer.tag)?;
        }
        output.settle(&answer.output)
    };
    C_UnwrapKeyAuthenticated(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, unwrapping: CK_OBJECT_HANDLE, wrapped: *mut CK_BYTE,
        wrapped_length: CK_ULONG, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, aad: *mut CK_BYTE,
        aad_length: CK_ULONG, key: *mut CK_OBJECT_HANDLE
    ) => |module| {
        let mut place = Place::new(key)?;
        let (mechanism, sealing) = sealing(mechanism)?;
        let message = sealing.message(Input::new(aad, aad_length)?)?;
        let (tag, template) = (sealing.tag()?, template(attributes, count)?);
        let wrapped = Input::new(wrapped, wrapped_length)?.bytes(Rv::WRAPPED_KEY_LEN_RANGE)?;
        let request =
            request::UnwrapKeyAuthenticated { session, mechanism, message, tag, unwrapping, wrapped, template };
        place.put(module.in_session(session, &request)?.key);
        Ok(())
    };
    C_VerifySignatureInit(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE, signature: *mut CK_BYTE,
        signature_length: CK_ULONG
    ) => |module| {
        let signature = Input::new(signature, signature_length)?.bytes(Rv::SIGNATURE_LEN_RANGE)?;
        let request = request::VerifySignatureInit { session, mechanism: optional(mechanism)?, key, signature };
        module.in_session(session, &request).map(|_| ())
    };
    C_VerifySignature(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG) => |module| {
        let request = request::VerifySignature { session, data: Input::new(data, data_length)?.wiped()? };
        module.in_session(session, &request).map(|_| ())
    };
    C_VerifySignatureUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG) => |module| {
        for data in Input::new(data, data_length)?.pieces() {
            module.in_session(session, &request::VerifySignatureUpdate { session, data })?;
        }
        Ok(())
    };
    C_VerifySignatureFinal(session: CK_SESSION_HANDLE) => |module| module.in_session(session, &request::VerifySignatureFinal { session }).map(|_| ());
    C_GetSessionValidationFlags(
        session: CK_SESSION_HANDLE, kind: CK_SESSION_VALIDATION_FLAGS_TYPE, flags: *mut CK_FLAGS
    ) => |module| {
        let mut flags = Place::new(flags)?;
        module.in_session(session, &request::GetSessionInfo { session })?;
        if kind != CKS_LAST_VALIDATION_OK {
            return Err(Rv::ARGUMENTS_BAD);
        }
        // No validation is claimed, so no operation was one.
        flags.put(0);
        Ok(())
    };
    C_AsyncComplete(session: CK_SESSION_HANDLE, function: *mut CK_UTF8CHAR, _result: *mut CK_ASYNC_DATA) => |module| {
        module.asynchronous(session, function.is_null())
    };
    C_AsyncGetID(session: CK_SESSION_HANDLE, function: *mut CK_UTF8CHAR, id: *mut CK_ULONG) => |module| {
        module.asynchronous(session, function.is_null() || id.is_null())
    };
    C_AsyncJoin(
        session: CK_SESSION_HANDLE, function: *mut CK_UTF8CHAR, _id: CK_ULONG, _data: *mut CK_BYTE, _length: CK_ULONG
    ) => |module| module.asynchronous(session, function.is_null());
    C_SessionCancel(session: CK_SESSION_HANDLE, flags: CK_FLAGS) => |module| {
        module.in_session(session, &request::SessionCancel { session, flags: MechanismFlags(flags) }).map(|_| ())
    };
}
