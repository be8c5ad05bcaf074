//! A message for people to read. Not an encoding: nothing reads it back.

use zeroize::Zeroizing;

use crate::{
    tag::Tag,
    text::{Dialect, children_about, show, tag_text},
    ttlv::{Item, Kind},
};

/// What happens to values that may be secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Their length is printed in their place.
    Hidden,
    /// They are printed: somebody asked.
    Shown,
}

/// The message, one item to a line, each structure's items further to the right.
pub fn pretty(message: Item<'_, '_>, secrets: Secrets) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    print(message, message.tag(), 0, secrets, &mut text);
    text
}

fn print(item: Item<'_, '_>, about: Tag, depth: usize, secrets: Secrets, text: &mut Zeroizing<String>) {
    text.extend(std::iter::repeat_n("  ", depth));
    match item.tag().text() {
        Some(name) => text.push_str(name),
        None => text.push_str(&tag_text(item.tag())),
    }
    if item.kind() == Kind::Structure {
        text.push('\n');
        for (child, about) in children_about(item) {
            print(child, about, depth + 1, secrets, text);
        }
        return;
    }
    text.push_str(": ");
    match show(item, about, Dialect::Xml) {
        Ok(shown) if secrets == Secrets::Hidden && SECRET.contains(&item.tag()) => {
            text.push_str(&format!("({} bytes)", length(item).unwrap_or(shown.as_str().len())));
        }
        Ok(shown) if matches!(item.kind(), Kind::TextString) => text.push_str(&format!("{:?}", shown.as_str())),
        Ok(shown) => text.push_str(shown.as_str()),
        Err(_) => text.push('?'),
    }
    text.push('\n');
}

fn length(item: Item<'_, '_>) -> Option<usize> {
    match item.kind() {
        Kind::ByteString => item.byte_string().ok().map(<[u8]>::len),
        Kind::BigInteger => item.big_integer().ok().map(<[u8]>::len),
        _ => None,
    }
}

/// Where key material, passwords and what a client wants computed on stand.
const SECRET: &[Tag] = &[
    Tag::KeyMaterial,
    Tag::KeyValue,
    Tag::Key,
    Tag::D,
    Tag::P,
    Tag::Q,
    Tag::X,
    Tag::PrivateExponent,
    Tag::PrimeExponentP,
    Tag::PrimeExponentQ,
    Tag::CRTCoefficient,
    Tag::OpaqueDataValue,
    Tag::Password,
    Tag::OneTimePassword,
    Tag::HashedPassword,
    Tag::ServerHashedPassword,
    Tag::SaltedPassword,
    Tag::OTPSeed,
    Tag::TicketValue,
    Tag::HashedUsernamePassword,
    Tag::HashedPasswordUsername,
    Tag::PKCS_11InputParameters,
    Tag::PKCS_11OutputParameters,
    Tag::Data,
    Tag::DigestedData,
    Tag::DerivationData,
];
