//! Opening a token, in the worker: the library is loaded, the one token that was meant is found, the user logged in once.

use std::sync::{Arc, Mutex};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::MechanismInfo,
    session::{Session, UserType},
    slot::{Slot, TokenInfo},
    types::RawAuthPin,
};
use strongroom_kmip::secret::Secret;

use super::{
    message::{Chosen, Known, Token, Trouble, Using},
    session::{Handles, Lane},
    vendor::Failure,
};

/// An open token. The login lasts as long as this holds a session.
pub(super) struct Opened {
    context: Pkcs11,
    slot: Slot,
    /// Nothing where the token does not say it.
    serial: Option<String>,
    handles: Arc<Mutex<Handles>>,
    _login: Session,
}

impl Opened {
    /// Opens the token, and says what it is.
    ///
    /// # Errors
    /// [`Failure`]: what is wrong with library, token or PIN. A wrong PIN was tried once.
    pub(super) fn open(
        library: &str,
        choice: &Chosen,
        pin: Option<&Secret>,
        dare: bool,
    ) -> Result<(Self, Token), Failure> {
        let context = Pkcs11::new(library)?;
        let started = context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
        match started {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(Failure(Trouble::NotStarted, error.to_string())),
        }
        let library = context.get_library_info()?;
        let major = library.cryptoki_version().major();
        if !(2..=3).contains(&major) {
            return Err(Failure(Trouble::NotCryptoki, format!("it says that it is of PKCS#11 {major}")));
        }
        let (slot, info) = find(&context, choice)?;
        if info.as_ref().is_some_and(|info| !info.token_initialized()) {
            return Err(Trouble::Uninitialised.into());
        }
        let session = context.open_rw_session(slot)?;
        login(&session, info.as_ref(), pin, dare)?;
        let said = |word: fn(&TokenInfo) -> &str| info.as_ref().map(|info| word(info).to_owned()).unwrap_or_default();
        let token = Token {
            label: said(TokenInfo::label),
            serial: said(TokenInfo::serial_number),
            manufacturer: said(TokenInfo::manufacturer_id),
            model: said(TokenInfo::model),
            library: library.manufacturer_id().to_owned(),
            mechanisms: mechanisms(&context, slot)?,
        };
        let serial = info.is_some().then(|| token.serial.clone());
        Ok((Self { context, slot, serial, handles: Arc::default(), _login: session }, token))
    }

    /// A lane with a session of its own.
    ///
    /// # Errors
    /// [`Failure`], as the token says.
    pub(super) fn lane(&self) -> Result<Lane, Failure> {
        let session = self.context.open_rw_session(self.slot)?;
        let context = self.context.clone();
        Ok(Lane { session, context, slot: self.slot, serial: self.serial.clone(), handles: Arc::clone(&self.handles) })
    }
}

/// The one token that is meant. Some libraries describe a token in a way that nobody can read; such a token is meant only
/// where the number of its slot alone says which.
fn find(context: &Pkcs11, choice: &Chosen) -> Result<(Slot, Option<TokenInfo>), Failure> {
    let fits = |slot: Slot, info: Option<&TokenInfo>| {
        let is = |wanted: &str, said: fn(&TokenInfo) -> &str| info.is_some_and(|info| said(info) == wanted);
        let says = |wanted: &Option<String>, said| wanted.as_deref().is_none_or(|wanted| is(wanted, said));
        match choice {
            Chosen::Label { label } => is(label, TokenInfo::label),
            Chosen::Serial { serial } => is(serial, TokenInfo::serial_number),
            Chosen::Properties { label, serial, manufacturer, model, number } => {
                number.is_none_or(|number| number == slot.id())
                    && says(label, TokenInfo::label)
                    && says(serial, TokenInfo::serial_number)
                    && says(manufacturer, TokenInfo::manufacturer_id)
                    && says(model, TokenInfo::model)
            }
        }
    };
    let mut found = None;
    for slot in context.get_slots_with_token()? {
        let info = match context.get_token_info(slot) {
            Ok(info) => Some(info),
            // A reader that cannot be asked is not the one that is meant.
            Err(Error::Pkcs11(..)) => continue,
            Err(_) => None,
        };
        if fits(slot, info.as_ref()) && found.replace((slot, info)).is_some() {
            return Err(Trouble::SeveralTokens.into());
        }
    }
    found.ok_or(Trouble::NoToken.into())
}

/// Logs in, where the token wants that and nothing is risked by it. A token of which nothing can be read is taken for one that
/// wants it, and a wrong PIN is still tried once only.
fn login(session: &Session, info: Option<&TokenInfo>, pin: Option<&Secret>, dare: bool) -> Result<(), Failure> {
    let says = |flag: fn(&TokenInfo) -> bool| info.is_some_and(flag);
    if info.is_some_and(|info| !info.login_required()) {
        return Ok(());
    }
    if says(TokenInfo::user_pin_locked) {
        return Err(Trouble::PinLocked.into());
    }
    let Some(pin) = pin else { return Err(Trouble::NoPin.into()) };
    if (says(TokenInfo::user_pin_count_low) || says(TokenInfo::user_pin_final_try)) && !dare {
        return Err(Trouble::PinAtRisk.into());
    }
    match session.login_with_raw(UserType::User, &RawAuthPin::new(Box::new(pin.reveal().to_vec()))) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn mechanisms(context: &Pkcs11, slot: Slot) -> Result<Vec<Known>, Failure> {
    let mut all = Vec::new();
    for mechanism in context.get_mechanism_list(slot)? {
        let Ok(info) = context.get_mechanism_info(slot, mechanism) else { continue };
        let uses = [
            (info.encrypt(), Using::Encrypt.bit()),
            (info.decrypt(), Using::Decrypt.bit()),
            (info.sign(), Using::Sign.bit()),
            (info.wrap(), Using::Wrap.bit()),
            (MechanismInfo::unwrap(&info), Using::Unwrap.bit()),
            (info.generate() || info.generate_key_pair(), MAKES),
            (info.derive(), DERIVES),
        ];
        all.push(Known {
            number: *mechanism,
            least: u64::try_from(info.min_key_size()).unwrap_or(0),
            most: u64::try_from(info.max_key_size()).unwrap_or(u64::MAX),
            uses: uses.iter().filter(|(can, _)| *can).fold(0, |all, (_, bit)| all | bit),
        });
    }
    Ok(all)
}

/// The bit of [`Known::uses`] for making keys.
pub(super) const MAKES: u8 = 1 << 5;
/// The bit of [`Known::uses`] for deriving.
pub(super) const DERIVES: u8 = 1 << 6;
