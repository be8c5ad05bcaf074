//! The armour that certificates and keys wear in files (RFC 7468).

use rustls::pki_types::pem::{PemObject, SectionKind};
use zeroize::Zeroizing;

/// The label of a certificate.
pub const CERTIFICATE: &str = "CERTIFICATE";
/// The label of a private key in PKCS#8 form.
pub const PRIVATE_KEY: &str = "PRIVATE KEY";

/// `der` in armour. It may be a private key, so the text is wiped when dropped.
pub fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let text = Zeroizing::new(openssl::base64::encode_block(der));
    let lines = text.len().div_ceil(LINE);
    let mut armoured = Zeroizing::new(String::with_capacity(text.len() + lines + 2 * (label.len() + 20)));
    for piece in ["-----BEGIN ", label, "-----\n"] {
        armoured.push_str(piece);
    }
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        armoured.push_str(line);
        armoured.push('\n');
        rest = after;
    }
    for piece in ["-----END ", label, "-----\n"] {
        armoured.push_str(piece);
    }
    armoured
}

/// The contents of the first piece of armour with this label, or nothing. Bytes without armour are taken as they are.
pub fn unpem(label: &str, bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if bytes.first() == Some(&DER_SEQUENCE) {
        return Some(Zeroizing::new(bytes.to_vec()));
    }
    let wanted = match label {
        CERTIFICATE => SectionKind::Certificate,
        PRIVATE_KEY => SectionKind::PrivateKey,
        _ => SectionKind::Csr,
    };
    Section::pem_slice_iter(bytes).filter_map(Result::ok).find(|section| section.0 == wanted).map(|section| section.1)
}

/// A piece of armour of any kind.
struct Section(SectionKind, Zeroizing<Vec<u8>>);

impl PemObject for Section {
    fn from_pem(kind: SectionKind, der: Vec<u8>) -> Option<Self> {
        Some(Self(kind, Zeroizing::new(der)))
    }
}

/// RFC 7468 §2: lines of 64 characters.
const LINE: usize = 64;

/// What every DER structure here begins with, and no armour does.
const DER_SEQUENCE: u8 = 0x30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_armour_comes_out_of_it() {
        for length in [0, 1, 2, 47, 48, 49, 500] {
            let der = vec![7u8; length];
            let armoured = pem(CERTIFICATE, &der);
            assert!(armoured.lines().all(|line| line.len() <= LINE));
            assert_eq!(unpem(CERTIFICATE, armoured.as_bytes()).unwrap().as_slice(), der, "{length} bytes");
        }
    }

    #[test]
    fn only_the_label_that_was_asked_for_is_found() {
        let both = [pem(PRIVATE_KEY, b"key").as_bytes(), pem(CERTIFICATE, b"certificate").as_bytes()].concat();
        assert_eq!(unpem(CERTIFICATE, &both).unwrap().as_slice(), b"certificate");
        assert_eq!(unpem(PRIVATE_KEY, &both).unwrap().as_slice(), b"key");
        assert!(unpem("CERTIFICATE REQUEST", &both).is_none());
        assert!(unpem(CERTIFICATE, b"").is_none());
        assert!(unpem(CERTIFICATE, b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n").is_none());
    }
}
