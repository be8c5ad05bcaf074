//! TTLV, written and read from the specification alone (KMIP 1.0 §9.1): nothing here knows our own codec.

/// One item: a tag and what it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub tag: u32,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Structure(Vec<Item>),
    Integer(i32),
    Long(i64),
    Big(Vec<u8>),
    Enumeration(u32),
    Boolean(bool),
    Text(String),
    Bytes(Vec<u8>),
    Date(i64),
    Interval(u32),
}

pub fn structure(tag: u32, items: impl Into<Vec<Item>>) -> Item {
    Item { tag, value: Value::Structure(items.into()) }
}

pub fn integer(tag: u32, value: i32) -> Item {
    Item { tag, value: Value::Integer(value) }
}

pub fn enumeration(tag: u32, value: u32) -> Item {
    Item { tag, value: Value::Enumeration(value) }
}

pub fn boolean(tag: u32, value: bool) -> Item {
    Item { tag, value: Value::Boolean(value) }
}

pub fn text(tag: u32, value: &str) -> Item {
    Item { tag, value: Value::Text(value.to_owned()) }
}

pub fn bytes(tag: u32, value: &[u8]) -> Item {
    Item { tag, value: Value::Bytes(value.to_vec()) }
}

impl Item {
    /// The bytes on the wire: tag, type, length, value, and padding to a multiple of eight that the length does not count.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, value): (u8, Vec<u8>) = match &self.value {
            Value::Structure(items) => (1, items.iter().flat_map(Item::encode).collect()),
            Value::Integer(value) => (2, value.to_be_bytes().into()),
            Value::Long(value) => (3, value.to_be_bytes().into()),
            Value::Big(value) => (4, value.clone()),
            Value::Enumeration(value) => (5, value.to_be_bytes().into()),
            Value::Boolean(value) => (6, u64::from(*value).to_be_bytes().into()),
            Value::Text(value) => (7, value.clone().into_bytes()),
            Value::Bytes(value) => (8, value.clone()),
            Value::Date(value) => (9, value.to_be_bytes().into()),
            Value::Interval(value) => (10, value.to_be_bytes().into()),
        };
        let mut written = self.tag.to_be_bytes()[1..].to_vec();
        written.push(kind);
        written.extend(u32::try_from(value.len()).expect("short").to_be_bytes());
        written.extend(value);
        written.resize(written.len().next_multiple_of(8), 0);
        written
    }

    /// The item that the bytes are, all of them.
    pub fn decode(bytes: &[u8]) -> Item {
        let (item, rest) = Item::first(bytes);
        assert!(rest.is_empty(), "{} bytes after the end", rest.len());
        item
    }

    fn first(bytes: &[u8]) -> (Item, &[u8]) {
        let (head, rest) = bytes.split_at(8);
        let number = |bytes: &[u8]| bytes.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
        let length = usize::try_from(number(&head[4..])).expect("short");
        let (value, rest) = rest.split_at(length);
        let (padding, rest) = rest.split_at(length.next_multiple_of(8) - length);
        assert!(padding.iter().all(|byte| *byte == 0), "padding is nought");
        let four = || value.try_into().map(i32::from_be_bytes).expect("four bytes");
        let eight = || value.try_into().map(i64::from_be_bytes).expect("eight bytes");
        let value = match head[3] {
            1 => Value::Structure(Item::all(value)),
            2 => Value::Integer(four()),
            3 => Value::Long(eight()),
            4 => Value::Big(value.to_vec()),
            5 => Value::Enumeration(four().cast_unsigned()),
            6 => Value::Boolean(eight() == 1),
            7 => Value::Text(String::from_utf8(value.to_vec()).expect("UTF-8")),
            8 => Value::Bytes(value.to_vec()),
            9 => Value::Date(eight()),
            10 => Value::Interval(four().cast_unsigned()),
            other => panic!("there is no type {other}"),
        };
        (Item { tag: number(&head[..3]), value }, rest)
    }

    fn all(mut bytes: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        while !bytes.is_empty() {
            let (item, rest) = Item::first(bytes);
            items.push(item);
            bytes = rest;
        }
        items
    }

    /// What stands in a structure; nothing in anything else.
    pub fn items(&self) -> &[Item] {
        if let Value::Structure(items) = &self.value { items } else { &[] }
    }

    /// All items of this tag, at any depth, in their order.
    pub fn every(&self, tag: u32) -> Vec<&Item> {
        let own = (self.tag == tag).then_some(self);
        own.into_iter().chain(self.items().iter().flat_map(|item| item.every(tag))).collect()
    }

    /// The first item of this tag, at any depth.
    #[track_caller]
    pub fn at(&self, tag: u32) -> &Item {
        self.every(tag).first().copied().unwrap_or_else(|| panic!("no {tag:06x} in {self:x?}"))
    }

    #[track_caller]
    pub fn text(&self) -> String {
        if let Value::Text(text) = &self.value { text.clone() } else { panic!("no text: {self:x?}") }
    }

    #[track_caller]
    pub fn bytes(&self) -> Vec<u8> {
        if let Value::Bytes(bytes) = &self.value { bytes.clone() } else { panic!("no bytes: {self:x?}") }
    }

    /// The number in an integer or an enumeration.
    #[track_caller]
    pub fn number(&self) -> u32 {
        match self.value {
            Value::Integer(value) => value.cast_unsigned(),
            Value::Enumeration(value) => value,
            _ => panic!("no number: {self:x?}"),
        }
    }
}

#[test]
fn the_specifications_own_examples_are_written_as_it_writes_them() {
    // KMIP 1.0 §9.1.2: an integer 8, a date, and a structure of an enumeration and an integer.
    let examples = [
        (integer(0x42_0020, 8), "42002002000000040000000800000000"),
        (Item { tag: 0x42_0020, value: Value::Date(0x47DA_67F8) }, "42002009000000080000000047DA67F8"),
        (
            structure(0x42_0020, [enumeration(0x42_0004, 254), integer(0x42_0005, 255)]),
            "42002001000000204200040500000004000000FE000000004200050200000004000000FF00000000",
        ),
    ];
    for (item, expected) in examples {
        let written: String = item.encode().iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(written, expected);
        assert_eq!(Item::decode(&item.encode()), item);
    }
}
