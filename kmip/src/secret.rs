//! The one type for bytes that nobody else may see, and one for bytes that may have some of them inside.

use std::{
    cell::Cell,
    fmt, mem,
    ops::{Deref, DerefMut},
};

/// Bytes that are wiped when dropped, and cannot be printed, copied, compared or serialised by accident.
///
/// Reading them takes the word [`reveal`](Secret::reveal), which a review can search for.
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes the bytes over. Spare capacity of `bytes` is wiped before the allocation shrinks.
    pub fn new(mut bytes: Vec<u8>) -> Self {
        if bytes.capacity() == bytes.len() {
            return Self(bytes.into_boxed_slice());
        }
        let exact = Self::copy_of(&bytes);
        wipe(&mut bytes);
        exact
    }

    /// A copy of bytes that somebody else wipes.
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves. Whoever calls this promises that they go no further than they must.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// A second copy, made on purpose: each is wiped on its own.
    pub fn duplicate(&self) -> Self {
        Self::copy_of(self.reveal())
    }

    /// Whether both hold the same bytes, in time that depends on their length alone.
    pub fn same_as(&self, other: &[u8]) -> bool {
        if self.0.len() != other.len() {
            return false;
        }
        let difference = self.0.iter().zip(other).fold(0u8, |sum, (mine, theirs)| sum | (mine ^ theirs));
        std::hint::black_box(difference) == 0
    }

    /// How many bytes there are; a length is not a secret.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Bytes on their way, such as an encoded message, which may hold secrets among others: wiped when dropped.
///
/// Growing past the capacity leaves a copy behind, so whoever appends makes [`room`](Wiped::room) first.
#[derive(Default)]
pub struct Wiped(Vec<u8>);

impl Wiped {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Nothing yet, with room for so many bytes at least.
    pub fn with_room(capacity: usize) -> Self {
        let spare = if capacity <= KEPT { SPARE.try_with(Cell::take).unwrap_or_default() } else { Vec::new() };
        Self(if spare.capacity() < capacity { Vec::with_capacity(capacity) } else { spare })
    }

    /// Wipes the bytes and forgets them; the room stays.
    pub fn wipe(&mut self) {
        wipe(&mut self.0);
        self.0.clear();
    }

    /// Makes the capacity this large at least, and wipes what the bytes leave.
    pub fn room(&mut self, capacity: usize) {
        if self.0.capacity() < capacity {
            let mut larger = Vec::with_capacity(capacity);
            larger.extend_from_slice(&self.0);
            *self = Self(larger);
        }
    }
}

impl Deref for Wiped {
    type Target = Vec<u8>;
    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Wiped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wiped({} bytes)", self.0.len())
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.wipe();
        if (1..=KEPT).contains(&self.0.capacity()) {
            let spare = mem::take(&mut self.0);
            // A thread that is ending keeps nothing.
            let _ = SPARE.try_with(|place| place.set(spare));
        }
    }
}

thread_local! {
    /// What the last message of this thread stood in, wiped and empty: the next one takes it sooner than the allocator
    /// finds as much.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// No thread keeps more than this.
const KEPT: usize = 4096;

/// Overwrites the bytes at the speed of the memory. The barrier keeps the compiler from seeing that nobody looks.
fn wipe(bytes: &mut [u8]) {
    if (CHUNK..=SHORT).contains(&bytes.len()) {
        for chunk in bytes.as_chunks_mut::<CHUNK>().0 {
            *chunk = [0; CHUNK];
            zeroize::optimization_barrier(chunk);
        }
        // What is left of them, and some of what is wiped already.
        if let Some(last) = bytes.last_chunk_mut::<CHUNK>() {
            *last = [0; CHUNK];
        }
    } else {
        bytes.fill(0);
    }
    zeroize::optimization_barrier(bytes);
}

/// So many bytes are wiped with a few stores, and up to [`SHORT`] that is quicker than a call that has to find out how.
const CHUNK: usize = 64;
const SHORT: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_its_length_and_nothing_else() {
        assert_eq!(format!("{:?}", Secret::new(vec![0x41; 32])), "Secret(32 bytes)");
    }

    #[test]
    fn bytes_on_their_way_print_their_length_and_nothing_else() {
        assert_eq!(format!("{:?}", Wiped::new(vec![0x41; 32])), "Wiped(32 bytes)");
    }

    #[test]
    fn wiping_leaves_nothing() {
        for length in (0..=2 * SHORT).chain([4096, 4097]) {
            let mut bytes = vec![0x41; length + 1];
            wipe(&mut bytes[..length]);
            assert_eq!(bytes.iter().position(|&byte| byte != 0), Some(length), "of {length} bytes");
        }
    }

    #[test]
    fn what_a_message_stood_in_serves_the_next_one_and_holds_nothing_of_it() {
        let mut first = Wiped::with_room(64);
        first.extend_from_slice(&[0x41; 64]);
        let place = first.as_ptr();
        drop(first);
        let mut next = Wiped::with_room(32);
        assert_eq!((next.as_ptr(), next.len()), (place, 0));
        next.resize(64, 1);
        let large = Wiped::with_room(KEPT + 1);
        assert_eq!(large.capacity(), KEPT + 1);
        drop(large);
        assert!(SPARE.take().capacity() <= KEPT);
    }

    #[test]
    fn secrets_are_the_same_only_byte_for_byte() {
        let secret = Secret::new(vec![1, 2, 3]);
        assert!(secret.same_as(&[1, 2, 3]));
        assert!(!secret.same_as(&[1, 2, 4]));
        assert!(!secret.same_as(&[1, 2]));
        assert!(!secret.same_as(&[1, 2, 3, 0]));
    }

    #[test]
    fn spare_capacity_does_not_change_what_is_held() {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(b"key");
        assert_eq!(Secret::new(bytes).reveal(), b"key");
    }
}
