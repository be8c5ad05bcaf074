//! What people see of a message.

use strongroom_kmip::{
    print::{Secrets, pretty},
    tag::Tag,
    ttlv::{Limits, Tree, Writer},
    version::V2_1,
};

use crate::samples;

/// The samples' password, plaintext and key bytes, as text and as hexadecimal.
const MARKED: [&str; 6] = ["hunter2", "68756e74657232", "a5a5a5a5", "0909090909", "0707070707", "0101010101"];

#[test]
fn no_secret_is_printed_unless_somebody_asks() {
    for (name, bytes) in samples::requests().into_iter().chain(samples::responses()) {
        let tree = Tree::read(&bytes, &Limits::default()).unwrap();
        let printed = pretty(tree.root(), Secrets::Hidden);
        let found: Vec<_> = MARKED.iter().filter(|secret| printed.contains(*secret)).collect();
        assert!(found.is_empty(), "{name}: {found:?} in\n{}", *printed);
    }
}

#[test]
fn a_message_is_printed_by_name_with_secrets_by_length() {
    let mut to = Writer::new(V2_1);
    to.structure(Tag::RequestPayload, |to| {
        to.enumeration(Tag::ObjectType, 2);
        to.integer(Tag::CryptographicUsageMask, 12);
        to.text(Tag::Password, "hunter2");
        to.byte_string(Tag::KeyMaterial, &[7; 32]);
        to.integer(Tag(0x54_0001), 5);
    });
    let tree = Tree::read(to.as_bytes(), &Limits::default()).unwrap();
    let lines = [
        "Request Payload",
        "  Object Type: SymmetricKey",
        "  Cryptographic Usage Mask: Encrypt Decrypt",
        "  Password: (7 bytes)",
        "  Key Material: (32 bytes)",
        "  0x540001: 5",
        "",
    ];
    assert_eq!(*pretty(tree.root(), Secrets::Hidden), lines.join("\n"));
    assert!(pretty(tree.root(), Secrets::Shown).contains("Password: \"hunter2\""));
}
