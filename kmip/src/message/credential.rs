//! How a message says who sends it (KMIP 2.1 §9.8 Credential).

use crate::{
    code::{AttestationType, CredentialType, HashingAlgorithm},
    payload::Ticket,
    secret::Secret,
    tag::Tag,
    ttlv::{Any, Bytes, DateTimeExtended, Fields, Item, Malformed, SecretText, Value, Writer},
};

structure! {
    /// Who sends the message: any number of credentials, all of which must be right (several since KMIP 1.2).
    Authentication {
        credential: Vec<Credential> = Credential, V1_0;
    }
}

/// Declares [`Credential`]: one row for every type whose value is known.
macro_rules! credentials {
    ($($(#[$about:meta])* $name:ident: $value:ident;)*) => {
        /// One credential.
        #[derive(Debug)]
        pub enum Credential {
            $($(#[$about])* $name($value),)*
            /// A credential of another type. Nobody is known by it.
            Other(CredentialType, Any),
        }

        impl Credential {
            /// The type.
            pub fn credential_type(&self) -> CredentialType {
                match self {
                    $(Self::$name(_) => CredentialType::$name,)*
                    Self::Other(credential_type, _) => *credential_type,
                }
            }
        }

        impl Value for Credential {
            fn write(&self, tag: Tag, to: &mut Writer) {
                to.structure(tag, |to| {
                    self.credential_type().write(Tag::CredentialType, to);
                    match self {
                        $(Self::$name(value) => value.write(Tag::CredentialValue, to),)*
                        Self::Other(_, value) => value.write(Tag::CredentialValue, to),
                    }
                });
            }

            fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
                let mut fields = Fields::of(item)?;
                let mut field = |tag| fields.take(tag).ok_or(Malformed::Missing(tag));
                let credential_type = Value::read(field(Tag::CredentialType)?)?;
                let value = field(Tag::CredentialValue)?;
                fields.finish()?;
                match credential_type {
                    $(CredentialType::$name => Value::read(value).map(Self::$name),)*
                    _ => Value::read(value).map(|value| Self::Other(credential_type, value)),
                }
            }
        }
    };
}

credentials! {
    /// A name and its password.
    UsernameAndPassword: UsernameAndPassword;
    /// What a device knows about itself.
    Device: Device;
    /// What a platform attests.
    Attestation: Attestation;
    /// A name, its password and one that is used once.
    OneTimePassword: OneTimePassword;
    /// A name and a hash that only its password gives.
    HashedPassword: HashedPassword;
    /// A ticket that Login gave.
    Ticket: TicketCredential;
}

structure! {
    /// A name and its password.
    UsernameAndPassword {
        username: String = Username, V1_0;
        password: Option<SecretText> = Password, V1_0;
    }
}

structure! {
    /// What a device knows about itself.
    Device {
        device_serial_number: Option<String> = DeviceSerialNumber, V1_1;
        password: Option<SecretText> = Password, V1_1;
        device_identifier: Option<String> = DeviceIdentifier, V1_1;
        network_identifier: Option<String> = NetworkIdentifier, V1_1;
        machine_identifier: Option<String> = MachineIdentifier, V1_1;
        media_identifier: Option<String> = MediaIdentifier, V1_1;
    }
}

structure! {
    /// What a platform attests, over a nonce that the server gave.
    Attestation {
        nonce: Nonce = Nonce, V1_2;
        attestation_type: AttestationType = AttestationType, V1_2;
        attestation_measurement: Option<Bytes> = AttestationMeasurement, V1_2;
        attestation_assertion: Option<Bytes> = AttestationAssertion, V1_2;
    }
}

structure! {
    /// A random value that the server chose (KMIP 2.1 §9.18).
    Nonce {
        nonce_id: Bytes = NonceID, V1_2;
        nonce_value: Bytes = NonceValue, V1_2;
    }
}

structure! {
    /// A name, its password and one that is used once.
    OneTimePassword {
        username: String = Username, V2_0;
        password: Option<SecretText> = Password, V2_0;
        one_time_password: SecretText = OneTimePassword, V2_0;
    }
}

structure! {
    /// A name and a hash over its password and the time.
    HashedPassword {
        username: String = Username, V2_0;
        time_stamp: DateTimeExtended = TimeStamp, V2_0;
        hashing_algorithm: Option<HashingAlgorithm> = HashingAlgorithm, V2_0;
        hashed_password: Secret = HashedPassword, V2_0;
    }
}

structure! {
    /// A ticket that Login gave. As a credential it stands in a structure of its own.
    TicketCredential {
        ticket: Ticket = Ticket, V2_0;
    }
}
