//! Where a parser of text puts what it finds: TTLV, under the same limits as if it had come as TTLV.

use super::{
    Error,
    name::attribute_named,
    value::{self, Dialect},
};
use crate::{
    secret::Wiped,
    tag::Tag,
    ttlv::{Kind, Limits, Writer},
    version::V3_0,
};

/// Takes items in the order of the text and writes them as TTLV.
pub(crate) struct Sink<'l> {
    to: Writer,
    limits: &'l Limits,
    dialect: Dialect,
    items: usize,
    open: Vec<Level>,
}

/// A Structure that is open.
struct Level {
    start: usize,
    /// In an Attribute of KMIP 1.x: what the Attribute Name said, whose codes the Attribute Value then speaks.
    attribute: Option<Tag>,
}

impl<'l> Sink<'l> {
    /// An empty sink.
    pub(crate) fn new(limits: &'l Limits, dialect: Dialect) -> Self {
        Self { to: Writer::new(V3_0), limits, dialect, items: 0, open: Vec::new() }
    }

    /// Opens a Structure.
    pub(crate) fn open(&mut self, tag: Tag) -> Result<(), Error> {
        self.count()?;
        if self.open.len() >= self.limits.depth {
            return Err(Error::Limit("nesting"));
        }
        let start = self.to.begin(tag);
        self.open.push(Level { start, attribute: None });
        Ok(())
    }

    /// Closes the Structure that was opened last.
    pub(crate) fn close(&mut self) {
        if let Some(level) = self.open.pop() {
            self.to.end(level.start);
        }
    }

    /// Takes a value.
    pub(crate) fn value(&mut self, tag: Tag, kind: Kind, text: &str) -> Result<(), Error> {
        self.count()?;
        let texts = matches!(kind, Kind::TextString | Kind::Identifier | Kind::Reference | Kind::NameReference);
        if texts && text.len() > self.limits.text {
            return Err(Error::Limit("the length of a text"));
        }
        let level = self.open.last_mut();
        let attribute = level.as_ref().and_then(|level| level.attribute);
        if let Some(level) = level.filter(|_| tag == Tag::AttributeName) {
            level.attribute = attribute_named(text);
        }
        let about = attribute.filter(|_| tag == Tag::AttributeValue).unwrap_or(tag);
        value::write(&mut self.to, tag, about, kind, text, self.dialect)
    }

    /// How many structures are open.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// What was taken, as TTLV.
    pub(crate) fn finish(self) -> Wiped {
        self.to.into_bytes()
    }

    fn count(&mut self) -> Result<(), Error> {
        if self.items >= self.limits.items {
            return Err(Error::Limit("the number of items"));
        }
        if self.to.len() > self.limits.size {
            return Err(Error::Limit("the size of a message"));
        }
        self.items += 1;
        Ok(())
    }
}
