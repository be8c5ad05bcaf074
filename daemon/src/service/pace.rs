//! What takes long, and what must not.

use strongroom_kmip::{
    attribute::{Attribute, Template},
    code::{CryptographicAlgorithm, KeyFormatType, Operation},
    object::Object,
    operation::Request,
};

/// Whether the answer to an operation must come at once, whatever the client can take.
pub fn is_prompt(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Poll
            | Operation::Cancel
            | Operation::Process
            | Operation::QueryAsynchronousRequests
            | Operation::Login
            | Operation::DelegatedLogin
            | Operation::Logout
            | Operation::SetEndpointRole
            | Operation::DiscoverVersions
            // What its function asks for waits for a seat of its own; nobody waits while sitting at another.
            | Operation::PKCS_11
    )
}

/// Whether a request takes so long that others must not wait for it.
pub fn is_slow(request: &Request) -> bool {
    let pair = match request {
        Request::CreateKeyPair(pair) => pair,
        // Under a password, that is, which is costly to guess.
        Request::Get(get) => return get.key_format_type == Some(KeyFormatType::PKCS_12),
        Request::Export(export) => return export.key_format_type == Some(KeyFormatType::PKCS_12),
        Request::Register(register) => return is_bundle(&register.object),
        Request::Import(import) => return is_bundle(&import.object),
        request => return matches!(request.operation(), Operation::ReKeyKeyPair | Operation::DeriveKey),
    };
    let quick = |attribute: &Attribute| match attribute {
        Attribute::CryptographicAlgorithm(algorithm) => !matches!(
            *algorithm,
            CryptographicAlgorithm::RSA | CryptographicAlgorithm::DSA | CryptographicAlgorithm::DH
        ),
        _ => false,
    };
    let all = [&pair.common_attributes, &pair.private_key_attributes, &pair.public_key_attributes];
    let templates = || all.into_iter().flatten();
    let said = |template: &Template| template.attributes.iter().any(|instance| quick(&instance.attribute));
    !templates().any(said)
}

fn is_bundle(object: &Object) -> bool {
    object.key_block().is_some_and(|block| block.key_format_type == KeyFormatType::PKCS_12)
}

/// Whether an operation may take so long that it must not have all the turns there are: it waits for a seat, for a job, or for
/// something costly by itself.
pub fn may_last(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::CreateKeyPair
            | Operation::ReKeyKeyPair
            | Operation::DeriveKey
            | Operation::Register
            | Operation::Import
            | Operation::Get
            | Operation::Export
            | Operation::Poll
            | Operation::Process
            | Operation::Login
            | Operation::DelegatedLogin
            | Operation::PKCS_11
    )
}

/// Whether an operation is over so soon that to give it to another thread would take as long as the operation itself. None of
/// them waits for more than a record; `is_distant` says that some slot's keys are not in this process, so that whoever uses
/// one may have to wait.
pub(super) fn is_quick(operation: Operation, is_distant: bool) -> bool {
    match operation {
        Operation::Query
        | Operation::DiscoverVersions
        | Operation::Ping
        | Operation::GetAttributes
        | Operation::GetAttributeList => true,
        Operation::Get
        | Operation::Create
        | Operation::Encrypt
        | Operation::MAC
        | Operation::MACVerify
        | Operation::Hash
        | Operation::RNGRetrieve => !is_distant,
        _ => false,
    }
}

/// Whether an operation only uses or shows what is there.
pub(super) fn is_mere_use(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Encrypt
            | Operation::Decrypt
            | Operation::Sign
            | Operation::SignatureVerify
            | Operation::MAC
            | Operation::MACVerify
            | Operation::Hash
            | Operation::RNGRetrieve
            | Operation::Locate
            | Operation::GetAttributes
            | Operation::GetAttributeList
            | Operation::Query
            | Operation::Ping
            | Operation::Check
            | Operation::GetConstraints
            | Operation::DiscoverVersions
            | Operation::Poll
            | Operation::QueryAsynchronousRequests
            | Operation::Process
            | Operation::Validate
    )
}
