//! Query: what this server can do, told from the tables.

use strongroom_kmip::{
    code::{
        ClientRegistrationMethod, DestroyAction, ObjectType, Operation, ProfileName, ProtectionStorageMask,
        QueryFunction, RNGMode, ShreddingAlgorithm, UnwrapMode,
    },
    payload::{
        CapabilityInformation, ProfileInformation, ProtectionStorageMasks, QueryRequest, QueryResponse,
        ServerInformation,
    },
    version::V2_0,
};

use super::{call::Call, contract::Perform, create, refusal::Refusal, registry, rules};

impl Perform for QueryRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<QueryResponse, Refusal> {
        let asked = |function| self.query_function.contains(&function);
        let version = call.version;
        let speaks = |spoken: Option<(_, _)>| spoken.is_some_and(|(since, until)| version.within(since, until));
        let mut answer = nothing();
        if asked(QueryFunction::QueryOperations) {
            answer.operation = served(call).filter(|it| speaks(it.spoken())).collect();
        }
        if asked(QueryFunction::QueryObjects) {
            answer.object_type = OBJECTS.iter().filter(|it| speaks(it.spoken())).copied().collect();
        }
        if asked(QueryFunction::QueryServerInformation) {
            answer.vendor_identification = Some(VENDOR.to_owned());
            answer.server_information = Some(ServerInformation {
                server_name: (version >= V2_0).then(|| "strongroom".to_owned()),
                server_version: (version >= V2_0).then(|| env!("CARGO_PKG_VERSION").to_owned()),
                product_name: (version >= V2_0).then(|| "Strongroom".to_owned()),
                ..ServerInformation::default()
            });
        }
        if asked(QueryFunction::QueryRNGs) {
            answer.rng_parameters = vec![create::generator()];
        }
        if asked(QueryFunction::QueryProfiles) {
            answer.profile_information = PROFILES
                .iter()
                .filter(|it| speaks(it.spoken()))
                .map(|&profile_name| ProfileInformation {
                    profile_name,
                    profile_version: None,
                    server_uri: None,
                    server_port: None,
                })
                .collect();
        }
        if asked(QueryFunction::QueryCapabilities) {
            answer.capability_information = vec![capabilities()];
        }
        if asked(QueryFunction::QueryClientRegistrationMethods) {
            answer.client_registration_method = vec![ClientRegistrationMethod::ServerPreGenerated];
        }
        if asked(QueryFunction::QueryDefaultsInformation) {
            answer.defaults_information = Some(rules::defaults(call)?);
        }
        if asked(QueryFunction::QueryStorageProtectionMasks) {
            answer.protection_storage_masks =
                Some(ProtectionStorageMasks { protection_storage_mask: vec![ProtectionStorageMask::Software] });
        }
        Ok(answer)
    }
}

/// The operations that are served; the one that tests ask for is there for them alone.
fn served(call: &Call<'_>) -> impl Iterator<Item = Operation> {
    let testing = call.tests.is_some();
    registry::SERVED.iter().copied().filter(move |operation| testing || *operation != Operation::Interop)
}

fn nothing() -> QueryResponse {
    QueryResponse {
        operation: Vec::new(),
        object_type: Vec::new(),
        vendor_identification: None,
        server_information: None,
        application_namespace: Vec::new(),
        extension_information: Vec::new(),
        attestation_type: Vec::new(),
        rng_parameters: Vec::new(),
        profile_information: Vec::new(),
        validation_information: Vec::new(),
        capability_information: Vec::new(),
        client_registration_method: Vec::new(),
        defaults_information: None,
        protection_storage_masks: None,
    }
}

fn capabilities() -> CapabilityInformation {
    CapabilityInformation {
        streaming_capability: Some(true),
        asynchronous_capability: Some(true),
        attestation_capability: Some(false),
        batch_undo_capability: Some(true),
        batch_continue_capability: Some(true),
        unwrap_mode: Some(UnwrapMode::NotProcessed),
        destroy_action: Some(DestroyAction::KeyMaterialDeleted),
        shredding_algorithm: Some(ShreddingAlgorithm::Cryptographic),
        rng_mode: Some(RNGMode::SharedInstantiation),
        quantum_safe_capability: Some(false),
    }
}

/// Who made this server, and whose vendor attributes are its own.
pub const VENDOR: &str = "Strongroom";

/// What can be kept.
pub const OBJECTS: &[ObjectType] = &[
    ObjectType::Certificate,
    ObjectType::SymmetricKey,
    ObjectType::PublicKey,
    ObjectType::PrivateKey,
    ObjectType::SplitKey,
    ObjectType::Template,
    ObjectType::SecretData,
    ObjectType::OpaqueObject,
    ObjectType::PGPKey,
    ObjectType::CertificateRequest,
    ObjectType::User,
    ObjectType::Group,
    ObjectType::PasswordCredential,
];

/// The profiles whose every case this server passes.
const PROFILES: &[ProfileName] = &[
    ProfileName::BaselineServerBasicKMIPV1_2,
    ProfileName::BaselineServerTLSV1_2KMIPV1_2,
    ProfileName::BaselineServerBasicKMIPV1_3,
    ProfileName::BaselineServerBasicKMIPV1_4,
];
