//! What each operation asks and answers, one verb with its mirror per file.
//!
//! The tables say what may stand there and since when; whether it makes sense is for the service to say.

mod activate;
mod add_attribute;
mod adjust_attribute;
mod archive;
mod cancel;
mod check;
mod constraint;
mod create;
mod create_key_pair;
mod create_split_key;
mod deactivate;
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
mod get_constraints;
mod get_usage_allocation;
mod hash;
mod import;
mod interop;
mod join_split_key;
mod locate;
mod log;
mod login;
mod logout;
mod mac;
mod mac_verify;
mod modify_attribute;
mod obliterate;
mod obtain_lease;
mod ping;
mod pkcs_11;
mod poll;
mod process;
mod query;
mod query_asynchronous_requests;
mod re_key;
mod re_key_key_pair;
mod re_provision;
mod recover;
mod register;
mod revoke;
mod rng_retrieve;
mod rng_seed;
mod set_attribute;
mod set_constraints;
mod set_defaults;
mod sign;
mod signature_verify;
mod storage;

pub use activate::{ActivateRequest, ActivateResponse};
pub use add_attribute::{AddAttributeRequest, AddAttributeResponse};
pub use adjust_attribute::{AdjustAttributeRequest, AdjustAttributeResponse};
pub use archive::{ArchiveRequest, ArchiveResponse};
pub use cancel::{CancelRequest, CancelResponse};
pub use check::{CheckRequest, CheckResponse};
pub use constraint::{Constraint, Constraints};
pub use create::{CreateRequest, CreateResponse};
pub use create_key_pair::{CreateKeyPairRequest, CreateKeyPairResponse};
pub use create_split_key::{CreateSplitKeyRequest, CreateSplitKeyResponse};
pub use deactivate::{DeactivateRequest, DeactivateResponse};
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
pub use get_constraints::{GetConstraintsRequest, GetConstraintsResponse};
pub use get_usage_allocation::{GetUsageAllocationRequest, GetUsageAllocationResponse};
pub use hash::{HashRequest, HashResponse};
pub use import::{ImportRequest, ImportResponse};
pub use interop::{InteropRequest, InteropResponse};
pub use join_split_key::{JoinSplitKeyRequest, JoinSplitKeyResponse};
pub use locate::{LocateRequest, LocateResponse};
pub use log::{LogRequest, LogResponse};
pub use login::{Lease, LoginRequest, LoginResponse, Ticket};
pub use logout::{LogoutRequest, LogoutResponse};
pub use mac::{MACRequest, MACResponse};
pub use mac_verify::{MACVerifyRequest, MACVerifyResponse};
pub use modify_attribute::{ModifyAttributeRequest, ModifyAttributeResponse};
pub use obliterate::{ObliterateRequest, ObliterateResponse};
pub use obtain_lease::{ObtainLeaseRequest, ObtainLeaseResponse};
pub use ping::{PingRequest, PingResponse};
pub use pkcs_11::{PKCS11Request, PKCS11Response};
pub use poll::{PollRequest, PollResponse};
pub use process::{ProcessRequest, ProcessResponse};
pub use query::{
    CapabilityInformation, DefaultsInformation, ExtensionInformation, ExtensionType, ObjectDefaults, ObjectGroups,
    ObjectTypes, ProfileInformation, ProfileVersion, QueryRequest, QueryResponse, ServerInformation,
    ValidationInformation,
};
pub use query_asynchronous_requests::{
    AsynchronousCorrelationValues, AsynchronousRequest, QueryAsynchronousRequestsRequest,
    QueryAsynchronousRequestsResponse,
};
pub use re_key::{ReKeyRequest, ReKeyResponse};
pub use re_key_key_pair::{ReKeyKeyPairRequest, ReKeyKeyPairResponse};
pub use re_provision::{ReProvisionRequest, ReProvisionResponse};
pub use recover::{RecoverRequest, RecoverResponse};
pub use register::{RegisterRequest, RegisterResponse};
pub use revoke::{RevokeRequest, RevokeResponse};
pub use rng_retrieve::{RNGRetrieveRequest, RNGRetrieveResponse};
pub use rng_seed::{RNGSeedRequest, RNGSeedResponse};
pub use set_attribute::{SetAttributeRequest, SetAttributeResponse};
pub use set_constraints::{SetConstraintsRequest, SetConstraintsResponse};
pub use set_defaults::{SetDefaultsRequest, SetDefaultsResponse};
pub use sign::{SignRequest, SignResponse};
pub use signature_verify::{SignatureVerifyRequest, SignatureVerifyResponse};
pub use storage::ProtectionStorageMasks;
