//! How callers make themselves known.

enumerations! {
    /// How a caller says who it is (KMIP 2.1 §11.11).
    CredentialType {
        UsernameAndPassword = 1, "Username and Password", V1_0;
        Device = 2, "Device", V1_1;
        Attestation = 3, "Attestation", V1_2;
        OneTimePassword = 4, "One Time Password", V2_0;
        HashedPassword = 5, "Hashed Password", V2_0;
        Ticket = 6, "Ticket", V2_0;
        Password = 7, "Password", V3_0;
        Certificate = 8, "Certificate", V3_0;
    }

    /// How a caller attests its platform (KMIP 2.1 §11.4).
    AttestationType {
        TPMQuote = 1, "TPM Quote", V1_2;
        TCGIntegrityReport = 2, "TCG Integrity Report", V1_2;
        SAMLAssertion = 3, "SAML Assertion", V1_2;
    }

    /// How a client comes to be known (KMIP 2.1 §11.10).
    ClientRegistrationMethod {
        Unspecified = 1, "Unspecified", V1_3;
        ServerPreGenerated = 2, "Server Pre-Generated", V1_3;
        ServerOnDemand = 3, "Server On-Demand", V1_3;
        ClientGenerated = 4, "Client Generated", V1_3;
        ClientRegistered = 5, "Client Registered", V1_3;
    }

    /// What a ticket is for (KMIP 2.1 §11.57).
    TicketType {
        Login = 1, "Login", V2_0;
    }

    /// How one-time passwords are made (KMIP 3.0).
    OTPAlgorithm {
        HOTP = 1, "HOTP", V3_0;
        TOTP = 2, "TOTP", V3_0;
    }
}
