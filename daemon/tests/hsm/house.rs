//! A house with two slots, the second over a token: store in memory, log in a folder that goes with it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use strongroom::{
    audit::{Durability, Log, Options},
    caller::{Caller, Front, Principal, Role, Scope},
    clock::{Clock, SystemClock},
    service::{Ask, Order, Refusal, Report, Service},
    slot::{
        Slot,
        policy::Level,
        software::{Random, Software},
    },
    store::{self, Kind, Settings, Store},
    vault::{Fitted, UnsealKey, Vault},
};
use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters, Template},
    code::{
        CryptographicAlgorithm, CryptographicUsageMask, HashingAlgorithm, ObjectType, ProtectionStorageMask,
        ResultReason,
    },
    operation::Ask as Asks,
    payload::{ActivateRequest, CreateRequest, DestroyRequest, MACRequest, ProtectionStorageMasks, RevokeRequest},
    secret::Secret,
    version::V2_1,
};

use crate::bench::Folder;

/// The house.
pub(crate) struct House {
    pub(crate) service: Service,
    pub(crate) vault: Arc<Vault>,
    pub(crate) store: Arc<dyn Store>,
    folder: Folder,
}

impl House {
    /// One over this slot, after a software slot.
    pub(crate) fn over(slot: Arc<dyn Slot>) -> Self {
        let folder = Folder::new();
        let (clock, chance): (Arc<dyn Clock>, Arc<Random>) = (Arc::new(SystemClock), Arc::new(Random::default()));
        let store = store::open(&Settings::new(Kind::Memory, &folder.0)).unwrap();
        let software: Arc<dyn Slot> = Arc::new(Software::new("dev"));
        let level = Level::Standard;
        let slots = vec![Fitted::new(software, level), Fitted::new(slot, level)];
        let vault = Arc::new(Vault::new(store.clone(), slots, clock.clone(), chance.clone()));
        let (log, _) = Log::open(Options::new(folder.0.join("audit"), clock, chance)).unwrap();
        let key = || UnsealKey::File(Secret::new(vec![7; 32]));
        vault.initialise(&[key()]).unwrap();
        vault.enter(key()).unwrap();
        let service = Service::new(vault.clone(), Arc::new(log), Durability::Written);
        Self { service, vault, store, folder }
    }

    /// Asks as alice and waits until the answer may leave.
    pub(crate) fn ask<A: Asks>(&self, request: A) -> Result<A::Answer, Refusal> {
        let answer = self.service.answer(&alice(), Ask::new(request, V2_1, self.service.number()));
        answer.receipt.wait().unwrap();
        answer.outcome.map(|response| A::answer(response).unwrap())
    }

    /// A new, active HMAC key under this protection.
    pub(crate) fn hmac(&self, mask: ProtectionStorageMask) -> Result<String, Refusal> {
        let attributes = [
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::HMAC_SHA256),
            Attribute::CryptographicLength(256),
            Attribute::CryptographicUsageMask(CryptographicUsageMask::MACGenerate | CryptographicUsageMask::MACVerify),
        ];
        let attributes = Template { names: Vec::new(), attributes: attributes.into_iter().map(Into::into).collect() };
        let protection_storage_masks = Some(ProtectionStorageMasks { protection_storage_mask: vec![mask] });
        let request = CreateRequest { object_type: ObjectType::SymmetricKey, attributes, protection_storage_masks };
        let id = self.ask(request)?.unique_identifier.0;
        self.ask(ActivateRequest { unique_identifier: Some(id.as_str().into()) })?;
        Ok(id)
    }

    /// The MAC of some data under a key.
    pub(crate) fn mac(&self, id: &str) -> Result<Vec<u8>, Refusal> {
        let parameters = CryptographicParameters {
            hashing_algorithm: Some(HashingAlgorithm::SHA_256),
            ..CryptographicParameters::default()
        };
        let answer = self.ask(MACRequest {
            unique_identifier: Some(id.into()),
            cryptographic_parameters: Some(parameters),
            data: Some(Secret::copy_of(b"data")),
            ..MACRequest::default()
        })?;
        Ok(answer.mac_data.unwrap().0)
    }

    /// Ends a key.
    pub(crate) fn destroy(&self, id: &str) -> Result<(), Refusal> {
        use strongroom_kmip::{attribute::RevocationReason, code::RevocationReasonCode};
        self.ask(RevokeRequest {
            unique_identifier: Some(id.into()),
            revocation_reason: RevocationReason {
                revocation_reason_code: RevocationReasonCode::CessationOfOperation,
                revocation_message: None,
            },
            compromise_occurrence_date: None,
        })?;
        self.ask(DestroyRequest { unique_identifier: Some(id.into()) }).map(|_| ())
    }

    /// Lets keys of the token be alice's, and says how many objects there are now and what was left.
    pub(crate) fn adopt(&self, label: Option<&str>) -> Result<(Vec<String>, Option<String>), Refusal> {
        let operator = Caller { principal: Principal::Operator, role: Role::Administrator, ..alice() };
        let add =
            Order::ClientAdd { name: "alice".to_owned(), role: "user".to_owned(), days: 1, user: None, csr: None };
        if self.vault.client(&"alice".parse().unwrap()).unwrap().is_none() {
            self.service.found_authority(&operator, "test", &["localhost".to_owned()]).unwrap();
            self.service.order(&operator, add).unwrap();
        }
        let (slot, owner) = ("hsm".to_owned(), "alice".to_owned());
        let order = Order::SlotAdopt { slot, label: label.map(str::to_owned), id: None, owner };
        match self.service.order(&operator, order)? {
            Report::Adopted { ids, note } => Ok((ids, note)),
            other => panic!("{other:?}"),
        }
    }

    /// Looks after the slots once, as the daemon does all the time.
    pub(crate) fn attend(&self) {
        let daemon =
            Caller { principal: Principal::Daemon, role: Role::Administrator, front: Front::Rounds, ..alice() };
        self.service.attend(&daemon).unwrap();
    }

    /// What `strongroom slot list` says of the token's slot: its condition, what is against it, and how many keys have to go.
    pub(crate) fn row(&self) -> (String, Option<String>, usize) {
        let operator = Caller { principal: Principal::Operator, role: Role::Administrator, ..alice() };
        let Report::Slots { slots } = self.service.order(&operator, Order::SlotList).unwrap() else {
            panic!("no slots")
        };
        let row = slots.into_iter().nth(1).unwrap();
        (row.condition, row.why, row.leftovers)
    }

    /// The lines of the log that have this word.
    pub(crate) fn told(&self, word: &str) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.0.join("audit")).unwrap().map(|file| file.unwrap().path());
        let texts: Vec<String> = files.filter_map(|file| std::fs::read_to_string(file).ok()).collect();
        let lines = texts.iter().flat_map(|text| text.lines());
        lines.filter(|line| line.contains(word)).map(str::to_owned).collect()
    }
}

fn alice() -> Caller {
    Caller {
        principal: Principal::Client("alice".parse().unwrap()),
        role: Role::User,
        front: Front::Kmip,
        from: "127.0.0.1:1".to_owned(),
        scope: Scope::Everything,
    }
}

impl House {
    /// Makes keys in the token and destroys all but the last `most` again, until it is over. Says which are left, and how often a
    /// key was refused.
    pub(crate) fn bustle(&self, over: &AtomicBool, most: usize) -> (Vec<String>, usize) {
        let (mut mine, mut refused) = (Vec::new(), 0);
        while !over.load(Ordering::Relaxed) {
            match self.hmac(ProtectionStorageMask::Hardware) {
                Ok(id) => mine.push(id),
                Err(refusal) => {
                    // Nothing but: the slot does not answer, try again. Or the token, read in the midst of what another kill has
                    // cut short, tells of a new key what it must not be, and the key is refused.
                    let misread = refusal.to_string().contains("no sound key");
                    assert!(misread || refusal.reason == ResultReason::GeneralFailure, "{refusal}");
                    refused += 1;
                    sleep(Duration::from_millis(5));
                }
            }
            // A refusal leaves the key as it was or as it is to be.
            if mine.len() > most {
                self.destroy(&mine.remove(0)).unwrap();
            }
        }
        (mine, refused)
    }

    /// Does what the daemon does unasked, until it is over.
    pub(crate) fn attend_until(&self, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            self.attend();
            sleep(Duration::from_millis(20));
        }
    }
}
