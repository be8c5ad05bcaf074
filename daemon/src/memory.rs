//! Memory for the few secrets that outlive a request: locked, undumpable, gone in a forked child, between guard pages.
#![allow(unsafe_code)]

use std::{ffi::c_void, fmt, io, num::NonZeroUsize, ptr::NonNull};

use nix::sys::{
    mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mlock, mmap_anonymous, mprotect, munmap},
    resource::{Resource, setrlimit},
};
use zeroize::Zeroize;

/// A secret in memory of its own: never swapped, never in a core dump, wiped in a forked child and when dropped.
pub struct Locked {
    /// The first guard page, where the mapping begins.
    start: NonNull<c_void>,
    /// Bytes of the whole mapping, guard pages included.
    mapped: NonZeroUsize,
    /// Where the secret begins.
    place: NonNull<u8>,
    length: usize,
}

/// Why a secret could not be held.
#[derive(Debug, thiserror::Error)]
#[error("memory for a key could not be locked: {0}; raise LimitMEMLOCK (ulimit -l)")]
pub struct Refused(#[from] io::Error);

impl Locked {
    /// Room for `length` bytes, which `fill` fills in place.
    ///
    /// # Errors
    /// [`Refused`] when the system does not let so much memory be locked.
    pub fn new(length: usize, fill: impl FnOnce(&mut [u8])) -> Result<Self, Refused> {
        let room = length.max(1).next_multiple_of(PAGE);
        let mapped = NonZeroUsize::new(room.saturating_add(2 * PAGE)).ok_or_else(|| io::Error::other("no room"))?;
        // SAFETY: an anonymous mapping at an address of the kernel's choice overlaps nothing of ours.
        let start = unsafe {
            mmap_anonymous(None, mapped, ProtFlags::PROT_NONE, MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE)
        }
        .map_err(io::Error::from)?;
        // SAFETY: the mapping has two pages more than the room, so the room begins one page in.
        let inside = unsafe { start.byte_add(PAGE) };
        let mut held = Self { start, mapped, place: inside.cast(), length };
        held.arrange(inside, room)?;
        fill(held.bytes_mut());
        Ok(held)
    }

    /// The secret. Whoever calls this promises that it goes no further than it must.
    pub fn reveal(&self) -> &[u8] {
        // SAFETY: `place` points at `length` bytes that this value owns, readable since `arrange` succeeded.
        unsafe { std::slice::from_raw_parts(self.place.as_ptr(), self.length) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `reveal`, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.place.as_ptr(), self.length) }
    }

    /// Opens the room between the guard pages and tells the kernel how to treat it.
    fn arrange(&mut self, inside: NonNull<c_void>, room: usize) -> Result<(), Refused> {
        // SAFETY: `inside` and `room` name whole pages of this value's own mapping.
        unsafe { mprotect(inside, room, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE) }.map_err(io::Error::from)?;
        // SAFETY: as above.
        unsafe { mlock(inside, room) }.map_err(io::Error::from)?;
        for advice in [MmapAdvise::MADV_DONTDUMP, MmapAdvise::MADV_WIPEONFORK] {
            // SAFETY: as above; neither advice changes what this process reads.
            unsafe { madvise(inside, room, advice) }.map_err(io::Error::from)?;
        }
        Ok(())
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        // SAFETY: the mapping is this value's own, and nobody has it after this.
        if unsafe { munmap(self.start, self.mapped.get()) }.is_err() {
            log::error!("memory of a key could not be given back; it was wiped");
        }
    }
}

// SAFETY: the mapping is owned by this value alone and is only written through `&mut self`.
unsafe impl Send for Locked {}
// SAFETY: as above.
unsafe impl Sync for Locked {}

impl fmt::Debug for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locked({} bytes)", self.length)
    }
}

/// Makes sure that nothing of this process is ever written to a core file or read by a debugger of another user's.
///
/// # Errors
/// What the system says.
pub fn no_core_dumps() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    nix::sys::prctl::set_dumpable(false)?;
    Ok(())
}

/// The page size of every machine this runs on; a larger one only makes the guard larger.
const PAGE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_read_back_and_not_printed() {
        let locked = Locked::new(32, |bytes| bytes.fill(0x41)).unwrap();
        assert_eq!(locked.reveal(), [0x41; 32]);
        assert_eq!(format!("{locked:?}"), "Locked(32 bytes)");
    }

    #[test]
    fn the_kernel_holds_it_locked_undumpable_and_wiped_on_fork() {
        let locked = Locked::new(32, |bytes| bytes.fill(1)).unwrap();
        let address = format!("{:x}-", locked.place.as_ptr() as usize);
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mine = maps.split_once(&address).unwrap().1;
        let flags = mine.lines().find(|line| line.starts_with("VmFlags:")).unwrap();
        for flag in [" lo", " dd", " wf"] {
            assert!(flags.contains(flag), "{flag} is not in {flags}");
        }
    }

    #[test]
    fn an_empty_secret_is_held_too() {
        assert_eq!(Locked::new(0, |_| {}).unwrap().reveal(), b"");
    }
}
