//! Random bytes.

use strongroom_kmip::payload::RNGRetrieveRequest;
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
        // The generator is seeded by the system and takes nothing from callers.
        Err(Rv::RANDOM_SEED_NOT_SUPPORTED)
    }
}

/// What the service gives at once.
const MOST: usize = 65_536;
