//! Names of tags, types and codes in the form that the text encodings use.

use std::{collections::HashMap, sync::LazyLock};

use crate::{
    code,
    schema::Code as _,
    tag::Tag,
    ttlv::{Item, Kind},
};

/// The tag as an element or member is called: its name, or `0x` and six digits.
pub(crate) fn tag_text(tag: Tag) -> String {
    TAGS.names.get(&tag.0).map_or_else(|| format!("0x{:06x}", tag.0), |name| (*name).to_owned())
}

/// The tag of this name, or of this number in hexadecimal.
pub(crate) fn tag_named(name: &str) -> Option<Tag> {
    if let Some(digits) = name.strip_prefix("0x").or_else(|| name.strip_prefix("0X")) {
        return tag_numbered(digits);
    }
    TAGS.numbers.get(name).copied().map(Tag)
}

/// The tag of these six hexadecimal digits.
pub(crate) fn tag_numbered(digits: &str) -> Option<Tag> {
    let sound = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if sound { u32::from_str_radix(digits, 16).ok().map(Tag) } else { None }
}

/// The type of this name.
pub(crate) fn kind_named(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.name() == name)
}

/// The items of a structure, each with the tag whose codes it speaks: its own, or, for the Attribute Value of KMIP 1.x,
/// that of the attribute which the Attribute Name before it named.
pub(crate) fn children_about<'t, 'a>(parent: Item<'t, 'a>) -> impl Iterator<Item = (Item<'t, 'a>, Tag)> {
    let mut attribute = None;
    parent.children().map(move |child| {
        if child.tag() == Tag::AttributeName {
            attribute = child.text().ok().and_then(attribute_named);
        }
        (child, attribute.filter(|_| child.tag() == Tag::AttributeValue).unwrap_or(child.tag()))
    })
}

/// The tag that an attribute of KMIP 1.x means by its name, such as `Cryptographic Usage Mask`.
pub(super) fn attribute_named(text: &str) -> Option<Tag> {
    Tag::ROWS.iter().find(|(_, row)| *row == text).map(|&(number, _)| Tag(number))
}

/// The code of this name that may stand under a tag.
pub(super) fn code_named(tag: Tag, name: &str) -> Option<u32> {
    number_of(code::table(tag)?, name)
}

/// The name of a code that stands under a tag.
pub(super) fn code_name(tag: Tag, number: u32) -> Option<&'static str> {
    name_of(code::table(tag)?, number)
}

/// The bits of a mask that may stand under a tag.
pub(super) struct Bits(&'static [(u32, &'static str)]);

impl Bits {
    pub(super) fn of(tag: Tag) -> Option<Self> {
        code::mask(tag).map(Self)
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        let alias = || ALIASES.iter().find(|(known, _)| *known == name).and_then(|(_, row)| number_of(self.0, row));
        number_of(self.0, name).or_else(alias)
    }

    pub(super) fn name(&self, bit: u32) -> Option<&'static str> {
        name_of(self.0, bit)
    }
}

fn number_of(rows: &[(u32, &'static str)], name: &str) -> Option<u32> {
    rows.iter().find(|(_, row)| *row == name).map(|&(number, _)| number)
}

fn name_of(rows: &[(u32, &'static str)], number: u32) -> Option<&'static str> {
    rows.iter().find(|(row, _)| *row == number).map(|&(_, name)| name)
}

/// Names of bits that the standard's own cases use beside those of its tables.
const ALIASES: &[(&str, &str)] = &[("ContentCommitment", "ContentCommitmentNonRepudiation")];

/// There are hundreds of tags and every item has one; the other tables are short enough to be read through.
struct Tags {
    numbers: HashMap<&'static str, u32>,
    names: HashMap<u32, &'static str>,
}

static TAGS: LazyLock<Tags> = LazyLock::new(|| Tags {
    numbers: Tag::NAMES.iter().map(|&(number, name)| (name, number)).collect(),
    names: Tag::NAMES.iter().copied().collect(),
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_goes_by_its_name_and_without_one_by_its_number() {
        assert_eq!(tag_text(Tag::IVCounterNonce), "IVCounterNonce");
        assert_eq!(tag_named("IVCounterNonce"), Some(Tag::IVCounterNonce));
        assert_eq!(tag_text(Tag(0x54_FF_FF)), "0x54ffff");
        assert_eq!(tag_named("0x54ffff"), Some(Tag(0x54_FF_FF)));
        assert_eq!(tag_named("0x54ff"), None);
        assert_eq!(tag_named("0x+4ffff"), None);
        assert_eq!(tag_named("NoSuchTag"), None);
    }
}
