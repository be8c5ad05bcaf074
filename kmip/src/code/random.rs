//! The random number generators.

enumerations! {
    /// What kind of random number generator (KMIP 2.1 §11.49).
    RNGAlgorithm {
        Unspecified = 1, "Unspecified", V1_3;
        FIPS186_2 = 2, "FIPS 186-2", V1_3;
        DRBG = 3, "DRBG", V1_3;
        NRBG = 4, "NRBG", V1_3;
        ANSIX9_31 = 5, "ANSI X9.31", V1_3;
        ANSIX9_62 = 6, "ANSI X9.62", V1_3;
    }

    /// Whether callers share a random number generator (KMIP 2.1 §11.50).
    RNGMode {
        Unspecified = 1, "Unspecified", V1_3;
        SharedInstantiation = 2, "Shared Instantiation", V1_3;
        NonSharedInstantiation = 3, "Non-Shared Instantiation", V1_3;
    }

    /// Which deterministic random bit generator (KMIP 2.1 §11.17).
    DRBGAlgorithm {
        Unspecified = 1, "Unspecified", V1_3;
        Dual_EC = 2, "Dual-EC", V1_3;
        Hash = 3, "Hash", V1_3;
        HMAC = 4, "HMAC", V1_3;
        CTR = 5, "CTR", V1_3;
    }

    /// Which variation of the FIPS 186-2 generator (KMIP 2.1 §11.20).
    FIPS186Variation {
        Unspecified = 1, "Unspecified", V1_3;
        GPXOriginal = 2, "GP x-Original", V1_3;
        GPXChangeNotice = 3, "GP x-Change Notice", V1_3;
        XOriginal = 4, "x-Original", V1_3;
        XChangeNotice = 5, "x-Change Notice", V1_3;
        KOriginal = 6, "k-Original", V1_3;
        KChangeNotice = 7, "k-Change Notice", V1_3;
    }
}
