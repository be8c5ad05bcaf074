//! The value of an attribute, alone and in a template.

use super::kind::{AttributeType, Shape};
use crate::{
    codec::{Error, Reader, Wire, Writer},
    value::{Room, Wiped},
};

/// An attribute and its value. One that was read from the wire has a value of the shape its type asks for.
#[derive(Debug)]
pub struct Attribute {
    /// Which attribute.
    pub kind: AttributeType,
    /// What it says. Its variant must be the one that [`AttributeType::shape`] names, or the other side refuses it.
    pub value: Value,
}

/// Attributes that describe one object.
pub type Template = Vec<Attribute>;

/// What an attribute says, free of how C keeps it.
#[derive(Debug)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A number.
    Ulong(u64),
    /// Bytes, text, a big integer. Wiped, because the same attribute is a secret in one object and public in the next.
    Bytes(Wiped),
    /// Year, month and day as digits (`YYYYMMDD`), or no date.
    Date(Option<[u8; 8]>),
    /// What another object must have.
    Template(Template),
    /// Numbers, as mechanisms are.
    Ulongs(Vec<u64>),
}

impl Attribute {
    /// An attribute.
    pub const fn new(kind: AttributeType, value: Value) -> Self {
        Self { kind, value }
    }

    /// An attribute that holds bytes.
    pub fn bytes(kind: AttributeType, bytes: impl Into<Vec<u8>>) -> Self {
        Self { kind, value: Value::Bytes(Wiped::new(bytes.into())) }
    }
}

impl Value {
    /// What the value is made of.
    pub const fn shape(&self) -> Shape {
        match self {
            Self::Bool(_) => Shape::Bool,
            Self::Ulong(_) => Shape::Ulong,
            Self::Bytes(_) => Shape::Bytes,
            Self::Date(_) => Shape::Date,
            Self::Template(_) => Shape::Template,
            Self::Ulongs(_) => Shape::Ulongs,
        }
    }

    fn write(&self, to: &mut Writer<'_>) {
        match self {
            Self::Bool(value) => value.write(to),
            Self::Ulong(value) => value.write(to),
            Self::Bytes(value) => to.raw(value.reveal()),
            Self::Date(value) => {
                if let Some(date) = value {
                    to.raw(date);
                }
            }
            Self::Template(value) => value.write(to),
            Self::Ulongs(value) => value.iter().for_each(|number| number.write(to)),
        }
    }

    /// How many bytes [`write`](Self::write) appends.
    fn length(&self) -> usize {
        match self {
            Self::Bool(_) => 1,
            Self::Ulong(_) => 8,
            Self::Bytes(value) => value.len(),
            Self::Date(value) => value.map_or(0, |date| date.len()),
            Self::Template(value) => {
                value.iter().fold(4, |sum: usize, each| sum.saturating_add(12).saturating_add(each.value.length()))
            }
            Self::Ulongs(value) => value.len().saturating_mul(8),
        }
    }

    fn read(kind: AttributeType, length: usize, from: &mut Reader<'_>) -> Result<Self, Error> {
        match (kind.shape(), length) {
            (Shape::Bool, 1) => bool::read(from).map(Self::Bool),
            (Shape::Ulong, 8) => u64::read(from).map(Self::Ulong),
            (Shape::Bytes, _) => Ok(Self::Bytes(Wiped::from(from.raw(length)?))),
            (Shape::Date, 0) => Ok(Self::Date(None)),
            (Shape::Date, 8) => from.array().map(|date| Self::Date(Some(date))),
            (Shape::Template, _) => from.deeper(Wire::read).map(Self::Template),
            (Shape::Ulongs, _) if length.is_multiple_of(8) => {
                let numbers = from.raw(length)?.chunks_exact(8).map(|bytes| u64::read(&mut Reader::new(bytes)));
                numbers.collect::<Result<_, _>>().map(Self::Ulongs)
            }
            _ => Err(Error::Shape(kind.0)),
        }
    }
}

impl Wire for Attribute {
    const LEAST: usize = 12;
    fn write(&self, to: &mut Writer<'_>) {
        self.kind.write(to);
        to.count(self.value.length());
        self.value.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let kind = AttributeType::read(from)?;
        let length = from.count(1)?;
        let value = from.inside(length, |inner| Value::read(kind, length, inner))?;
        Ok(Self { kind, value })
    }
}

crate::table::structure! {
    /// An attribute whose value is asked for.
    Wanted {
        /// Which attribute.
        kind: AttributeType,
        /// How much room there is. With [`Room::Query`] a value that is a secret need not be released: its length will do.
        room: Room,
    }
}

/// What became of a [`Wanted`] attribute. The order of answers is the order of questions.
#[derive(Debug)]
pub enum Reveal {
    /// It is not to be known: `CKR_ATTRIBUTE_SENSITIVE`.
    Sensitive,
    /// The object has no such attribute: `CKR_ATTRIBUTE_TYPE_INVALID`.
    Invalid,
    /// How many bytes it has. Only for attributes of [`Shape::Bytes`].
    Length(u32),
    /// Its value, which has the shape of the attribute asked for.
    Value(Attribute),
}

impl Wire for Reveal {
    const LEAST: usize = 1;
    fn write(&self, to: &mut Writer<'_>) {
        match self {
            Self::Sensitive => to.raw(&[0]),
            Self::Invalid => to.raw(&[1]),
            Self::Length(length) => {
                to.raw(&[2]);
                length.write(to);
            }
            Self::Value(attribute) => {
                to.raw(&[3]);
                attribute.write(to);
            }
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        match from.array()? {
            [0] => Ok(Self::Sensitive),
            [1] => Ok(Self::Invalid),
            [2] => u32::read(from).map(Self::Length),
            [3] => Attribute::read(from).map(Self::Value),
            [other] => Err(Error::Form(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(attribute: &Attribute) -> Vec<u8> {
        let mut bytes = Vec::new();
        attribute.write(&mut Writer::new(&mut bytes));
        bytes
    }

    #[test]
    fn an_attribute_is_type_length_and_value() {
        let label = Attribute::bytes(AttributeType::LABEL, *b"key");
        assert_eq!(written(&label), [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 3, b'k', b'e', b'y']);
        let class = Attribute::new(AttributeType::CLASS, Value::Ulong(3));
        assert_eq!(written(&class), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 3]);
    }

    #[test]
    fn a_value_of_the_wrong_shape_is_refused_by_name() {
        for (name, kind, value) in [
            ("a number of four bytes", AttributeType::CLASS, &[0, 0, 0, 3][..]),
            ("an empty truth", AttributeType::TOKEN, &[]),
            ("half a date", AttributeType::START_DATE, b"2026"),
            ("a mechanism and a half", AttributeType::ALLOWED_MECHANISMS, &[0; 12]),
        ] {
            let bytes = written(&Attribute::bytes(kind, value));
            assert_eq!(Attribute::read(&mut Reader::new(&bytes)).err(), Some(Error::Shape(kind.0)), "{name}");
        }
    }

    #[test]
    fn a_template_that_contains_itself_too_often_is_refused() {
        let mut attribute = Attribute::new(AttributeType::WRAP_TEMPLATE, Value::Template(Vec::new()));
        for _ in 0..crate::codec::DEEPEST {
            attribute = Attribute::new(AttributeType::WRAP_TEMPLATE, Value::Template(vec![attribute]));
        }
        assert_eq!(Attribute::read(&mut Reader::new(&written(&attribute))).err(), Some(Error::Deep));
    }

    #[test]
    fn a_truth_is_one_byte_and_zero_or_one() {
        let bytes = written(&Attribute::bytes(AttributeType::TOKEN, [2]));
        assert_eq!(Attribute::read(&mut Reader::new(&bytes)).err(), Some(Error::Flag(2)));
    }
}
