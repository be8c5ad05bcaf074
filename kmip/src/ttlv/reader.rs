//! From bytes to the item tree.
//!
//! The tree is the message itself: one pass without recursion finds every item sound and within what holds it, and
//! after that the lengths on the wire lead from each item to the next. Nothing is allocated, and all text and bytes are
//! borrowed.

use std::marker::PhantomData;

use super::{Kind, Malformed};
use crate::tag::Tag;

/// How much of a message is believed before it is refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole message.
    pub size: usize,
    /// Structures inside structures; never more than 64.
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
    let head = Head::of(head);
    if head.tag() != tag {
        return Err(Malformed::Unexpected(head.tag()));
    }
    if head.number() != Kind::Structure as u8 {
        return Err(Malformed::Type(head.tag(), Kind::Structure));
    }
    let whole = head.length().checked_add(HEAD);
    whole.filter(|&whole| whole <= limits.size).ok_or(Malformed::Limit("the size of a message"))
}

/// A message, found to be made of sound items. Text and bytes are borrowed from it.
pub struct Tree<'a> {
    bytes: &'a [u8],
    items: usize,
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
        // What is still to be read, how much of it stands behind the innermost structure that is open, how much behind
        // each around it, and how many are open.
        let (mut rest, mut behind, mut around, mut depth) = (bytes, 0usize, [0u32; DEEPEST], 0usize);
        let deepest = limits.depth.min(DEEPEST);
        let mut items = 0usize;
        loop {
            let at = || bytes.len().saturating_sub(rest.len());
            let (head, inside) = rest.split_first_chunk().ok_or_else(|| Malformed::Short(at()))?;
            let head = Head::of(*head);
            let (number, size) = (head.number(), head.length());
            let shape = SHAPES.get(usize::from(number)).unwrap_or(&UNKNOWN);
            if size & shape.told != shape.are {
                return Err(match Kind::from_number(number) {
                    Some(_) => Malformed::Length(at()),
                    None => Malformed::UnknownType(at(), number),
                });
            }
            let content = inside.split_at_checked(padded(size)).filter(|(_, next)| next.len() >= behind);
            let Some((content, next)) = content else {
                return Err(if depth == 0 { Malformed::Short(at()) } else { Malformed::Overlong(at()) });
            };
            if items >= limits.items {
                return Err(Malformed::Limit("the number of items"));
            }
            items = items.saturating_add(1);
            if shape.holds == Holds::Items {
                if depth >= deepest {
                    return Err(Malformed::Limit("nesting"));
                }
                if let Some(place) = around.get_mut(depth) {
                    *place = u32::try_from(behind).unwrap_or(u32::MAX);
                }
                (rest, behind, depth) = (inside, next.len(), depth.saturating_add(1));
            } else {
                match check(shape.holds, content, size, limits)? {
                    Soundness::Sound => {}
                    Soundness::Unsound => return Err(Malformed::Content(at())),
                    Soundness::Short => return Err(Malformed::Length(at())),
                }
                rest = next;
            }
            while rest.len() <= behind && depth > 0 {
                depth = depth.saturating_sub(1);
                behind = around.get(depth).map_or(0, |&behind| usize::try_from(behind).unwrap_or(usize::MAX));
            }
            if depth == 0 {
                let whole = rest.is_empty();
                return if whole {
                    Ok(Self { bytes, items })
                } else {
                    Err(Malformed::Trailing(bytes.len() - rest.len()))
                };
            }
        }
    }

    /// The outermost item.
    #[inline]
    pub fn root(&self) -> Item<'_, 'a> {
        Item { bytes: self.bytes, tree: PhantomData }
    }

    /// How many items the message has.
    pub fn len(&self) -> usize {
        self.items
    }

    /// Never true: a tree that was read has a root.
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }
}

/// One item of a [`Tree`]: there is no other way to one than through a tree that was read.
#[derive(Clone, Copy)]
pub struct Item<'t, 'a> {
    /// The whole item, from head to padding.
    bytes: &'a [u8],
    tree: PhantomData<&'t Tree<'a>>,
}

impl<'t, 'a> Item<'t, 'a> {
    #[inline]
    fn head(&self) -> Head {
        Head::of(self.bytes.first_chunk().copied().unwrap_or_default())
    }

    /// The tag.
    #[inline]
    pub fn tag(&self) -> Tag {
        self.head().tag()
    }

    /// The type.
    #[inline]
    pub fn kind(&self) -> Kind {
        // A tree has no items of other types.
        Kind::from_number(self.head().number()).unwrap_or(Kind::Structure)
    }

    /// The whole item as it stood on the wire, head and padding included.
    #[inline]
    pub fn encoded(&self) -> &'a [u8] {
        self.bytes
    }

    /// The items of a Structure; none for any other type.
    #[inline]
    pub fn children(&self) -> Children<'t, 'a> {
        Children { rest: self.of(Kind::Structure).unwrap_or_default(), tree: PhantomData }
    }

    /// The value of an Integer.
    ///
    /// # Errors
    /// [`Malformed::Type`] when it is of another type; so for all that follow.
    #[inline]
    pub fn integer(&self) -> Result<i32, Malformed> {
        self.exactly(Kind::Integer).map(i32::from_be_bytes)
    }

    /// The value of a Long Integer.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    #[inline]
    pub fn long_integer(&self) -> Result<i64, Malformed> {
        self.exactly(Kind::LongInteger).map(i64::from_be_bytes)
    }

    /// The bytes of a Big Integer, two's complement, most significant first.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    #[inline]
    pub fn big_integer(&self) -> Result<&'a [u8], Malformed> {
        self.of(Kind::BigInteger)
    }

    /// The code of an Enumeration.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    #[inline]
    pub fn enumeration(&self) -> Result<u32, Malformed> {
        self.exactly(Kind::Enumeration).map(u32::from_be_bytes)
    }

    /// The value of a Boolean.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    #[inline]
    pub fn boolean(&self) -> Result<bool, Malformed> {
        self.exactly(Kind::Boolean).map(|value| u64::from_be_bytes(value) == 1)
    }

    /// The text of a Text String.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    #[inline]
    pub fn text(&self) -> Result<&'a str, Malformed> {
        self.text_like(Kind::TextString)
    }

    /// The bytes of a Text String, to compare them with a text.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    #[inline]
    pub fn text_bytes(&self) -> Result<&'a [u8], Malformed> {
        self.of(Kind::TextString)
    }

    /// The text of a Text String or of one of the text-like types of KMIP 3.0.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    #[inline]
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
    #[inline]
    pub fn byte_string(&self) -> Result<&'a [u8], Malformed> {
        self.of(Kind::ByteString)
    }

    /// The seconds of a Date-Time.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    #[inline]
    pub fn date_time(&self) -> Result<i64, Malformed> {
        self.exactly(Kind::DateTime).map(i64::from_be_bytes)
    }

    /// The seconds of an Interval.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    #[inline]
    pub fn interval(&self) -> Result<u32, Malformed> {
        self.exactly(Kind::Interval).map(u32::from_be_bytes)
    }

    /// The microseconds of a Date-Time Extended.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    #[inline]
    pub fn date_time_extended(&self) -> Result<i64, Malformed> {
        self.exactly(Kind::DateTimeExtended).map(i64::from_be_bytes)
    }

    /// The value's bytes, when it is of this type.
    ///
    /// # Errors
    /// [`Malformed::Type`].
    #[inline(always)]
    pub(super) fn of(&self, kind: Kind) -> Result<&'a [u8], Malformed> {
        let head = self.head();
        if head.number() != kind as u8 {
            return Err(Malformed::Type(head.tag(), kind));
        }
        Ok(self.bytes.get(HEAD..HEAD.saturating_add(head.length())).unwrap_or_default())
    }

    #[inline(always)]
    fn exactly<const N: usize>(&self, kind: Kind) -> Result<[u8; N], Malformed> {
        let head = self.head();
        if head.number() != kind as u8 {
            return Err(Malformed::Type(head.tag(), kind));
        }
        match self.bytes.get(HEAD..).and_then(<[u8]>::first_chunk) {
            Some(value) => Ok(*value),
            None => Err(Malformed::Value(head.tag())),
        }
    }
}

/// The items of one Structure that are still to come.
#[derive(Clone)]
pub struct Children<'t, 'a> {
    rest: &'a [u8],
    tree: PhantomData<&'t Tree<'a>>,
}

impl<'t, 'a> Children<'t, 'a> {
    /// The tag of the next item.
    #[inline]
    pub(super) fn tag(&self) -> Option<Tag> {
        self.rest.first_chunk().map(|head| Head::of(*head).tag())
    }
}

impl<'t, 'a> Iterator for Children<'t, 'a> {
    type Item = Item<'t, 'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'t, 'a>> {
        let head = Head::of(*self.rest.first_chunk()?);
        let (bytes, rest) = self.rest.split_at_checked(HEAD.saturating_add(padded(head.length())))?;
        self.rest = rest;
        Some(Item { bytes, tree: PhantomData })
    }
}

/// Tag, type and length of an item, as one number: the compiler does not see that the bytes stand together.
#[derive(Clone, Copy)]
struct Head(u64);

impl Head {
    #[inline]
    fn of(bytes: [u8; HEAD]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }

    #[inline]
    fn low(self, bits: u32, mask: u64) -> u32 {
        u32::try_from((self.0 >> bits) & mask).unwrap_or_default()
    }

    #[inline]
    fn tag(self) -> Tag {
        Tag(self.low(40, 0xFF_FFFF))
    }

    #[inline]
    fn number(self) -> u8 {
        u8::try_from(self.low(32, 0xFF)).unwrap_or_default()
    }

    /// Of the value alone, without padding.
    #[inline]
    fn length(self) -> usize {
        usize::try_from(self.low(0, 0xFFFF_FFFF)).unwrap_or(usize::MAX)
    }
}

/// A length with its padding.
#[inline]
fn padded(size: usize) -> usize {
    size.saturating_add(size.wrapping_neg() % 8)
}

/// What an item of some type looks like: a table, because a branch for each type costs more.
#[derive(Clone, Copy)]
struct Shape {
    /// Which bits of its length are told, and what they are.
    told: usize,
    are: usize,
    holds: Holds,
}

/// What there is to be checked of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Items,
    Bytes,
    Number,
    Truth,
    Text,
}

/// The shapes of all types by their numbers, with room for every number there may be.
static SHAPES: [Shape; 256] = {
    let mut shapes = [UNKNOWN; 256];
    let mut at = 0;
    while at < Kind::ALL.len() {
        let kind = Kind::ALL[at];
        let (told, are, holds) = match kind {
            Kind::Integer | Kind::Enumeration | Kind::Interval => (usize::MAX, 4, Holds::Bytes),
            Kind::LongInteger | Kind::DateTime | Kind::DateTimeExtended => (usize::MAX, 8, Holds::Bytes),
            Kind::Boolean => (usize::MAX, 8, Holds::Truth),
            Kind::Structure => (7, 0, Holds::Items),
            Kind::BigInteger => (7, 0, Holds::Number),
            Kind::TextString | Kind::Identifier | Kind::Reference | Kind::NameReference => (0, 0, Holds::Text),
            Kind::ByteString => (0, 0, Holds::Bytes),
        };
        shapes[kind as usize] = Shape { told, are, holds };
        at += 1;
    }
    shapes
};

/// No length fits a type that there is not.
const UNKNOWN: Shape = Shape { told: 0, are: 1, holds: Holds::Bytes };

/// What was found of a value.
enum Soundness {
    Sound,
    Unsound,
    /// It is shorter than any of its type.
    Short,
}

/// Whether a value of `size` bytes and the padding behind it are sound.
#[inline]
fn check(holds: Holds, content: &[u8], size: usize, limits: &Limits) -> Result<Soundness, Malformed> {
    // Content is a multiple of eight long, so the last word holds all of the padding; of nothing there is none.
    let last = content.last_chunk().map_or(0, |word| u64::from_be_bytes(*word));
    let padding = !(u64::MAX << (size.wrapping_neg() % 8 * 8));
    let sound = match holds {
        Holds::Bytes | Holds::Items => true,
        Holds::Number if size == 0 => return Ok(Soundness::Short),
        Holds::Number => true,
        Holds::Truth => last <= 1,
        Holds::Text => {
            if size > limits.text {
                return Err(Malformed::Limit("the length of a text"));
            }
            is_text(content, size)
        }
    };
    Ok(if sound && last & padding == 0 { Soundness::Sound } else { Soundness::Unsound })
}

/// Whether the first `size` bytes of content are UTF-8. Hardly any text is more than ASCII.
#[inline]
fn is_text(content: &[u8], size: usize) -> bool {
    let high = content.as_chunks().0.iter().fold(0, |high, word| high | u64::from_ne_bytes(*word));
    high & 0x8080_8080_8080_8080 == 0 || content.get(..size).is_some_and(|text| std::str::from_utf8(text).is_ok())
}

/// Tag, type and length.
const HEAD: usize = 8;

/// How many structures inside structures are kept track of: twice the published limit.
const DEEPEST: usize = 64;
