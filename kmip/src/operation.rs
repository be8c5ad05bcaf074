//! The operations that are served: one row names an operation, what it asks and what it answers.

use crate::{
    code::{Operation, ResultReason},
    payload::*,
    tag::Tag,
    ttlv::{Item, Malformed, Value, Writer},
};

/// A request that knows the shape of its answer.
pub trait Ask: Into<Request> {
    /// What the operation answers.
    type Answer: Into<Response>;

    /// The operation.
    const OPERATION: Operation;

    /// The answer, if `response` is one to this operation.
    fn answer(response: Response) -> Option<Self::Answer>;
}

/// Why one item of a batch could not be understood, although the message could.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The operation is none that is served.
    #[error("the operation {0} is not supported")]
    Operation(Operation),
    /// The item does not have the shape that its operation asks for.
    #[error(transparent)]
    Payload(#[from] Malformed),
}

impl Fault {
    /// What the client is told.
    pub fn reason(&self) -> ResultReason {
        match self {
            Self::Operation(_) => ResultReason::OperationNotSupported,
            Self::Payload(Malformed::Missing(_)) => ResultReason::MissingData,
            Self::Payload(Malformed::Value(Tag::KeyFormatType)) => ResultReason::KeyFormatTypeNotSupported,
            Self::Payload(Malformed::Type(..) | Malformed::Value(_) | Malformed::Unexpected(_)) => {
                ResultReason::InvalidField
            }
            Self::Payload(
                Malformed::Short(_)
                | Malformed::Overlong(_)
                | Malformed::UnknownType(..)
                | Malformed::Length(_)
                | Malformed::Content(_)
                | Malformed::Limit(_)
                | Malformed::Trailing(_),
            ) => ResultReason::InvalidMessage,
        }
    }
}

/// Reads a payload into the place of what stood there, as the request of its operation.
#[inline(never)]
fn put<T: Value>(place: &mut Result<Request, Fault>, payload: Item<'_, '_>, request: impl FnOnce(T) -> Request) {
    if let Err(why) = T::read_as(payload, |read| *place = Ok(request(read))) {
        *place = Err(Fault::Payload(why));
    }
}

/// Declares what is served. A row reads `Operation: Request => Response;`.
macro_rules! operations {
    ($($name:ident: $request:ident => $response:ident;)*) => {
        /// What a client asks for.
        #[derive(Debug)]
        #[allow(missing_docs, non_camel_case_types, clippy::large_enum_variant, reason = "a variant is an operation, and moves seldom")]
        pub enum Request {
            $($name($request),)*
        }

        /// What a server answers.
        #[derive(Debug)]
        #[allow(missing_docs, non_camel_case_types, clippy::large_enum_variant, reason = "a variant is an operation, and moves seldom")]
        pub enum Response {
            $($name($response),)*
        }

        /// Every operation that has a row.
        pub const SERVED: &[Operation] = &[$(Operation::$name),*];

        impl Request {
            /// The operation.
            pub fn operation(&self) -> Operation {
                match self {
                    $(Self::$name(_) => Operation::$name,)*
                }
            }

            /// Reads the payload of an operation.
            ///
            /// # Errors
            /// [`Fault`]: the operation has no row, or its payload cannot be read.
            pub fn read(operation: Operation, payload: Item<'_, '_>) -> Result<Self, Fault> {
                match operation {
                    $(Operation::$name => Ok(Self::$name(Value::read(payload)?)),)*
                    _ => Err(Fault::Operation(operation)),
                }
            }

            /// Reads the payload of an operation into the place of what stood there: a request is large to move.
            pub(crate) fn read_to(place: &mut Result<Self, Fault>, operation: Operation, payload: Item<'_, '_>) {
                match operation {
                    $(Operation::$name => put(place, payload, Self::$name),)*
                    _ => *place = Err(Fault::Operation(operation)),
                }
            }

            /// Writes the payload.
            pub fn write(&self, to: &mut Writer) {
                match self {
                    $(Self::$name(request) => request.write(Tag::RequestPayload, to),)*
                }
            }

            /// About how many bytes of bulk the payload has.
            pub(crate) fn bulk(&self) -> usize {
                match self {
                    $(Self::$name(request) => Value::bulk(request),)*
                }
            }
        }

        impl Response {
            /// The operation.
            pub fn operation(&self) -> Operation {
                match self {
                    $(Self::$name(_) => Operation::$name,)*
                }
            }

            /// Reads the payload of an operation.
            ///
            /// # Errors
            /// [`Fault`]: the operation has no row, or its payload cannot be read.
            pub fn read(operation: Operation, payload: Item<'_, '_>) -> Result<Self, Fault> {
                match operation {
                    $(Operation::$name => Ok(Self::$name(Value::read(payload)?)),)*
                    _ => Err(Fault::Operation(operation)),
                }
            }

            /// Writes the payload.
            pub fn write(&self, to: &mut Writer) {
                match self {
                    $(Self::$name(response) => response.write(Tag::ResponsePayload, to),)*
                }
            }

            /// About how many bytes of bulk the payload has.
            pub(crate) fn bulk(&self) -> usize {
                match self {
                    $(Self::$name(response) => Value::bulk(response),)*
                }
            }
        }

        $(
            impl From<$request> for Request {
                fn from(request: $request) -> Self {
                    Self::$name(request)
                }
            }

            impl From<$response> for Response {
                fn from(response: $response) -> Self {
                    Self::$name(response)
                }
            }

            impl Ask for $request {
                type Answer = $response;
                const OPERATION: Operation = Operation::$name;

                fn answer(response: Response) -> Option<$response> {
                    match response {
                        Response::$name(answer) => Some(answer),
                        _ => None,
                    }
                }
            }
        )*
    };
}

operations! {
    Create: CreateRequest => CreateResponse;
    CreateKeyPair: CreateKeyPairRequest => CreateKeyPairResponse;
    Register: RegisterRequest => RegisterResponse;
    Locate: LocateRequest => LocateResponse;
    Get: GetRequest => GetResponse;
    GetAttributes: GetAttributesRequest => GetAttributesResponse;
    GetAttributeList: GetAttributeListRequest => GetAttributeListResponse;
    AddAttribute: AddAttributeRequest => AddAttributeResponse;
    ModifyAttribute: ModifyAttributeRequest => ModifyAttributeResponse;
    DeleteAttribute: DeleteAttributeRequest => DeleteAttributeResponse;
    Activate: ActivateRequest => ActivateResponse;
    Revoke: RevokeRequest => RevokeResponse;
    Destroy: DestroyRequest => DestroyResponse;
    Notify: NotifyRequest => NotifyResponse;
    Put: PutRequest => PutResponse;
    Query: QueryRequest => QueryResponse;
    DiscoverVersions: DiscoverVersionsRequest => DiscoverVersionsResponse;
    Encrypt: EncryptRequest => EncryptResponse;
    Decrypt: DecryptRequest => DecryptResponse;
    Sign: SignRequest => SignResponse;
    SignatureVerify: SignatureVerifyRequest => SignatureVerifyResponse;
    MAC: MACRequest => MACResponse;
    MACVerify: MACVerifyRequest => MACVerifyResponse;
    RNGRetrieve: RNGRetrieveRequest => RNGRetrieveResponse;
    Hash: HashRequest => HashResponse;
    Login: LoginRequest => LoginResponse;
    Logout: LogoutRequest => LogoutResponse;
    DelegatedLogin: DelegatedLoginRequest => DelegatedLoginResponse;
    Poll: PollRequest => PollResponse;
    Cancel: CancelRequest => CancelResponse;
    Process: ProcessRequest => ProcessResponse;
    QueryAsynchronousRequests: QueryAsynchronousRequestsRequest => QueryAsynchronousRequestsResponse;
    SetAttribute: SetAttributeRequest => SetAttributeResponse;
    ReKey: ReKeyRequest => ReKeyResponse;
    ReKeyKeyPair: ReKeyKeyPairRequest => ReKeyKeyPairResponse;
    DeriveKey: DeriveKeyRequest => DeriveKeyResponse;
    CreateSplitKey: CreateSplitKeyRequest => CreateSplitKeyResponse;
    JoinSplitKey: JoinSplitKeyRequest => JoinSplitKeyResponse;
    Import: ImportRequest => ImportResponse;
    Export: ExportRequest => ExportResponse;
    Certify: CertifyRequest => CertifyResponse;
    ReCertify: ReCertifyRequest => ReCertifyResponse;
    Validate: ValidateRequest => ValidateResponse;
    Archive: ArchiveRequest => ArchiveResponse;
    Recover: RecoverRequest => RecoverResponse;
    Obliterate: ObliterateRequest => ObliterateResponse;
    Ping: PingRequest => PingResponse;
    Log: LogRequest => LogResponse;
    RNGSeed: RNGSeedRequest => RNGSeedResponse;
    Interop: InteropRequest => InteropResponse;
    ObtainLease: ObtainLeaseRequest => ObtainLeaseResponse;
    GetUsageAllocation: GetUsageAllocationRequest => GetUsageAllocationResponse;
    Check: CheckRequest => CheckResponse;
    AdjustAttribute: AdjustAttributeRequest => AdjustAttributeResponse;
    Deactivate: DeactivateRequest => DeactivateResponse;
    SetConstraints: SetConstraintsRequest => SetConstraintsResponse;
    GetConstraints: GetConstraintsRequest => GetConstraintsResponse;
    SetDefaults: SetDefaultsRequest => SetDefaultsResponse;
    ReProvision: ReProvisionRequest => ReProvisionResponse;
    PKCS_11: PKCS11Request => PKCS11Response;
    SetEndpointRole: SetEndpointRoleRequest => SetEndpointRoleResponse;
    CreateUser: CreateUserRequest => CreateUserResponse;
    CreateGroup: CreateGroupRequest => CreateGroupResponse;
    CreateCredential: CreateCredentialRequest => CreateCredentialResponse;
}
