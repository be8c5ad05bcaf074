//! Random bytes.

use strongroom_kmip::{
    payload::{RNGRetrieveRequest, RNGSeedRequest},
    secret::Secret,
};
use strongroom_pkcs11_wire::{
    Rv,
    call::{answer, request},
    codec::LARGEST_DATA,
    value::Wiped,
};

use super::contract::Serve;
use crate::front::pkcs11::{desk::Desk, refusal::About};

impl Serve for request::GenerateRandom {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::GenerateRandom), Rv> {
        desk.application.standing(self.session)?;
        let length = usize::try_from(self.length).ok().filter(|length| *length <= LARGEST_DATA);
        let length = length.ok_or(Rv::DATA_LEN_RANGE)?;
        let mut random = Vec::with_capacity(length);
        while random.len() < length {
            let part = length.saturating_sub(random.len()).min(MOST);
            let request = RNGRetrieveRequest { data_length: i32::try_from(part).map_err(|_| Rv::DATA_LEN_RANGE)? };
            let answer = desk.ask(request).map_err(|failure| failure.rv(About::Token))?;
            random.extend_from_slice(answer.data.reveal());
        }
        Ok((Rv::OK, answer::GenerateRandom { random: Wiped::new(random) }))
    }
}

impl Serve for request::SeedRandom {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SeedRandom), Rv> {
        desk.application.standing(self.session)?;
        // Stirred in, so it adds to what the generator has from the system and never replaces it.
        for part in self.seed.reveal().chunks(MOST) {
            let request = RNGSeedRequest { data: Secret::new(part.to_vec()) };
            desk.ask(request).map_err(|failure| failure.rv(About::Token))?;
        }
        Ok((Rv::OK, answer::SeedRandom {}))
    }
}

/// What the service gives at once.
const MOST: usize = 65_536;
