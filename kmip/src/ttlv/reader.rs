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
    bytes: &'a [u8],
    nodes: Vec<Node>,
}

/// Where an item stands in the message. Offsets fit because a larger message is refused.
#[derive(Clone, Copy)]
struct Node {
    tag: Tag,
    kind: Kind,
    start: u32,
    length: u32,
    /// One past the last descendant; while the structure is being read, the structure that holds it.
    end: u32,
}

impl Node {
    /// Where the value begins.
    fn inside(&self) -> usize {
        wide(self.start).saturating_add(HEAD)
    }

    /// Where the value ends; the padding follows.
    fn close(&self) -> usize {
        self.inside().saturating_add(wide(self.length))
    }
}

impl<'a> Tree<'a> {
    /// Reads exactly one item, which must fill `bytes`.
    ///
    /// # Errors
    /// [`Malformed`], naming the byte where reading stopped.
    pub fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, Malformed> {
        if bytes.len() > limits.size || u32::try_from(bytes.len()).is_err() {
            return Err(Malformed::Limit("the size of a message"));
        }
        let mut nodes: Vec<Node> = Vec::with_capacity((bytes.len() / HEAD).clamp(1, TYPICAL_COUNT));
        // The innermost structure that is open, where it ends, and how many are open around it.
        let (mut open, mut within, mut depth) = (NONE, bytes.len(), 0usize);
        let mut at = 0usize;
        loop {
            let head = bytes.get(at..).and_then(<[u8]>::first_chunk::<HEAD>).ok_or(Malformed::Short(at))?;
            let (tag, number, length) = split(*head);
            let kind = Kind::from_number(number).ok_or(Malformed::UnknownType(at, number))?;
            let size = wide(length);
            // Sums of three numbers below 2^32 and 16 do not overflow a usize of 64 bits; where it is smaller, they
            // saturate and the item ends past everything.
            let start = at.saturating_add(HEAD);
            let end = start.saturating_add(size);
            let next = end.saturating_add(end.wrapping_neg() % 8);
            if !fits(kind, size) {
                return Err(Malformed::Length(at));
            }
            if next > within {
                return Err(if open == NONE { Malformed::Short(at) } else { Malformed::Overlong(at) });
            }
            if nodes.len() >= limits.items {
                return Err(Malformed::Limit("the number of items"));
            }
            let index = narrow(nodes.len());
            let node = Node { tag, kind, start: narrow(at), length, end: index.saturating_add(1) };
            if kind == Kind::Structure {
                if depth >= limits.depth {
                    return Err(Malformed::Limit("nesting"));
                }
                nodes.push(Node { end: open, ..node });
                (open, within, depth, at) = (index, end, depth.saturating_add(1), start);
            } else {
                let content = bytes.get(start..next).ok_or(Malformed::Short(at))?;
                check(kind, content, size, at, limits)?;
                nodes.push(node);
                at = next;
            }
            while at >= within && open != NONE {
                let last = narrow(nodes.len());
                let Some(node) = nodes.get_mut(wide(open)) else { break };
                open = std::mem::replace(&mut node.end, last);
                depth = depth.saturating_sub(1);
                within = nodes.get(wide(open)).map_or(bytes.len(), Node::close);
            }
            if open == NONE {
                return if at == bytes.len() { Ok(Self { bytes, nodes }) } else { Err(Malformed::Trailing(at)) };
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
    fn node(&self) -> &'t Node {
        &self.tree.nodes[self.index]
    }

    fn value(&self) -> &'a [u8] {
        let node = self.node();
        // The node was made from these very bytes.
        self.tree.bytes.get(node.inside()..node.close()).unwrap_or_default()
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
        let node = self.node();
        let end = node.close().checked_next_multiple_of(8).unwrap_or(node.close());
        self.tree.bytes.get(wide(node.start)..end).unwrap_or_default()
    }

    /// The items of a Structure; none for any other type.
    pub fn children(&self) -> impl Iterator<Item = Item<'t, 'a>> + use<'t, 'a> {
        let (parent, end) = (*self, self.end());
        std::iter::successors(parent.other(parent.first(), end), move |child| child.other(child.end(), end))
    }

    /// The place of the first item inside.
    #[inline]
    pub(super) fn first(self) -> usize {
        self.index.saturating_add(1)
    }

    /// The place behind the last item inside.
    #[inline]
    pub(super) fn end(self) -> usize {
        wide(self.node().end)
    }

    /// The item at another place of the message, if that is before `end`.
    #[inline]
    pub(super) fn other(self, index: usize, end: usize) -> Option<Self> {
        (index < end).then_some(Self { tree: self.tree, index })
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

    /// The text of whichever type carries one.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    pub fn any_text(&self) -> Result<&'a str, Malformed> {
        match self.kind() {
            kind @ (Kind::Identifier | Kind::Reference | Kind::NameReference) => self.text_like(kind),
            _ => self.text(),
        }
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
        if self.kind() == kind { Ok(self.value()) } else { Err(Malformed::Type(self.tag(), kind)) }
    }

    fn four(&self, kind: Kind) -> Result<[u8; 4], Malformed> {
        self.of(kind)?.first_chunk().copied().ok_or(Malformed::Value(self.tag()))
    }

    fn eight(&self, kind: Kind) -> Result<[u8; 8], Malformed> {
        self.of(kind)?.first_chunk().copied().ok_or(Malformed::Value(self.tag()))
    }
}

/// A place as a node keeps it; every place lies within a message that was found to be smaller.
fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// A place as an index.
fn wide(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

#[inline]
fn split(head: [u8; HEAD]) -> (Tag, u8, u32) {
    // As one number, because the compiler does not see that the bytes stand together.
    let head = u64::from_be_bytes(head);
    let low = |bits: u64, mask: u64| u32::try_from((head >> bits) & mask).unwrap_or_default();
    (Tag(low(40, 0xFF_FFFF)), u8::try_from(low(32, 0xFF)).unwrap_or_default(), low(0, 0xFFFF_FFFF))
}

/// Whether an item of this type can be this long.
#[inline]
fn fits(kind: Kind, size: usize) -> bool {
    match kind {
        Kind::Integer | Kind::Enumeration | Kind::Interval => size == 4,
        Kind::LongInteger | Kind::Boolean | Kind::DateTime | Kind::DateTimeExtended => size == 8,
        Kind::Structure => size.is_multiple_of(8),
        Kind::BigInteger => size.is_multiple_of(8) && size > 0,
        Kind::TextString | Kind::Identifier | Kind::Reference | Kind::NameReference | Kind::ByteString => true,
    }
}

/// Looks at a value of `size` bytes and the padding behind it.
#[inline]
fn check(kind: Kind, content: &[u8], size: usize, at: usize, limits: &Limits) -> Result<(), Malformed> {
    // Content is a multiple of eight long, so the last word holds all of the padding; of nothing there is none.
    let last = content.last_chunk().map_or(0, |word| u64::from_be_bytes(*word));
    let padding = u64::MAX.unbounded_shr(u64::BITS - u64::BITS / 8 * narrow(size.wrapping_neg() % 8));
    let sound = match kind {
        Kind::Boolean => last <= 1,
        Kind::TextString | Kind::Identifier | Kind::Reference | Kind::NameReference => {
            if size > limits.text {
                return Err(Malformed::Limit("the length of a text"));
            }
            content.get(..size).is_some_and(|text| text.is_ascii() || std::str::from_utf8(text).is_ok())
        }
        _ => true,
    };
    if sound && last & padding == 0 { Ok(()) } else { Err(Malformed::Content(at)) }
}

/// Tag, type and length.
const HEAD: usize = 8;

/// Few messages have more items; for those that do, the list grows.
const TYPICAL_COUNT: usize = 64;

/// The place of no item.
const NONE: u32 = u32::MAX;
