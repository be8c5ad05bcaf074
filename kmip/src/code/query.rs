//! What a server says about itself.

enumerations! {
    /// What a client asks about the server (KMIP 2.1 §11.44).
    QueryFunction {
        QueryOperations = 1, "Query Operations", V1_0;
        QueryObjects = 2, "Query Objects", V1_0;
        QueryServerInformation = 3, "Query Server Information", V1_0;
        QueryApplicationNamespaces = 4, "Query Application Namespaces", V1_0;
        QueryExtensionList = 5, "Query Extension List", V1_1;
        QueryExtensionMap = 6, "Query Extension Map", V1_1;
        QueryAttestationTypes = 7, "Query Attestation Types", V1_2;
        QueryRNGs = 8, "Query RNGs", V1_3;
        QueryValidations = 9, "Query Validations", V1_3;
        QueryProfiles = 0xA, "Query Profiles", V1_3;
        QueryCapabilities = 0xB, "Query Capabilities", V1_3;
        QueryClientRegistrationMethods = 0xC, "Query Client Registration Methods", V1_3;
        QueryDefaultsInformation = 0xD, "Query Defaults Information", V2_0;
        QueryStorageProtectionMasks = 0xE, "Query Storage Protection Masks", V2_0;
        QueryCredentialInformation = 0xF, "Query Credential Information", V3_0;
    }

    /// Who validated the server (KMIP 2.1 §11.63).
    ValidationAuthorityType {
        Unspecified = 1, "Unspecified", V1_3;
        NISTCMVP = 2, "NIST CMVP", V1_3;
        CommonCriteria = 3, "Common Criteria", V1_3;
    }

    /// What of the server was validated (KMIP 2.1 §11.64).
    ValidationType {
        Unspecified = 1, "Unspecified", V1_3;
        Hardware = 2, "Hardware", V1_3;
        Software = 3, "Software", V1_3;
        Firmware = 4, "Firmware", V1_3;
        Hybrid = 5, "Hybrid", V1_3;
    }
}
