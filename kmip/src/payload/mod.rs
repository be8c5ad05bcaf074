//! What each operation asks and answers, one verb with its mirror per file.
//!
//! The tables say what may stand there and since when; whether it makes sense is for the service to say.

mod activate;
mod add_attribute;
mod create;
mod create_key_pair;
mod create_split_key;
mod decrypt;
mod delegated_login;
mod delete_attribute;
mod derive_key;
mod destroy;
mod discover_versions;
mod encrypt;
mod export;
mod get;
mod get_attribute_list;
mod get_attributes;
mod hash;
mod import;
mod join_split_key;
mod locate;
mod login;
mod logout;
mod mac;
mod mac_verify;
mod modify_attribute;
mod query;
mod re_key;
mod re_key_key_pair;
mod register;
mod revoke;
mod rng_retrieve;
mod set_attribute;
mod sign;
mod signature_verify;
mod storage;

pub use activate::{ActivateRequest, ActivateResponse};
pub use add_attribute::{AddAttributeRequest, AddAttributeResponse};
pub use create::{CreateRequest, CreateResponse};
pub use create_key_pair::{CreateKeyPairRequest, CreateKeyPairResponse};
pub use create_split_key::{CreateSplitKeyRequest, CreateSplitKeyResponse};
pub use decrypt::{DecryptRequest, DecryptResponse};
pub use delegated_login::{DelegatedLoginRequest, DelegatedLoginResponse, Objects, Operations, Right, Rights};
pub use delete_attribute::{DeleteAttributeRequest, DeleteAttributeResponse};
pub use derive_key::{DerivationParameters, DeriveKeyRequest, DeriveKeyResponse};
pub use destroy::{DestroyRequest, DestroyResponse};
pub use discover_versions::{DiscoverVersionsRequest, DiscoverVersionsResponse};
pub use encrypt::{EncryptRequest, EncryptResponse};
pub use export::{ExportRequest, ExportResponse};
pub use get::{GetRequest, GetResponse};
pub use get_attribute_list::{GetAttributeListRequest, GetAttributeListResponse};
pub use get_attributes::{GetAttributesRequest, GetAttributesResponse};
pub use hash::{HashRequest, HashResponse};
pub use import::{ImportRequest, ImportResponse};
pub use join_split_key::{JoinSplitKeyRequest, JoinSplitKeyResponse};
pub use locate::{LocateRequest, LocateResponse};
pub use login::{Lease, LoginRequest, LoginResponse, Ticket};
pub use logout::{LogoutRequest, LogoutResponse};
pub use mac::{MACRequest, MACResponse};
pub use mac_verify::{MACVerifyRequest, MACVerifyResponse};
pub use modify_attribute::{ModifyAttributeRequest, ModifyAttributeResponse};
pub use query::{
    CapabilityInformation, DefaultsInformation, ExtensionInformation, ExtensionType, ObjectDefaults, ObjectGroups,
    ObjectTypes, ProfileInformation, ProfileVersion, QueryRequest, QueryResponse, ServerInformation,
    ValidationInformation,
};
pub use re_key::{ReKeyRequest, ReKeyResponse};
pub use re_key_key_pair::{ReKeyKeyPairRequest, ReKeyKeyPairResponse};
pub use register::{RegisterRequest, RegisterResponse};
pub use revoke::{RevokeRequest, RevokeResponse};
pub use rng_retrieve::{RNGRetrieveRequest, RNGRetrieveResponse};
pub use set_attribute::{SetAttributeRequest, SetAttributeResponse};
pub use sign::{SignRequest, SignResponse};
pub use signature_verify::{SignatureVerifyRequest, SignatureVerifyResponse};
pub use storage::ProtectionStorageMasks;
