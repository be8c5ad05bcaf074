//! The bit masks.

masks! {
    /// What a key may be used for (KMIP 2.1 §12.1).
    CryptographicUsageMask {
        Sign = 0x1, "Sign", V1_0;
        Verify = 0x2, "Verify", V1_0;
        Encrypt = 0x4, "Encrypt", V1_0;
        Decrypt = 0x8, "Decrypt", V1_0;
        WrapKey = 0x10, "Wrap Key", V1_0;
        UnwrapKey = 0x20, "Unwrap Key", V1_0;
        Export = 0x40, "Export", V1_0 until V2_0;
        MACGenerate = 0x80, "MAC Generate", V1_0;
        MACVerify = 0x100, "MAC Verify", V1_0;
        DeriveKey = 0x200, "Derive Key", V1_0;
        ContentCommitmentNonRepudiation = 0x400, "Content Commitment (Non Repudiation)", V1_0 until V2_0;
        KeyAgreement = 0x800, "Key Agreement", V1_0;
        CertificateSign = 0x1000, "Certificate Sign", V1_0;
        CRLSign = 0x2000, "CRL Sign", V1_0;
        GenerateCryptogram = 0x4000, "Generate Cryptogram", V1_0 until V2_0;
        ValidateCryptogram = 0x8000, "Validate Cryptogram", V1_0 until V2_0;
        TranslateEncrypt = 0x10000, "Translate Encrypt", V1_0 until V2_0;
        TranslateDecrypt = 0x20000, "Translate Decrypt", V1_0 until V2_0;
        TranslateWrap = 0x40000, "Translate Wrap", V1_0 until V2_0;
        TranslateUnwrap = 0x80000, "Translate Unwrap", V1_0 until V2_0;
        Authenticate = 0x100000, "Authenticate", V2_0;
        Unrestricted = 0x200000, "Unrestricted", V2_0;
        FPEEncrypt = 0x400000, "FPE Encrypt", V2_0;
        FPEDecrypt = 0x800000, "FPE Decrypt", V2_0;
    }

    /// Where a key must be kept (KMIP 2.1 §12.2).
    ProtectionStorageMask {
        Software = 0x1, "Software", V2_0;
        Hardware = 0x2, "Hardware", V2_0;
        OnProcessor = 0x4, "On Processor", V2_0;
        OnSystem = 0x8, "On System", V2_0;
        OffSystem = 0x10, "Off System", V2_0;
        Hypervisor = 0x20, "Hypervisor", V2_0;
        OperatingSystem = 0x40, "Operating System", V2_0;
        Container = 0x80, "Container", V2_0;
        OnPremises = 0x100, "On Premises", V2_0;
        OffPremises = 0x200, "Off Premises", V2_0;
        SelfManaged = 0x400, "Self Managed", V2_0;
        Outsourced = 0x800, "Outsourced", V2_0;
        Validated = 0x1000, "Validated", V2_0;
        SameJurisdiction = 0x2000, "Same Jurisdiction", V2_0;
    }

    /// Which objects Locate looks among (KMIP 2.1 §12.3).
    StorageStatusMask {
        OnLineStorage = 0x1, "On-line storage", V1_0;
        ArchivalStorage = 0x2, "Archival storage", V1_0;
        DestroyedStorage = 0x4, "Destroyed storage", V2_0;
    }

    /// Which classes of objects Locate looks among (KMIP 3.0): the numbers of Object Class as bits.
    ObjectClassMask {
        User = 0x1, "User", V3_0;
        System = 0x2, "System", V3_0;
    }
}
