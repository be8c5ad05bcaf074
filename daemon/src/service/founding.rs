//! The appliance's own authority: founded with the appliance, and asked for the certificate of its server.

use strongroom_kmip::{code::ResultReason, secret::Secret};

use super::{
    provision::{self, AUTHORITY, AUTHORITY_KEY, certificates},
    refusal::Refusal,
    registry::Service,
};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Who},
    caller::Caller,
    certificate::{Authority, Span, Wanted},
    vault::Vault,
};

/// What the founding of an authority gives.
pub struct Founded {
    /// The authority's certificate, DER.
    pub authority: Vec<u8>,
    /// The server's certificate, DER.
    pub server: Vec<u8>,
    /// The server's key, PKCS#8.
    pub server_key: Secret,
}

impl Service {
    /// Founds the appliance's authority in an open vault, and gives its certificate (DER) and a certificate for the
    /// appliance's own server with its key (DER, PKCS#8).
    ///
    /// # Errors
    /// [`Refusal`], when the vault is sealed or has an authority.
    pub fn found_authority(&self, operator: &Caller, name: &str, names: &[String]) -> Result<Founded, Refusal> {
        if self.vault.setting(AUTHORITY_KEY)?.is_some() {
            return Err(Refusal::new(ResultReason::ObjectAlreadyExists, "the appliance has an authority already"));
        }
        let now = self.vault.now();
        let (key, _) = provision::leaving(&self.vault)?;
        let span = Span::days(now, AUTHORITY_DAYS);
        let authority = Authority::found(name, key.reveal(), span, self.vault.chance()).map_err(certificates)?;
        let founded = server(&self.vault, &authority, names)?;
        let mut change = self.vault.begin()?;
        change.put_setting(AUTHORITY_KEY, Some(key));
        change.put_setting(AUTHORITY, Some(Secret::copy_of(authority.certificate())));
        let entry = Entry::new(Who::Known(operator), audit::Action::Event(Event::ClientAdded), Outcome::Success);
        let settled = self.settle(&entry, Durability::Sync, Some(change)).wait();
        settled.map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))?;
        Ok(founded)
    }
}

/// A certificate for the appliance's server and its key, from the authority that an open vault has.
///
/// # Errors
/// [`Refusal`], when there is no authority.
pub fn server_certificate(vault: &Vault, names: &[String]) -> Result<Founded, Refusal> {
    server(vault, &provision::authority(vault)?, names)
}

fn server(vault: &Vault, authority: &Authority, names: &[String]) -> Result<Founded, Refusal> {
    let (server_key, public) = provision::leaving(vault)?;
    let wanted = Wanted::Server { names, key: &public };
    let span = Span::days(vault.now(), SERVER_DAYS);
    let server = authority.issue(&wanted, span, vault.chance()).map_err(certificates)?;
    Ok(Founded { authority: authority.certificate().to_vec(), server: server.certificate, server_key })
}

/// Ten years; an authority is replaced by a new appliance or by an authority of the operator's.
const AUTHORITY_DAYS: u32 = 3650;
/// What public authorities allow at most, and clients expect.
const SERVER_DAYS: u32 = 397;
