//! The operations, by number; what they carry stands in `payload`.

enumerations! {
    /// What a client may ask for (KMIP 2.1 §11.36).
    Operation {
        Create = 1, "Create", V1_0;
        CreateKeyPair = 2, "Create Key Pair", V1_0;
        Register = 3, "Register", V1_0;
        ReKey = 4, "Re-key", V1_0;
        DeriveKey = 5, "Derive Key", V1_0;
        Certify = 6, "Certify", V1_0;
        ReCertify = 7, "Re-certify", V1_0;
        Locate = 8, "Locate", V1_0;
        Check = 9, "Check", V1_0;
        Get = 0xA, "Get", V1_0;
        GetAttributes = 0xB, "Get Attributes", V1_0;
        GetAttributeList = 0xC, "Get Attribute List", V1_0;
        AddAttribute = 0xD, "Add Attribute", V1_0;
        ModifyAttribute = 0xE, "Modify Attribute", V1_0;
        DeleteAttribute = 0xF, "Delete Attribute", V1_0;
        ObtainLease = 0x10, "Obtain Lease", V1_0;
        GetUsageAllocation = 0x11, "Get Usage Allocation", V1_0;
        Activate = 0x12, "Activate", V1_0;
        Revoke = 0x13, "Revoke", V1_0;
        Destroy = 0x14, "Destroy", V1_0;
        Archive = 0x15, "Archive", V1_0;
        Recover = 0x16, "Recover", V1_0;
        Validate = 0x17, "Validate", V1_0;
        Query = 0x18, "Query", V1_0;
        Cancel = 0x19, "Cancel", V1_0;
        Poll = 0x1A, "Poll", V1_0;
        Notify = 0x1B, "Notify", V1_0;
        Put = 0x1C, "Put", V1_0;
        ReKeyKeyPair = 0x1D, "Re-key Key Pair", V1_1;
        DiscoverVersions = 0x1E, "Discover Versions", V1_1;
        Encrypt = 0x1F, "Encrypt", V1_2;
        Decrypt = 0x20, "Decrypt", V1_2;
        Sign = 0x21, "Sign", V1_2;
        SignatureVerify = 0x22, "Signature Verify", V1_2;
        MAC = 0x23, "MAC", V1_2;
        MACVerify = 0x24, "MAC Verify", V1_2;
        RNGRetrieve = 0x25, "RNG Retrieve", V1_2;
        RNGSeed = 0x26, "RNG Seed", V1_2;
        Hash = 0x27, "Hash", V1_2;
        CreateSplitKey = 0x28, "Create Split Key", V1_2;
        JoinSplitKey = 0x29, "Join Split Key", V1_2;
        Import = 0x2A, "Import", V1_4;
        Export = 0x2B, "Export", V1_4;
        Log = 0x2C, "Log", V2_0;
        Login = 0x2D, "Login", V2_0;
        Logout = 0x2E, "Logout", V2_0;
        DelegatedLogin = 0x2F, "Delegated Login", V2_0;
        AdjustAttribute = 0x30, "Adjust Attribute", V2_0;
        SetAttribute = 0x31, "Set Attribute", V2_0;
        SetEndpointRole = 0x32, "Set Endpoint Role", V2_0;
        PKCS_11 = 0x33, "PKCS#11", V2_0;
        Interop = 0x34, "Interop", V2_0;
        ReProvision = 0x35, "Re-Provision", V2_0;
        SetDefaults = 0x36, "Set Defaults", V2_1;
        SetConstraints = 0x37, "Set Constraints", V2_1;
        GetConstraints = 0x38, "Get Constraints", V2_1;
        QueryAsynchronousRequests = 0x39, "Query Asynchronous Requests", V2_1;
        Process = 0x3A, "Process", V2_1;
        Ping = 0x3B, "Ping", V2_1;
        CreateGroup = 0x3C, "Create Group", V3_0;
        Obliterate = 0x3D, "Obliterate", V3_0;
        CreateUser = 0x3E, "Create User", V3_0;
        CreateCredential = 0x3F, "Create Credential", V3_0;
        Deactivate = 0x40, "Deactivate", V3_0;
    }
}
