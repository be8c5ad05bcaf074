//! Memory for the few keys that open all others: never swapped, never dumped, gone in a forked child, read-only once
//! written, and between two pages that nobody may touch. Where the kernel has it, it is secret memory (memfd_secret(2)), which
//! the kernel itself cannot read by way of its own mapping; elsewhere it is locked.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fmt;
use std::num::NonZeroUsize;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::slice;

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mlock, mmap, mmap_anonymous, mprotect, munmap};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::ftruncate;
use zeroize::Zeroize;

/// Why memory could not be set aside for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The process may not lock as much. Nothing was written to memory that could be swapped out.
    #[error("{bytes} bytes cannot be locked into memory; raise the limit (LimitMEMLOCK= of the unit, or `ulimit -l`)")]
    Limit {
        /// How many more were needed.
        bytes: usize,
    },
    /// The system refused.
    #[error("the system refuses {what}: {errno}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// Its answer.
        errno: Errno,
    },
}

/// Key bytes in memory of their own, wiped when dropped. Printing shows their length only.
///
/// The bytes end right before the page that nobody may touch, so that reading past them stops the process.
pub struct Locked {
    /// The first of the two untouchable pages.
    start: NonNull<c_void>,
    /// Bytes of the pages between them.
    inner: usize,
    page: usize,
    length: usize,
}

impl Locked {
    /// Sets memory aside and lets `fill` write it; it is all noughts before. Afterwards it can only be read.
    ///
    /// # Errors
    /// [`Error::Limit`] when the process may not lock so much, [`Error::System`] for anything else. `fill` has not run
    /// then.
    pub fn new(length: usize, fill: impl FnOnce(&mut [u8])) -> Result<Self, Error> {
        let page = page_size()?;
        let too_long = Error::Limit { bytes: length };
        let inner = length.max(1).checked_next_multiple_of(page).ok_or(too_long)?;
        let whole = page.checked_mul(2).and_then(|guards| guards.checked_add(inner)).ok_or(too_long)?;
        let whole = NonZeroUsize::new(whole).ok_or(too_long)?;
        // SAFETY: a new private mapping wherever the kernel likes: no memory of anybody's is touched.
        let start = unsafe {
            mmap_anonymous(None, whole, ProtFlags::PROT_NONE, MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE)
        };
        let mut locked = Self { start: start.map_err(asking("memory"))?, inner, page, length };
        if !locked.hide() {
            locked.lock()?;
        }
        fill(locked.bytes());
        locked.protect(ProtFlags::PROT_READ)?;
        Ok(locked)
    }

    /// Puts secret memory in the place of the pages; whether the kernel gives any. It is locked and never dumped by itself.
    fn hide(&self) -> bool {
        // SAFETY: asks for a new descriptor and touches no memory of ours.
        let descriptor = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
        let Ok(descriptor @ 0..) = i32::try_from(descriptor) else { return false };
        // SAFETY: the kernel has just made the descriptor for us; nobody else has it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        let (Ok(size), Some(length)) = (libc::off_t::try_from(self.inner), NonZeroUsize::new(self.inner)) else {
            return false;
        };
        if ftruncate(&descriptor, size).is_err() {
            return false;
        }
        let (keys, place) = (self.pages(), NonZeroUsize::new(self.pages().as_ptr().addr()));
        let (access, flags) =
            (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED | MapFlags::MAP_FIXED);
        // SAFETY: it takes the place of `inner` bytes of pages that are ours alone and that nobody has a reference into.
        if unsafe { mmap(place, length, access, flags, &descriptor, 0) }.is_err() {
            return false;
        }
        // A child gets none of it: the mapping is not there, where the locked one would be all noughts.
        // SAFETY: the pages are ours and mapped as long as `self` lives; this process reads the same afterwards.
        unsafe { madvise(keys, self.inner, MmapAdvise::MADV_DONTFORK) }.is_ok()
    }

    /// Locks the pages and keeps them out of dumps and children.
    fn lock(&self) -> Result<(), Error> {
        let (keys, inner) = (self.pages(), self.inner);
        let (access, flags) =
            (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE | MapFlags::MAP_FIXED);
        let (place, length) = (NonZeroUsize::new(keys.as_ptr().addr()), NonZeroUsize::new(inner));
        let length = length.ok_or(Error::Limit { bytes: inner })?;
        // SAFETY: it takes the place of `inner` bytes of pages that are ours alone and that nobody has a reference into,
        // whether or not secret memory came in between.
        unsafe { mmap_anonymous(place, length, access, flags) }.map_err(asking("memory"))?;
        // SAFETY: `keys` are `inner` bytes of pages that are ours alone and mapped as long as `self` lives.
        unsafe { mlock(keys, inner) }.map_err(|errno| match errno {
            Errno::ENOMEM | Errno::EAGAIN | Errno::EPERM => Error::Limit { bytes: inner },
            errno => Error::System { what: "locking memory", errno },
        })?;
        for advice in [MmapAdvise::MADV_DONTDUMP, MmapAdvise::MADV_WIPEONFORK] {
            // SAFETY: as above; neither advice changes what this process reads.
            unsafe { madvise(keys, inner, advice) }.map_err(asking("keeping memory out of dumps and children"))?;
        }
        Ok(())
    }

    /// The bytes themselves. Whoever calls this promises that they go no further than they must.
    pub fn reveal(&self) -> &[u8] {
        // SAFETY: the pages are mapped and readable as long as `self` lives; nobody writes while it can be borrowed.
        unsafe { slice::from_raw_parts(self.first(), self.length) }
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bytes, to write them. Only for [`new`](Self::new) and dropping, while the pages are writable.
    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: both callers made the pages writable first; `self` is borrowed mutably, so nobody reads meanwhile.
        unsafe { slice::from_raw_parts_mut(self.first(), self.length) }
    }

    /// The first page between the untouchable ones.
    fn pages(&self) -> NonNull<c_void> {
        // SAFETY: the mapping has two pages more than `inner`, so one page on is still within it.
        unsafe { self.start.byte_add(self.page) }
    }

    /// The first of the bytes, which end where the pages do.
    fn first(&self) -> *mut u8 {
        let before = self.inner.saturating_sub(self.length);
        // SAFETY: `length` is at most `inner`, so this is within the pages, or right behind them if there are no bytes.
        unsafe { self.pages().byte_add(before) }.cast().as_ptr()
    }

    fn protect(&self, protection: ProtFlags) -> Result<(), Error> {
        // SAFETY: the pages are ours; whoever holds a reference into them holds `self`, and `new` and `drop` hold none.
        unsafe { mprotect(self.pages(), self.inner, protection) }.map_err(asking("protecting memory"))
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Before it was writable nothing was written, so a failure leaves nothing to wipe.
        if self.protect(ProtFlags::PROT_READ | ProtFlags::PROT_WRITE).is_ok() {
            self.bytes().zeroize();
        }
        let whole = self.inner.saturating_add(self.page).saturating_add(self.page);
        // SAFETY: the whole mapping is ours and nobody borrows from it any more. Unmapping also unlocks.
        if let Err(errno) = unsafe { munmap(self.start, whole) } {
            log::error!("a key's memory was wiped but not given back: {errno}");
        }
    }
}

// SAFETY: the pointer is to memory that this value alone owns; it is written in `new` and `drop` only, so shared
// references on several threads only read.
unsafe impl Send for Locked {}
// SAFETY: as above.
unsafe impl Sync for Locked {}

impl fmt::Debug for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locked({} bytes)", self.length)
    }
}

/// Sees to it that this process leaves no core dump and that nobody but root may read its memory.
///
/// # Errors
/// [`Error::System`] when the system refuses; the daemon should not go on then.
pub fn no_core_dumps() -> Result<(), Error> {
    set_dumpable(false).map_err(asking("not being dumpable"))?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(asking("a core size of nought"))
}

/// Lets large pieces of memory come straight from the system and go back to it as soon as they are free, whatever was asked
/// for before.
///
/// By itself the allocator of the GNU C library takes the first large piece that is freed for a sign that more will come, and from
/// then on keeps what Argon2id and others have worked in, many times of what the daemon needs between requests. The store
/// sets aside tables that it hardly uses, too: fresh from the system, what is not touched of them is no memory at all.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    for (what, bytes) in [(libc::M_MMAP_THRESHOLD, LARGE), (libc::M_TRIM_THRESHOLD, SPARE)] {
        // SAFETY: it sets a number of the allocator's, under the allocator's own lock.
        unsafe { libc::mallopt(what, bytes) };
    }
}

/// What a piece of memory is large from: larger than almost every message, and as large as each of the store's tables.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 512 << 10;
/// What may be free at the end of an arena, so that requests which come one after the other do not fetch it each time.
#[cfg(target_env = "gnu")]
const SPARE: libc::c_int = 1 << 20;

fn page_size() -> Result<usize, Error> {
    // SAFETY: asks for a number and touches no memory of ours.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).map_err(|_| Error::System { what: "the size of a page", errno: Errno::last() })
}

fn asking(what: &'static str) -> impl FnOnce(Errno) -> Error {
    move |errno| Error::System { what, errno }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::FileExt;

    use nix::sys::signal::Signal;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, Uid, fork, geteuid, setuid};

    use super::*;

    fn key(length: usize) -> Locked {
        Locked::new(length, |bytes| bytes.fill(0xa5)).unwrap()
    }

    /// What a forked child answers, as its exit code or the signal that ended it.
    fn child(work: impl FnOnce() -> i32) -> WaitStatus {
        // SAFETY: the child only reads memory and leaves at once; it takes no lock and allocates nothing.
        match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => waitpid(child, None).unwrap(),
            ForkResult::Child => {
                let code = work();
                // SAFETY: leaves without running anything of the parent's.
                unsafe { libc::_exit(code) }
            }
        }
    }

    #[test]
    fn what_was_written_is_read_at_every_length() {
        for length in [0, 1, 31, 32, 4095, 4096, 4097, 10_000] {
            let key = key(length);
            assert_eq!(key.len(), length);
            assert_eq!(key.is_empty(), length == 0);
            assert!(key.reveal().iter().all(|byte| *byte == 0xa5), "{length}");
        }
    }

    #[test]
    fn memory_is_nought_before_it_is_filled() {
        let key = Locked::new(64, |bytes| assert!(bytes.iter().all(|byte| *byte == 0))).unwrap();
        assert_eq!(key.reveal(), [0; 64]);
    }

    #[test]
    fn printing_shows_the_length_and_nothing_else() {
        assert_eq!(format!("{:?}", key(32)), "Locked(32 bytes)");
    }

    /// The flags that the kernel has for the pages of a key.
    fn flags(key: &Locked) -> Vec<String> {
        let address = key.pages().as_ptr().addr();
        let maps = fs::read_to_string("/proc/self/smaps").unwrap();
        let start = format!("{address:x}-");
        let flags = maps.lines().skip_while(|line| !line.starts_with(&start)).find(|line| line.starts_with("VmFlags:"));
        flags.unwrap().split_whitespace().map(str::to_owned).collect()
    }

    /// A key in memory that is locked only, as on a kernel without secret memory.
    fn locked_only(length: usize) -> Locked {
        let mut key = key(length);
        key.lock().unwrap();
        key.bytes().fill(0xa5);
        key.protect(ProtFlags::PROT_READ).unwrap();
        key
    }

    #[test]
    fn the_kernel_knows_that_it_is_locked_undumpable_and_not_for_children() {
        for (name, key, gone) in [("locked", locked_only(32), "wf"), ("as the kernel has it", key(32), "")] {
            let flags = flags(&key);
            for flag in ["lo", "dd", gone].iter().filter(|flag| !flag.is_empty()) {
                assert!(flags.iter().any(|known| known == flag), "{name}: {flag} is not among {flags:?}");
            }
            assert!(flags.iter().any(|flag| flag == "wf" || flag == "dc"), "{name}: children get it: {flags:?}");
            assert!(!flags.iter().any(|flag| flag == "wr"), "{name}: it can still be written: {flags:?}");
        }
    }

    #[test]
    fn a_forked_child_finds_noughts_or_nothing() {
        for (name, key) in [("locked", locked_only(32)), ("as the kernel has it", key(32))] {
            let status = child(|| i32::from(key.reveal().iter().any(|byte| *byte != 0)));
            let gone = matches!(status, WaitStatus::Exited(_, 0) | WaitStatus::Signaled(_, Signal::SIGSEGV, _));
            assert!(gone, "{name}: {status:?}");
            assert_eq!(key.reveal(), [0xa5; 32], "{name}");
        }
    }

    #[test]
    fn secret_memory_is_used_where_the_kernel_has_it() {
        // SAFETY: asks for a new descriptor, which stays open until the test ends.
        let offered = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) } >= 0;
        let key = key(32);
        let start = format!("{:x}-", key.pages().as_ptr().addr());
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let line = maps.lines().find(|line| line.starts_with(&start)).unwrap();
        assert_eq!(line.contains("secretmem"), offered, "{line}");
    }

    #[test]
    fn secret_memory_cannot_be_read_by_whoever_traces_the_process() {
        let memory = fs::File::open("/proc/self/mem").unwrap();
        let read = |key: &Locked| {
            let mut seen = [0; 32];
            memory.read_at(&mut seen, u64::try_from(key.first().addr()).unwrap()).map(|_| seen)
        };
        assert_eq!(read(&locked_only(32)).unwrap(), [0xa5; 32], "this is how a tracer reads");
        let key = key(32);
        let start = format!("{:x}-", key.pages().as_ptr().addr());
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let secret = maps.lines().any(|line| line.starts_with(&start) && line.contains("secretmem"));
        assert_eq!(read(&key).is_err(), secret);
    }

    #[test]
    fn reading_past_the_end_stops_the_process() {
        let key = key(32);
        let status = child(|| {
            // SAFETY: it is not; that is the test. The child dies here.
            i32::from(unsafe { key.first().wrapping_add(32).read_volatile() })
        });
        assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGSEGV, _)), "{status:?}");
    }

    #[test]
    fn writing_afterwards_stops_the_process() {
        let key = key(32);
        let status = child(|| {
            // SAFETY: it is not; that is the test. The child dies here.
            unsafe { key.first().write_volatile(1) };
            0
        });
        assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGSEGV, _)), "{status:?}");
    }

    #[test]
    fn more_than_may_be_locked_is_refused_with_the_limit_to_raise() {
        let status = child(|| {
            setrlimit(Resource::RLIMIT_MEMLOCK, 0, 0).unwrap();
            // Root may lock without limit.
            if geteuid().is_root() {
                setuid(Uid::from_raw(65_534)).unwrap();
            }
            i32::from(!matches!(Locked::new(32, |_| ()), Err(Error::Limit { .. })))
        });
        assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
        assert_eq!(Locked::new(usize::MAX, |_| ()).unwrap_err(), Error::Limit { bytes: usize::MAX });
        let message = Error::Limit { bytes: 4096 }.to_string();
        assert!(message.contains("LimitMEMLOCK") && message.contains("4096"), "{message}");
    }

    #[test]
    fn a_process_can_be_kept_from_dumping() {
        let status = child(|| i32::from(no_core_dumps().is_err() || nix::sys::prctl::get_dumpable() != Ok(false)));
        assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
    }
}
