//! Distinguished names: as one text, and field by field.

use strongroom_kmip::attribute::Attribute;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Whose name it is; a certificate has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The name of who holds the key.
    Subject,
    /// The name of who signed.
    Issuer,
}

/// The name as RFC 4514 writes it: the last part first, with commas between.
pub fn text(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter_rdn().collect();
    let one = |part: &AttributeTypeAndValue<'_>| {
        let oid = part.attr_type().to_id_string();
        match (FIELDS.iter().find(|field| field.oid == oid), part.as_str()) {
            (Some(field), Ok(value)) => format!("{}={}", field.short, escaped(value)),
            _ => {
                let bytes: String = part.as_slice().iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{oid}=#{bytes}")
            }
        }
    };
    let parts = parts.iter().rev().map(|rdn| rdn.iter().map(one).collect::<Vec<_>>().join("+"));
    parts.collect::<Vec<_>>().join(",")
}

/// The fields of the name that KMIP has attributes for (KMIP 2.1 §4.9 Certificate Attributes).
pub fn fields(name: &X509Name<'_>, whose: Whose) -> Vec<Attribute> {
    let one = |part: &AttributeTypeAndValue<'_>| {
        let oid = part.attr_type().to_id_string();
        let field = FIELDS.iter().find(|field| field.oid == oid)?;
        let value = part.as_str().ok()?.to_owned();
        Some(match whose {
            Whose::Subject => (field.subject)(value),
            Whose::Issuer => (field.issuer)(value),
        })
    };
    name.iter_attributes().filter_map(one).collect()
}

/// A value as it stands in a text (RFC 4514 §2.4).
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (place, letter) in value.chars().enumerate() {
        let at_edge = (place == 0 && matches!(letter, ' ' | '#')) || (place == last && letter == ' ');
        match letter {
            '\0' => text.push_str("\\00"),
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => text.extend(['\\', letter]),
            letter if at_edge => text.extend(['\\', letter]),
            letter => text.push(letter),
        }
    }
    text
}

/// A field of a name: its identifier, the short name of RFC 4519, and the attributes that carry it.
struct Field {
    oid: &'static str,
    short: &'static str,
    subject: fn(String) -> Attribute,
    issuer: fn(String) -> Attribute,
}

const FIELDS: &[Field] = &[
    Field {
        oid: "2.5.4.3",
        short: "CN",
        subject: Attribute::CertificateSubjectCN,
        issuer: Attribute::CertificateIssuerCN,
    },
    Field {
        oid: "2.5.4.10",
        short: "O",
        subject: Attribute::CertificateSubjectO,
        issuer: Attribute::CertificateIssuerO,
    },
    Field {
        oid: "2.5.4.11",
        short: "OU",
        subject: Attribute::CertificateSubjectOU,
        issuer: Attribute::CertificateIssuerOU,
    },
    Field {
        oid: "1.2.840.113549.1.9.1",
        short: "emailAddress",
        subject: Attribute::CertificateSubjectEmail,
        issuer: Attribute::CertificateIssuerEmail,
    },
    Field {
        oid: "2.5.4.6",
        short: "C",
        subject: Attribute::CertificateSubjectC,
        issuer: Attribute::CertificateIssuerC,
    },
    Field {
        oid: "2.5.4.8",
        short: "ST",
        subject: Attribute::CertificateSubjectST,
        issuer: Attribute::CertificateIssuerST,
    },
    Field {
        oid: "2.5.4.7",
        short: "L",
        subject: Attribute::CertificateSubjectL,
        issuer: Attribute::CertificateIssuerL,
    },
    Field {
        oid: "0.9.2342.19200300.100.1.1",
        short: "UID",
        subject: Attribute::CertificateSubjectUID,
        issuer: Attribute::CertificateIssuerUID,
    },
    Field {
        oid: "2.5.4.5",
        short: "serialNumber",
        subject: Attribute::CertificateSubjectSerialNumber,
        issuer: Attribute::CertificateIssuerSerialNumber,
    },
    Field {
        oid: "2.5.4.12",
        short: "title",
        subject: Attribute::CertificateSubjectTitle,
        issuer: Attribute::CertificateIssuerTitle,
    },
    Field {
        oid: "0.9.2342.19200300.100.1.25",
        short: "DC",
        subject: Attribute::CertificateSubjectDC,
        issuer: Attribute::CertificateIssuerDC,
    },
    Field {
        oid: "2.5.4.46",
        short: "dnQualifier",
        subject: Attribute::CertificateSubjectDNQualifier,
        issuer: Attribute::CertificateIssuerDNQualifier,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_a_name_is_escaped() {
        let rows = [
            ("plain", "Kmip Test", "Kmip Test"),
            ("a comma", "a,b", "a\\,b"),
            ("a number sign at the start", "#a#", "\\#a#"),
            ("spaces at the ends", " a ", "\\ a\\ "),
            ("a zero byte", "a\0", "a\\00"),
            ("nothing", "", ""),
        ];
        for (name, value, expected) in rows {
            assert_eq!(escaped(value), expected, "{name}");
        }
    }
}
