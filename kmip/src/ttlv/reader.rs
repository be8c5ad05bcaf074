//! From bytes to the item tree.
//!
//! The tree is one flat list in the order of the wire; a structure knows where its last descendant stands. It is
//! built in one pass without recursion, and it borrows all text and bytes from the message.

use super::{Kind, Malformed};
use crate::tag::Tag;

/// How much of a message is believed before it is refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole message.
    pub size: usize,
    /// Structures inside structures.
    pub depth: usize,
    /// Items of all kinds in the message.
    pub items: usize,
    /// Bytes of one text.
    pub text: usize,
}

impl Default for Limits {
    /// The published limits: 1 MiB, 32 deep, texts of 64 KiB. The shortest item takes 8 bytes, so 131,072 items fit
    /// into a message at all; half of that is more than any honest message has.
    fn default() -> Self {
        Self { size: 1 << 20, depth: 32, items: 1 << 16, text: 64 << 10 }
    }
}

/// The length of the whole message whose first eight bytes these are, head included.
///
/// # Errors
/// [`Malformed`] when the bytes do not start a structure under `tag`, or the message is larger than the limits allow:
/// then framing is lost and the connection with it.
pub fn frame_length(head: [u8; 8], tag: Tag, limits: &Limits) -> Result<usize, Malformed> {
    let (found, kind, length) = split(head);
    if found != tag {
        return Err(Malformed::Unexpected(found));
    }
    if kind != Kind::Structure as u8 {
        return Err(Malformed::Type(found, Kind::Structure));
    }
    let whole = usize::try_from(length).ok().and_then(|length| length.checked_add(HEAD));
    whole.filter(|&whole| whole <= limits.size).ok_or(Malformed::Limit("the size of a message"))
}

/// A message, read into its items. Text and bytes are borrowed from it.
pub struct Tree<'a> {
    nodes: Vec<Node<'a>>,
}

#[derive(Clone, Copy)]
struct Node<'a> {
    tag: Tag,
    kind: Kind,
    /// The value's bytes, without padding.
    value: &'a [u8],
    /// The whole item, head and padding included.
    whole: &'a [u8],
    /// One past the last descendant.
    end: usize,
}

impl<'a> Tree<'a> {
    /// Reads exactly one item, which must fill `bytes`.
    ///
    /// # Errors
    /// [`Malformed`], naming the byte where reading stopped.
    pub fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, Malformed> {
        if bytes.len() > limits.size {
            return Err(Malformed::Limit("the size of a message"));
        }
        let mut nodes: Vec<Node<'a>> = Vec::with_capacity((bytes.len() / TYPICAL_ITEM).min(limits.items));
        // The structures that are open: where in `nodes` each stands and at which byte it ends.
        let mut open: Vec<(usize, usize)> = Vec::with_capacity(8);
        let mut at = 0usize;
        loop {
            let within = open.last().map_or(bytes.len(), |&(_, end)| end);
            let head = bytes.get(at..).and_then(<[u8]>::first_chunk::<HEAD>).ok_or(Malformed::Short(at))?;
            let (tag, number, length) = split(*head);
            let kind = Kind::from_number(number).ok_or(Malformed::UnknownType(at, number))?;
            let length = usize::try_from(length).map_err(|_| Malformed::Overlong(at))?;
            check_length(kind, length, at, limits)?;
            let start = at.checked_add(HEAD).ok_or(Malformed::Overlong(at))?;
            let end = start.checked_add(length).ok_or(Malformed::Overlong(at))?;
            let next = end.checked_next_multiple_of(8).ok_or(Malformed::Overlong(at))?;
            if next > within {
                return Err(if open.is_empty() { Malformed::Short(at) } else { Malformed::Overlong(at) });
            }
            let value = bytes.get(start..end).ok_or(Malformed::Short(at))?;
            let whole = bytes.get(at..next).ok_or(Malformed::Short(at))?;
            let padding = bytes.get(end..next).ok_or(Malformed::Short(at))?;
            if nodes.len() >= limits.items {
                return Err(Malformed::Limit("the number of items"));
            }
            check_content(kind, value, padding, at)?;
            let index = nodes.len();
            nodes.push(Node { tag, kind, value, whole, end: index + 1 });
            at = next;
            if kind == Kind::Structure {
                if open.len() >= limits.depth {
                    return Err(Malformed::Limit("nesting"));
                }
                open.push((index, end));
                at = start;
            }
            while let Some(&(structure, end)) = open.last() {
                if at < end {
                    break;
                }
                open.pop();
                let last = nodes.len();
                if let Some(node) = nodes.get_mut(structure) {
                    node.end = last;
                }
            }
            if open.is_empty() {
                return if at == bytes.len() { Ok(Self { nodes }) } else { Err(Malformed::Trailing(at)) };
            }
        }
    }

    /// The outermost item.
    pub fn root(&self) -> Item<'_, 'a> {
        Item { tree: self, index: 0 }
    }

    /// How many items the message has.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never true: a tree that was read has a root.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// One item of a [`Tree`].
#[derive(Clone, Copy)]
pub struct Item<'t, 'a> {
    tree: &'t Tree<'a>,
    index: usize,
}

impl<'t, 'a> Item<'t, 'a> {
    fn node(&self) -> &'t Node<'a> {
        &self.tree.nodes[self.index]
    }

    /// The tag.
    pub fn tag(&self) -> Tag {
        self.node().tag
    }

    /// The type.
    pub fn kind(&self) -> Kind {
        self.node().kind
    }

    /// The whole item as it stood on the wire, head and padding included.
    pub fn encoded(&self) -> &'a [u8] {
        self.node().whole
    }

    /// The items of a Structure; none for any other type.
    pub fn children(&self) -> impl Iterator<Item = Item<'t, 'a>> + use<'t, 'a> {
        let (tree, end) = (self.tree, self.node().end);
        let mut next = self.index + 1;
        std::iter::from_fn(move || {
            let item = (next < end).then_some(Item { tree, index: next })?;
            next = item.node().end;
            Some(item)
        })
    }

    /// The value of an Integer.
    ///
    /// # Errors
    /// [`Malformed::Type`] when it is of another type; so for all that follow.
    pub fn integer(&self) -> Result<i32, Malformed> {
        self.four(Kind::Integer).map(i32::from_be_bytes)
    }

    /// The value of a Long Integer.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    pub fn long_integer(&self) -> Result<i64, Malformed> {
        self.eight(Kind::LongInteger).map(i64::from_be_bytes)
    }

    /// The bytes of a Big Integer, two's complement, most significant first.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    pub fn big_integer(&self) -> Result<&'a [u8], Malformed> {
        self.of(Kind::BigInteger)
    }

    /// The code of an Enumeration.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    pub fn enumeration(&self) -> Result<u32, Malformed> {
        self.four(Kind::Enumeration).map(u32::from_be_bytes)
    }

    /// The value of a Boolean.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    pub fn boolean(&self) -> Result<bool, Malformed> {
        self.eight(Kind::Boolean).map(|value| u64::from_be_bytes(value) == 1)
    }

    /// The text of a Text String.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    pub fn text(&self) -> Result<&'a str, Malformed> {
        self.text_like(Kind::TextString)
    }

    /// The text of a Text String or of one of the text-like types of KMIP 3.0.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    pub fn text_like(&self, kind: Kind) -> Result<&'a str, Malformed> {
        let bytes = self.of(kind)?;
        // The reader has checked it; checking again costs less than carrying a second form of the value.
        std::str::from_utf8(bytes).map_err(|_| Malformed::Value(self.tag()))
    }

    /// The bytes of a Byte String.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    pub fn byte_string(&self) -> Result<&'a [u8], Malformed> {
        self.of(Kind::ByteString)
    }

    /// The seconds of a Date-Time.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    pub fn date_time(&self) -> Result<i64, Malformed> {
        self.eight(Kind::DateTime).map(i64::from_be_bytes)
    }

    /// The seconds of an Interval.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    pub fn interval(&self) -> Result<u32, Malformed> {
        self.four(Kind::Interval).map(u32::from_be_bytes)
    }

    /// The microseconds of a Date-Time Extended.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    pub fn date_time_extended(&self) -> Result<i64, Malformed> {
        self.eight(Kind::DateTimeExtended).map(i64::from_be_bytes)
    }

    /// The value's bytes, when it is of this type.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    pub(super) fn of(&self, kind: Kind) -> Result<&'a [u8], Malformed> {
        let node = self.node();
        if node.kind == kind { Ok(node.value) } else { Err(Malformed::Type(node.tag, kind)) }
    }

    fn four(&self, kind: Kind) -> Result<[u8; 4], Malformed> {
        self.of(kind)?.first_chunk().copied().ok_or(Malformed::Value(self.tag()))
    }

    fn eight(&self, kind: Kind) -> Result<[u8; 8], Malformed> {
        self.of(kind)?.first_chunk().copied().ok_or(Malformed::Value(self.tag()))
    }
}

fn split(head: [u8; HEAD]) -> (Tag, u8, u32) {
    let [a, b, c, kind, l0, l1, l2, l3] = head;
    (Tag(u32::from_be_bytes([0, a, b, c])), kind, u32::from_be_bytes([l0, l1, l2, l3]))
}

fn check_length(kind: Kind, length: usize, at: usize, limits: &Limits) -> Result<(), Malformed> {
    let fits = match (kind, kind.fixed_length()) {
        (_, Some(fixed)) => length == fixed,
        (Kind::Structure, None) => length.is_multiple_of(8),
        (Kind::BigInteger, None) => length.is_multiple_of(8) && length > 0,
        (Kind::TextString | Kind::Identifier | Kind::Reference | Kind::NameReference, None) => {
            if length > limits.text {
                return Err(Malformed::Limit("the length of a text"));
            }
            true
        }
        (_, None) => true,
    };
    if fits { Ok(()) } else { Err(Malformed::Length(at)) }
}

fn check_content(kind: Kind, value: &[u8], padding: &[u8], at: usize) -> Result<(), Malformed> {
    let sound = match kind {
        Kind::Boolean => matches!(value, [0, 0, 0, 0, 0, 0, 0, 0 | 1]),
        Kind::TextString | Kind::Identifier | Kind::Reference | Kind::NameReference => {
            std::str::from_utf8(value).is_ok()
        }
        _ => true,
    };
    if sound && padding.iter().all(|&byte| byte == 0) { Ok(()) } else { Err(Malformed::Content(at)) }
}

/// Tag, type and length.
const HEAD: usize = 8;

/// Real messages have an item every twenty-odd bytes; the list is made for that at once.
const TYPICAL_ITEM: usize = 20;
