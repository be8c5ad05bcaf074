//! Values as bytes, for the pipe between the daemon and its worker: numbers little end first, lengths before contents.
//! Nothing is believed about a length, and nothing may be left over.

use strongroom_kmip::secret::{Secret, Wiped};

/// A value that goes over the pipe.
pub(super) trait Wire: Sized {
    /// Appends the value.
    fn put(&self, to: &mut Output);
    /// Takes the value from the front, or nothing when there is none.
    fn take(from: &mut Input<'_>) -> Option<Self>;
}

/// Bytes being written. They may hold secrets, so that growing leaves no copy behind.
pub(super) struct Output(Wiped);

impl Output {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self(Wiped::new(Vec::with_capacity(256)))
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let needed = self.0.len().saturating_add(bytes.len());
        if needed > self.0.capacity() {
            self.0.room(needed.max(self.0.capacity().saturating_mul(2)));
        }
        self.0.extend_from_slice(bytes);
    }

    /// All that was written.
    pub(super) fn done(self) -> Wiped {
        self.0
    }
}

/// Bytes being read.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// The value that these bytes are, all of them.
    pub(super) fn whole<T: Wire>(bytes: &'a [u8]) -> Option<T> {
        let mut input = Self(bytes);
        let value = T::take(&mut input)?;
        input.0.is_empty().then_some(value)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(u32::take(self)?).ok()?;
        self.bytes(length)
    }
}

macro_rules! numbers {
    ($($number:ident)*) => {$(
        impl Wire for $number {
            fn put(&self, to: &mut Output) {
                to.bytes(&self.to_le_bytes());
            }
            fn take(from: &mut Input<'_>) -> Option<Self> {
                from.bytes(size_of::<Self>())?.try_into().ok().map(Self::from_le_bytes)
            }
        }
    )*};
}

numbers! { u8 u32 u64 }

impl Wire for bool {
    fn put(&self, to: &mut Output) {
        u8::from(*self).put(to);
    }
    fn take(from: &mut Input<'_>) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

fn put_counted(bytes: &[u8], to: &mut Output) {
    // What is longer than a frame is refused when the frame is written.
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).put(to);
    to.bytes(bytes);
}

impl Wire for Secret {
    fn put(&self, to: &mut Output) {
        put_counted(self.reveal(), to);
    }
    fn take(from: &mut Input<'_>) -> Option<Self> {
        from.counted().map(Self::copy_of)
    }
}

impl Wire for String {
    fn put(&self, to: &mut Output) {
        put_counted(self.as_bytes(), to);
    }
    fn take(from: &mut Input<'_>) -> Option<Self> {
        std::str::from_utf8(from.counted()?).ok().map(Self::from)
    }
}

/// Bytes that are no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Plain(pub(super) Vec<u8>);

impl Wire for Plain {
    fn put(&self, to: &mut Output) {
        put_counted(&self.0, to);
    }
    fn take(from: &mut Input<'_>) -> Option<Self> {
        from.counted().map(|bytes| Self(bytes.to_vec()))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, to: &mut Output) {
        self.is_some().put(to);
        if let Some(value) = self {
            value.put(to);
        }
    }
    fn take(from: &mut Input<'_>) -> Option<Self> {
        match bool::take(from)? {
            true => T::take(from).map(Some),
            false => Some(None),
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, to: &mut Output) {
        u32::try_from(self.len()).unwrap_or(u32::MAX).put(to);
        self.iter().for_each(|value| value.put(to));
    }
    fn take(from: &mut Input<'_>) -> Option<Self> {
        // Every value takes a byte at least, so that a count that lies ends early and nothing is set aside for it.
        let count = u32::take(from)?;
        let mut all = Self::new();
        for _ in 0..count {
            all.push(T::take(from)?);
        }
        Some(all)
    }
}

/// Declares messages: enums whose variants have a number, and structures of fields.
macro_rules! messages {
    () => {};
    ($(#[$about:meta])* enum $name:ident {
        $($(#[$doc:meta])* $number:literal = $variant:ident $({ $($(#[$more:meta])* $field:ident: $kind:ty),* $(,)? })?;)*
    } $($rest:tt)*) => {
        $(#[$about])*
        pub(super) enum $name {
            $($(#[$doc])* $variant $({ $($(#[$more])* $field: $kind),* })?,)*
        }
        impl $crate::slot::hsm::codec::Wire for $name {
            fn put(&self, to: &mut $crate::slot::hsm::codec::Output) {
                match self {
                    $(Self::$variant $({ $($field),* })? => {
                        $crate::slot::hsm::codec::Wire::put(&{ let number: u8 = $number; number }, to);
                        $($($crate::slot::hsm::codec::Wire::put($field, to);)*)?
                    })*
                }
            }
            fn take(from: &mut $crate::slot::hsm::codec::Input<'_>) -> Option<Self> {
                match <u8 as $crate::slot::hsm::codec::Wire>::take(from)? {
                    $($number => Some(Self::$variant $({
                        $($field: $crate::slot::hsm::codec::Wire::take(from)?),*
                    })?),)*
                    _ => None,
                }
            }
        }
        messages! { $($rest)* }
    };
    ($(#[$about:meta])* struct $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty;)* } $($rest:tt)*) => {
        $(#[$about])*
        pub(super) struct $name { $($(#[$doc])* pub(super) $field: $kind,)* }
        impl $crate::slot::hsm::codec::Wire for $name {
            fn put(&self, to: &mut $crate::slot::hsm::codec::Output) {
                $($crate::slot::hsm::codec::Wire::put(&self.$field, to);)*
            }
            fn take(from: &mut $crate::slot::hsm::codec::Input<'_>) -> Option<Self> {
                Some(Self { $($field: $crate::slot::hsm::codec::Wire::take(from)?,)* })
            }
        }
        messages! { $($rest)* }
    };
}

pub(super) use messages;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_short_or_goes_on_is_no_value() {
        let mut output = Output::new();
        vec![Plain(b"abc".to_vec()), Plain(Vec::new())].put(&mut output);
        let bytes = output.done();
        assert_eq!(Input::whole::<Vec<Plain>>(&bytes), Some(vec![Plain(b"abc".to_vec()), Plain(Vec::new())]));
        for length in 0..bytes.len() {
            assert_eq!(Input::whole::<Vec<Plain>>(bytes.get(..length).unwrap()), None, "{length} bytes");
        }
        assert_eq!(Input::whole::<Vec<Plain>>(&[bytes.as_slice(), &[0]].concat()), None);
    }

    #[test]
    fn a_length_that_lies_sets_nothing_aside() {
        for bytes in [&[0xff, 0xff, 0xff, 0xff][..], &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], &[2, 0, 0, 0, 1]] {
            assert!(Input::whole::<Vec<Plain>>(bytes).is_none());
            assert!(Input::whole::<Plain>(bytes).is_none());
        }
        assert!(Input::whole::<bool>(&[2]).is_none());
        assert!(Input::whole::<String>(&[1, 0, 0, 0, 0xff]).is_none());
    }
}
