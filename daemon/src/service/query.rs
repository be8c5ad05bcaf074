//! Query: what this server can do, told from the tables.

use strongroom_kmip::{
    code::{
        ClientRegistrationMethod, CredentialType, DestroyAction, ObjectType, Operation, ProfileName, QueryFunction,
        RNGMode, ShreddingAlgorithm, UnwrapMode,
    },
    payload::{
        CapabilityInformation, CredentialInformation, ProfileInformation, ProfileVersion, ProtectionStorageMasks,
        QueryRequest, QueryResponse, ServerInformation,
    },
    version::{V1_3, V2_0, V2_1, Version},
};

use super::{call::Call, contract::Perform, create, refusal::Refusal, registry, rules};
use crate::caller::Front;

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
            let over_https = call.caller.front == Front::KmipHttps;
            answer.profile_information = profiles(version, over_https)
                .map(|profile_name| ProfileInformation {
                    profile_name,
                    // Before KMIP 2.0 the version is part of the name.
                    profile_version: (version >= V2_0).then_some(ProfileVersion {
                        profile_version_major: version.major,
                        profile_version_minor: version.minor,
                    }),
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
            let mut protection_storage_mask: Vec<_> =
                call.vault.slots().iter().map(|fitted| fitted.protection()).collect();
            protection_storage_mask.dedup();
            answer.protection_storage_masks = Some(ProtectionStorageMasks { protection_storage_mask });
        }
        if asked(QueryFunction::QueryCredentialInformation) {
            answer.credential_information = Some(CredentialInformation { credential_type: CREDENTIALS.to_vec() });
        }
        Ok(answer)
    }
}

/// The profiles that a version names. Those of the encodings are told over HTTPS, where it is plain that they are served.
pub fn profiles(version: Version, over_https: bool) -> impl Iterator<Item = ProfileName> {
    let known = move |profile: &&(ProfileName, Version)| {
        profile.0.spoken().is_some_and(|(since, until)| version.within(since, until)) && version >= profile.1
    };
    let encodings = HTTPS_PROFILES.iter().filter(move |_| over_https);
    PROFILES.iter().chain(encodings).filter(known).map(|(profile, _)| *profile)
}

/// The operations that are served, and those that are asked of clients, which KMIP lists with them; the one that tests ask
/// for is there for them alone.
fn served(call: &Call<'_>) -> impl Iterator<Item = Operation> {
    let testing = call.tests.is_some();
    let all = registry::SERVED.iter().chain(registry::SENT).copied();
    all.filter(move |operation| testing || *operation != Operation::Interop)
}

/// The answer before anything was asked. What stays as it is here there is none of, and so none is told.
fn nothing() -> QueryResponse {
    QueryResponse {
        operation: Vec::new(),
        object_type: Vec::new(),
        vendor_identification: None,
        server_information: None,
        // Those that the server makes Application Data for (KMIP 1.0 §4.24, 2.1 §6.1.40): in none, as `alter` refuses to.
        application_namespace: Vec::new(),
        // Items with tags of the server's own, `0x54....` (KMIP 1.1 §2.1.9, 2.1 §7.13): the table of tags has none. What clients
        // say beyond the standard are attributes, custom and vendor's, which have no tags of their own.
        extension_information: Vec::new(),
        attestation_type: Vec::new(),
        rng_parameters: Vec::new(),
        profile_information: Vec::new(),
        validation_information: Vec::new(),
        capability_information: Vec::new(),
        client_registration_method: Vec::new(),
        defaults_information: None,
        protection_storage_masks: None,
        credential_information: None,
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

/// The profiles whose mandatory cases this server passes, each with the first version that it is told to.
const PROFILES: &[(ProfileName, Version)] = &[
    (ProfileName::BaselineServerBasicKMIPV1_2, V1_3),
    (ProfileName::BaselineServerTLSV1_2KMIPV1_2, V1_3),
    (ProfileName::BaselineServerBasicKMIPV1_3, V1_3),
    (ProfileName::BaselineServerTLSV1_2KMIPV1_3, V1_3),
    (ProfileName::BaselineServerBasicKMIPV1_4, V1_3),
    (ProfileName::BaselineServerTLSV1_2KMIPV1_4, V1_3),
    (ProfileName::TapeLibraryServerKMIPV1_3, V1_3),
    (ProfileName::TapeLibraryServerKMIPV1_4, V1_3),
    (ProfileName::SymmetricKeyLifecycleServerKMIPV1_0, V1_3),
    (ProfileName::SymmetricKeyLifecycleServerKMIPV1_1, V1_3),
    (ProfileName::SymmetricKeyLifecycleServerKMIPV1_2, V1_3),
    (ProfileName::SymmetricKeyLifecycleServerKMIPV1_3, V1_3),
    (ProfileName::SymmetricKeyLifecycleServerKMIPV1_4, V1_3),
    (ProfileName::AsymmetricKeyLifecycleServerKMIPV1_0, V1_3),
    (ProfileName::AsymmetricKeyLifecycleServerKMIPV1_1, V1_3),
    (ProfileName::AsymmetricKeyLifecycleServerKMIPV1_2, V1_3),
    (ProfileName::AsymmetricKeyLifecycleServerKMIPV1_3, V1_3),
    (ProfileName::AsymmetricKeyLifecycleServerKMIPV1_4, V1_3),
    (ProfileName::BasicCryptographicServerKMIPV1_3, V1_3),
    (ProfileName::BasicCryptographicServerKMIPV1_4, V1_3),
    (ProfileName::AdvancedCryptographicServerKMIPV1_3, V1_3),
    (ProfileName::AdvancedCryptographicServerKMIPV1_4, V1_3),
    (ProfileName::RNGCryptographicServerKMIPV1_3, V1_3),
    (ProfileName::RNGCryptographicServerKMIPV1_4, V1_3),
    (ProfileName::SymmetricKeyFoundryServerKMIPV1_0, V1_3),
    (ProfileName::SymmetricKeyFoundryServerKMIPV1_1, V1_3),
    (ProfileName::SymmetricKeyFoundryServerKMIPV1_2, V1_3),
    (ProfileName::SymmetricKeyFoundryServerKMIPV1_3, V1_3),
    (ProfileName::SymmetricKeyFoundryServerKMIPV1_4, V1_3),
    (ProfileName::OpaqueManagedObjectStoreServerKMIPV1_0, V1_3),
    (ProfileName::OpaqueManagedObjectStoreServerKMIPV1_1, V1_3),
    (ProfileName::OpaqueManagedObjectStoreServerKMIPV1_2, V1_3),
    (ProfileName::OpaqueManagedObjectStoreServerKMIPV1_3, V1_3),
    (ProfileName::OpaqueManagedObjectStoreServerKMIPV1_4, V1_3),
    (ProfileName::StorageArrayWithSelfEncryptingDriveServerKMIPV1_3, V1_3),
    (ProfileName::StorageArrayWithSelfEncryptingDriveServerKMIPV1_4, V1_3),
    (ProfileName::BaselineServer, V2_1),
    (ProfileName::TapeLibraryServer, V2_0),
    (ProfileName::SymmetricKeyLifecycleServer, V2_0),
    (ProfileName::AsymmetricKeyLifecycleServer, V2_0),
    (ProfileName::BasicCryptographicServer, V2_0),
    (ProfileName::AdvancedCryptographicServer, V2_0),
    (ProfileName::RNGCryptographicServer, V2_0),
    (ProfileName::SymmetricKeyFoundryServer, V2_0),
    (ProfileName::OpaqueManagedObjectStoreServer, V2_0),
    (ProfileName::StorageArrayWithSelfEncryptingDriveServer, V2_0),
    (ProfileName::AESXTSServer, V2_0),
    (ProfileName::PKCS_11Server, V2_0),
];

/// The same, of what is served over HTTPS.
const HTTPS_PROFILES: &[(ProfileName, Version)] = &[
    (ProfileName::HTTPSServerKMIPV1_3, V1_3),
    (ProfileName::HTTPSServerKMIPV1_4, V1_3),
    (ProfileName::JSONServerKMIPV1_3, V1_3),
    (ProfileName::JSONServerKMIPV1_4, V1_3),
    (ProfileName::XMLServerKMIPV1_3, V1_3),
    (ProfileName::XMLServerKMIPV1_4, V1_3),
    (ProfileName::HTTPSServer, V2_1),
    (ProfileName::JSONServer, V2_1),
    (ProfileName::XMLServer, V2_1),
];

/// What a client may show besides its certificate.
const CREDENTIALS: &[CredentialType] = &[
    CredentialType::UsernameAndPassword,
    CredentialType::Device,
    CredentialType::OneTimePassword,
    CredentialType::HashedPassword,
    CredentialType::Ticket,
];
