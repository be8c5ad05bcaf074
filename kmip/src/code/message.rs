//! What messages say about themselves.

enumerations! {
    /// How a batch item ended (KMIP 2.1 §11.47).
    ResultStatus {
        Success = 0, "Success", V1_0;
        OperationFailed = 1, "Operation Failed", V1_0;
        OperationPending = 2, "Operation Pending", V1_0;
        OperationUndone = 3, "Operation Undone", V1_0;
    }

    /// Why a batch item failed (KMIP 2.1 §11.46).
    ResultReason {
        ItemNotFound = 1, "Item Not Found", V1_0;
        ResponseTooLarge = 2, "Response Too Large", V1_0;
        AuthenticationNotSuccessful = 3, "Authentication Not Successful", V1_0;
        InvalidMessage = 4, "Invalid Message", V1_0;
        OperationNotSupported = 5, "Operation Not Supported", V1_0;
        MissingData = 6, "Missing Data", V1_0;
        InvalidField = 7, "Invalid Field", V1_0;
        FeatureNotSupported = 8, "Feature Not Supported", V1_0;
        OperationCanceledByRequester = 9, "Operation Canceled By Requester", V1_0;
        CryptographicFailure = 0xA, "Cryptographic Failure", V1_0;
        IllegalOperation = 0xB, "Illegal Operation", V1_0 until V2_0;
        PermissionDenied = 0xC, "Permission Denied", V1_0;
        ObjectArchived = 0xD, "Object Archived", V1_0;
        IndexOutOfBounds = 0xE, "Index Out of Bounds", V1_0 until V2_0;
        ApplicationNamespaceNotSupported = 0xF, "Application Namespace Not Supported", V1_0;
        KeyFormatTypeNotSupported = 0x10, "Key Format Type Not Supported", V1_0;
        KeyCompressionTypeNotSupported = 0x11, "Key Compression Type Not Supported", V1_0;
        EncodingOptionError = 0x12, "Encoding Option Error", V1_1;
        KeyValueNotPresent = 0x13, "Key Value Not Present", V1_2;
        AttestationRequired = 0x14, "Attestation Required", V1_2;
        AttestationFailed = 0x15, "Attestation Failed", V1_2;
        Sensitive = 0x16, "Sensitive", V1_4;
        NotExtractable = 0x17, "Not Extractable", V1_4;
        ObjectAlreadyExists = 0x18, "Object Already Exists", V1_4;
        InvalidTicket = 0x19, "Invalid Ticket", V2_0;
        UsageLimitExceeded = 0x1A, "Usage Limit Exceeded", V2_0;
        NumericRange = 0x1B, "Numeric Range", V2_0;
        InvalidDataType = 0x1C, "Invalid Data Type", V2_0;
        ReadOnlyAttribute = 0x1D, "Read Only Attribute", V2_0;
        MultiValuedAttribute = 0x1E, "Multi Valued Attribute", V2_0;
        UnsupportedAttribute = 0x1F, "Unsupported Attribute", V2_0;
        AttributeInstanceNotFound = 0x20, "Attribute Instance Not Found", V2_0;
        AttributeNotFound = 0x21, "Attribute Not Found", V2_0;
        AttributeReadOnly = 0x22, "Attribute Read Only", V2_0;
        AttributeSingleValued = 0x23, "Attribute Single Valued", V2_0;
        BadCryptographicParameters = 0x24, "Bad Cryptographic Parameters", V2_0;
        BadPassword = 0x25, "Bad Password", V2_0;
        CodecError = 0x26, "Codec Error", V2_0;
        IllegalObjectType = 0x28, "Illegal Object Type", V2_0;
        IncompatibleCryptographicUsageMask = 0x29, "Incompatible Cryptographic Usage Mask", V2_0;
        InternalServerError = 0x2A, "Internal Server Error", V2_0;
        InvalidAsynchronousCorrelationValue = 0x2B, "Invalid Asynchronous Correlation Value", V2_0;
        InvalidAttribute = 0x2C, "Invalid Attribute", V2_0;
        InvalidAttributeValue = 0x2D, "Invalid Attribute Value", V2_0;
        InvalidCorrelationValue = 0x2E, "Invalid Correlation Value", V2_0;
        InvalidCSR = 0x2F, "Invalid CSR", V2_0;
        InvalidObjectType = 0x30, "Invalid Object Type", V2_0;
        KeyWrapTypeNotSupported = 0x32, "Key Wrap Type Not Supported", V2_0;
        MissingInitializationVector = 0x34, "Missing Initialization Vector", V2_0;
        NonUniqueNameAttribute = 0x35, "Non Unique Name Attribute", V2_0;
        ObjectDestroyed = 0x36, "Object Destroyed", V2_0;
        ObjectNotFound = 0x37, "Object Not Found", V2_0;
        NotAuthorised = 0x39, "Not Authorised", V2_0;
        ServerLimitExceeded = 0x3A, "Server Limit Exceeded", V2_0;
        UnknownEnumeration = 0x3B, "Unknown Enumeration", V2_0;
        UnknownMessageExtension = 0x3C, "Unknown Message Extension", V2_0;
        UnknownTag = 0x3D, "Unknown Tag", V2_0;
        UnsupportedCryptographicParameters = 0x3E, "Unsupported Cryptographic Parameters", V2_0;
        UnsupportedProtocolVersion = 0x3F, "Unsupported Protocol Version", V2_0;
        WrappingObjectArchived = 0x40, "Wrapping Object Archived", V2_0;
        WrappingObjectDestroyed = 0x41, "Wrapping Object Destroyed", V2_0;
        WrappingObjectNotFound = 0x42, "Wrapping Object Not Found", V2_0;
        WrongKeyLifecycleState = 0x43, "Wrong Key Lifecycle State", V2_0;
        ProtectionStorageUnavailable = 0x44, "Protection Storage Unavailable", V2_0;
        PKCS_11CodecError = 0x45, "PKCS#11 Codec Error", V2_0;
        PKCS_11InvalidFunction = 0x46, "PKCS#11 Invalid Function", V2_0;
        PKCS_11InvalidInterface = 0x47, "PKCS#11 Invalid Interface", V2_0;
        PrivateProtectionStorageUnavailable = 0x48, "Private Protection Storage Unavailable", V2_0;
        PublicProtectionStorageUnavailable = 0x49, "Public Protection Storage Unavailable", V2_0;
        UnknownObjectGroup = 0x4A, "Unknown Object Group", V2_1 until V3_0;
        ConstraintViolation = 0x4B, "Constraint Violation", V2_1;
        DuplicateProcessRequest = 0x4C, "Duplicate Process Request", V2_1;
        CircularLinkError = 0x4D, "Circular Link Error", V3_0;
        GeneralFailure = 0x100, "General Failure", V1_0;
    }

    /// What happens to the rest of a batch when an item fails (KMIP 2.1 §11.5).
    BatchErrorContinuationOption {
        Continue = 1, "Continue", V1_0;
        Stop = 2, "Stop", V1_0;
        Undo = 3, "Undo", V1_0;
    }

    /// Whether a batch item may be answered later (KMIP 2.1 §11.3).
    AsynchronousIndicator {
        Mandatory = 1, "Mandatory", V2_0;
        Optional = 2, "Optional", V2_0;
        Prohibited = 3, "Prohibited", V2_0;
    }

    /// What became of an operation that was to be cancelled (KMIP 2.1 §11.7).
    CancellationResult {
        Canceled = 1, "Canceled", V1_0;
        UnableToCancel = 2, "Unable to Cancel", V1_0;
        Completed = 3, "Completed", V1_0;
        Failed = 4, "Failed", V1_0;
        Unavailable = 5, "Unavailable", V1_0;
    }

    /// How far an asynchronous request has come (KMIP 2.1 §11.40).
    ProcessingStage {
        Submitted = 1, "Submitted", V2_1;
        InProcess = 2, "In Process", V2_1;
        Completed = 3, "Completed", V2_1;
    }

    /// Whether a Put is new or replaces (KMIP 2.1 §11.43).
    PutFunction {
        New = 1, "New", V1_0;
        Replace = 2, "Replace", V1_0;
    }

    /// Who asks and who answers (KMIP 2.1 §11.19).
    EndpointRole {
        Client = 1, "Client", V2_0;
        Server = 2, "Server", V2_0;
    }

    /// Where an interoperability test begins and ends (KMIP 2.1 §11.22).
    InteropFunction {
        Begin = 1, "Begin", V2_0;
        End = 2, "End", V2_0;
        Reset = 3, "Reset", V2_0;
    }

    /// How an attribute is adjusted (KMIP 2.1 §11.1).
    AdjustmentType {
        Increment = 1, "Increment", V2_0;
        Decrement = 2, "Decrement", V2_0;
        Negate = 3, "Negate", V2_0;
    }

    /// The item types of the encoding, as an extension describes its tags (KMIP 2.1 §11.23).
    ItemType {
        Structure = 1, "Structure", V2_0;
        Integer = 2, "Integer", V2_0;
        LongInteger = 3, "Long Integer", V2_0;
        BigInteger = 4, "Big Integer", V2_0;
        Enumeration = 5, "Enumeration", V2_0;
        Boolean = 6, "Boolean", V2_0;
        TextString = 7, "Text String", V2_0;
        ByteString = 8, "Byte String", V2_0;
        DateTime = 9, "Date Time", V2_0;
        Interval = 0xA, "Interval", V2_0;
        DateTimeExtended = 0xB, "Date Time Extended", V2_0;
        Identifier = 0xC, "Identifier", V3_0;
        Reference = 0xD, "Reference", V3_0;
        NameReference = 0xE, "Name Reference", V3_0;
    }
}
