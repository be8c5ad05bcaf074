//! What each operation asks and answers, one verb with its mirror per file.
//!
//! The tables say what may stand there and since when; whether it makes sense is for the service to say.

mod activate;
mod add_attribute;
mod create;
mod create_key_pair;
mod decrypt;
mod delegated_login;
mod delete_attribute;
mod destroy;
mod discover_versions;
mod encrypt;
mod get;
mod get_attribute_list;
mod get_attributes;
mod hash;
mod locate;
mod login;
mod logout;
mod mac;
mod mac_verify;
mod modify_attribute;
mod query;
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
pub use decrypt::{DecryptRequest, DecryptResponse};
pub use delegated_login::{DelegatedLoginRequest, DelegatedLoginResponse, Objects, Operations, Right, Rights};
pub use delete_attribute::{DeleteAttributeRequest, DeleteAttributeResponse};
pub use destroy::{DestroyRequest, DestroyResponse};
pub use discover_versions::{DiscoverVersionsRequest, DiscoverVersionsResponse};
pub use encrypt::{EncryptRequest, EncryptResponse};
pub use get::{GetRequest, GetResponse};
pub use get_attribute_list::{GetAttributeListRequest, GetAttributeListResponse};
pub use get_attributes::{GetAttributesRequest, GetAttributesResponse};
pub use hash::{HashRequest, HashResponse};
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
pub use register::{RegisterRequest, RegisterResponse};
pub use revoke::{RevokeRequest, RevokeResponse};
pub use rng_retrieve::{RNGRetrieveRequest, RNGRetrieveResponse};
pub use set_attribute::{SetAttributeRequest, SetAttributeResponse};
pub use sign::{SignRequest, SignResponse};
pub use signature_verify::{SignatureVerifyRequest, SignatureVerifyResponse};
pub use storage::ProtectionStorageMasks;
