//! Query: what the server is and can do (KMIP 2.1 §6.1.40).

use super::ProtectionStorageMasks;
use crate::{
    attribute::{Listed, RNGParameters},
    code::{
        AttestationType, ClientRegistrationMethod, CredentialType, DestroyAction, ItemType, ObjectType, Operation,
        ProfileName, QueryFunction, RNGMode, ShreddingAlgorithm, UnwrapMode, ValidationAuthorityType, ValidationType,
    },
    tag::Tag,
    ttlv::{Any, Field as _, Fields, Item, Kind, Malformed, Value, Writer},
};

structure! {
    /// What is asked.
    QueryRequest {
        query_function: Vec<QueryFunction> = QueryFunction, V1_0;
        /// The groups whose defaults are asked for.
        object_groups: Option<ObjectGroups> = ObjectGroups, V2_1 until V3_0;
    }
}

structure! {
    /// What the server says. Only what was asked for is there.
    QueryResponse {
        operation: Vec<Operation> = Operation, V1_0;
        object_type: Vec<ObjectType> = ObjectType, V1_0;
        /// A text that names the vendor and no other.
        vendor_identification: Option<String> = VendorIdentification, V1_0;
        server_information: Option<ServerInformation> = ServerInformation, V1_0;
        application_namespace: Vec<String> = ApplicationNamespace, V1_0;
        extension_information: Vec<ExtensionInformation> = ExtensionInformation, V1_1;
        attestation_type: Vec<AttestationType> = AttestationType, V1_2;
        rng_parameters: Vec<RNGParameters> = RNGParameters, V1_3;
        profile_information: Vec<ProfileInformation> = ProfileInformation, V1_3;
        validation_information: Vec<ValidationInformation> = ValidationInformation, V1_3;
        capability_information: Vec<CapabilityInformation> = CapabilityInformation, V1_3;
        client_registration_method: Vec<ClientRegistrationMethod> = ClientRegistrationMethod, V1_3;
        defaults_information: Option<DefaultsInformation> = DefaultsInformation, V2_0;
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks, V2_0;
        credential_information: Option<CredentialInformation> = CredentialInformation, V3_0;
    }
}

structure! {
    /// The credentials that clients may show (KMIP 3.0).
    CredentialInformation {
        credential_type: Vec<CredentialType> = CredentialType, V3_0;
    }
}

structure! {
    /// Groups of objects by name.
    #[derive(Clone)]
    ObjectGroups {
        object_group: Vec<String> = ObjectGroup, V2_1 until V3_0;
    }
}

/// What the vendor tells about the server: the standard's fields (since KMIP 2.0), and whatever else.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "the fields are named as the standard names them")]
pub struct ServerInformation {
    pub server_name: Option<String>,
    pub server_serial_number: Option<String>,
    pub server_version: Option<String>,
    pub server_load: Option<String>,
    pub product_name: Option<String>,
    pub build_level: Option<String>,
    pub build_date: Option<String>,
    pub cluster_info: Option<String>,
    pub alternate_failover_endpoints: Vec<String>,
    /// Fields that only the vendor knows.
    pub vendor_specific: Vec<(Tag, Any)>,
}

impl ServerInformation {
    /// The standard's text fields, in its order.
    fn texts(&self) -> [(Tag, &Option<String>); 8] {
        [
            (Tag::ServerName, &self.server_name),
            (Tag::ServerSerialNumber, &self.server_serial_number),
            (Tag::ServerVersion, &self.server_version),
            (Tag::ServerLoad, &self.server_load),
            (Tag::ProductName, &self.product_name),
            (Tag::BuildLevel, &self.build_level),
            (Tag::BuildDate, &self.build_date),
            (Tag::ClusterInfo, &self.cluster_info),
        ]
    }
}

impl Value for ServerInformation {
    fn write(&self, tag: Tag, to: &mut Writer) {
        to.structure(tag, |to| {
            if to.version() >= crate::version::V2_0 {
                for (tag, text) in self.texts() {
                    text.emit(tag, to);
                }
                self.alternate_failover_endpoints.emit(Tag::AlternateFailoverEndpoints, to);
            }
            for (tag, value) in &self.vendor_specific {
                value.write(*tag, to);
            }
        });
    }

    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        let mut fields = Fields::of(item)?;
        let mut text = |tag| match fields.take(tag) {
            Some(item) if item.kind() == Kind::TextString => Value::read(item).map(Some),
            Some(item) => Err(Malformed::Type(item.tag(), Kind::TextString)),
            None => Ok(None),
        };
        let mut information = Self {
            server_name: text(Tag::ServerName)?,
            server_serial_number: text(Tag::ServerSerialNumber)?,
            server_version: text(Tag::ServerVersion)?,
            server_load: text(Tag::ServerLoad)?,
            product_name: text(Tag::ProductName)?,
            build_level: text(Tag::BuildLevel)?,
            build_date: text(Tag::BuildDate)?,
            cluster_info: text(Tag::ClusterInfo)?,
            alternate_failover_endpoints: crate::ttlv::Field::scan(Tag::AlternateFailoverEndpoints, &mut fields)?,
            vendor_specific: Vec::new(),
        };
        while let Some(item) = fields.take_any() {
            // A field of the standard's that comes a second time is not the vendor's.
            if information.texts().iter().any(|(known, _)| *known == item.tag()) {
                return Err(Malformed::Unexpected(item.tag()));
            }
            information.vendor_specific.push((item.tag(), Value::read(item)?));
        }
        Ok(information)
    }
}

structure! {
    /// A tag in the range of the extensions that the server knows (KMIP 2.1 §7.13).
    ExtensionInformation {
        extension_name: String = ExtensionName, V1_1;
        extension_tag: Option<i32> = ExtensionTag, V1_1;
        extension_type: Option<ExtensionType> = ExtensionType, V1_1;
        extension_enumeration: Option<i32> = ExtensionEnumeration, V2_0;
        extension_attribute: Option<bool> = ExtensionAttribute, V2_0;
        extension_parent_structure_tag: Option<i32> = ExtensionParentStructureTag, V2_0;
        extension_description: Option<String> = ExtensionDescription, V2_0;
    }
}

/// The item type of an extension: an Integer before KMIP 2.0, an Enumeration since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionType(pub ItemType);

impl Value for ExtensionType {
    fn write(&self, tag: Tag, to: &mut Writer) {
        if to.version() < crate::version::V2_0 {
            to.integer(tag, self.0.0.cast_signed());
        } else {
            self.0.write(tag, to);
        }
    }
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        if item.kind() == Kind::Integer {
            return item.integer().map(|number| Self(ItemType(number.cast_unsigned())));
        }
        Value::read(item).map(Self)
    }
}

structure! {
    /// A profile that the server conforms to (KMIP 2.1 §7.31).
    ProfileInformation {
        profile_name: ProfileName = ProfileName, V1_3;
        profile_version: Option<ProfileVersion> = ProfileVersion, V2_0;
        server_uri: Option<String> = ServerURI, V1_3;
        server_port: Option<i32> = ServerPort, V1_3;
    }
}

structure! {
    /// The version of a profile (KMIP 2.1 §7.32).
    ProfileVersion {
        profile_version_major: i32 = ProfileVersionMajor, V2_0;
        profile_version_minor: i32 = ProfileVersionMinor, V2_0;
    }
}

structure! {
    /// A formal validation that the server asserts (KMIP 2.1 §7.41).
    ValidationInformation {
        validation_authority_type: ValidationAuthorityType = ValidationAuthorityType, V1_3;
        validation_authority_country: Option<String> = ValidationAuthorityCountry, V1_3;
        validation_authority_uri: Option<String> = ValidationAuthorityURI, V1_3;
        validation_version_major: i32 = ValidationVersionMajor, V1_3;
        validation_version_minor: Option<i32> = ValidationVersionMinor, V1_3;
        validation_type: ValidationType = ValidationType, V1_3;
        validation_level: i32 = ValidationLevel, V1_3;
        validation_certificate_identifier: Option<String> = ValidationCertificateIdentifier, V1_3;
        validation_certificate_uri: Option<String> = ValidationCertificateURI, V1_3;
        validation_vendor_uri: Option<String> = ValidationVendorURI, V1_3;
        validation_profile: Vec<String> = ValidationProfile, V1_3;
    }
}

structure! {
    /// What the server can do beyond its operations (KMIP 2.1 §7.5).
    CapabilityInformation {
        streaming_capability: Option<bool> = StreamingCapability, V1_3;
        asynchronous_capability: Option<bool> = AsynchronousCapability, V1_3;
        attestation_capability: Option<bool> = AttestationCapability, V1_3;
        batch_undo_capability: Option<bool> = BatchUndoCapability, V1_4;
        batch_continue_capability: Option<bool> = BatchContinueCapability, V1_4;
        unwrap_mode: Option<UnwrapMode> = UnwrapMode, V1_3;
        destroy_action: Option<DestroyAction> = DestroyAction, V1_3;
        shredding_algorithm: Option<ShreddingAlgorithm> = ShreddingAlgorithm, V1_3;
        rng_mode: Option<RNGMode> = RNGMode, V1_3;
        quantum_safe_capability: Option<bool> = QuantumSafeCapability, V2_0;
    }
}

structure! {
    /// What the server takes where a client leaves something out (KMIP 2.1 §7.11).
    #[derive(Clone)]
    DefaultsInformation {
        object_defaults: Vec<ObjectDefaults> = ObjectDefaults, V2_0;
    }
}

structure! {
    /// The defaults of one type of object (KMIP 2.1 §7.22).
    #[derive(Clone)]
    ObjectDefaults {
        object_type: Option<ObjectType> = ObjectType, V2_0;
        object_types: Option<ObjectTypes> = ObjectTypes, V2_1;
        attributes: Listed = Attributes, V2_0;
        object_groups: Option<ObjectGroups> = ObjectGroups, V2_1 until V3_0;
    }
}

structure! {
    /// Types of objects (KMIP 2.1 §7.24).
    #[derive(Clone)]
    ObjectTypes {
        object_type: Vec<ObjectType> = ObjectType, V2_1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ttlv::{Limits, Tree},
        version::V2_1,
    };

    #[test]
    fn a_field_of_the_standard_that_comes_twice_is_not_the_vendors() {
        let mut to = Writer::new(V2_1);
        to.structure(Tag::ServerInformation, |to| {
            to.text(Tag::ServerLoad, "two");
            to.text(Tag::ServerLoad, "three");
        });
        let tree = Tree::read(to.as_bytes(), &Limits::default()).unwrap();
        let read = ServerInformation::read(tree.root());
        assert_eq!(read.err(), Some(Malformed::Unexpected(Tag::ServerLoad)));
    }
}
