//! What a vendor's library may do, in its worker: compute, and reach what its slot's configuration names. Everything else is
//! refused by the kernel. What no such library has a reason for, another program or another process, ends the worker at once, so
//! that it is noticed.

use std::{collections::BTreeMap, io, path::Path};

use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope,
};
use nix::{
    libc,
    sys::{
        prctl,
        resource::{Resource, setrlimit},
        signal::Signal,
    },
    unistd::getpid,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

use super::message::{Bounds, Sockets};

/// Gives up what no vendor's library needs: more rights, core dumps with PINs in them, all of the machine's memory. It ends with
/// the daemon.
///
/// # Errors
/// When the kernel refuses one of it.
pub(super) fn begin() -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    prctl::set_no_new_privs()?;
    prctl::set_dumpable(false)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_AS, MOST_MEMORY, MOST_MEMORY)?;
    setrlimit(Resource::RLIMIT_NOFILE, MOST_FILES, MOST_FILES)?;
    Ok(())
}

/// Shuts this thread, and those that it starts, in. It is called before the library is loaded, and cannot be taken back.
///
/// # Errors
/// When a path that the configuration names is not there, or the kernel takes no filter. A kernel without Landlock leaves the
/// files to their owners and modes.
pub(super) fn shut(library: &str, bounds: &Bounds) -> io::Result<()> {
    files(library, bounds)?;
    calls(bounds)
}

fn files(library: &str, bounds: &Bounds) -> io::Result<()> {
    let refused = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
    let all = AccessFs::from_all(ABI::V5);
    let mut rules = Ruleset::default().handle_access(all).map_err(|error| refused(&error))?;
    if !matches!(bounds.sockets, Sockets::Any) {
        rules = rules.handle_access(AccessNet::from_all(ABI::V4)).map_err(|error| refused(&error))?;
    }
    if matches!(bounds.sockets, Sockets::None) {
        rules = rules.scope(Scope::from_all(ABI::V6)).map_err(|error| refused(&error))?;
    }
    let mut rules = rules.create().map_err(|error| refused(&error))?;
    let read = AccessFs::from_read(ABI::V5);
    let beside = Path::new(library).parent().filter(|folder| folder.is_absolute());
    // What a system has not cannot be read either.
    let common = READABLE.iter().map(Path::new).filter_map(|path| Some((PathFd::new(path).ok()?, read)));
    let devices = DEVICES.iter().filter_map(|path| Some((PathFd::new(path).ok()?, AccessFs::from_file(ABI::V5))));
    let beside = beside.into_iter().filter_map(|path| Some((PathFd::new(path).ok()?, read)));
    for (place, access) in common.chain(devices).chain(beside) {
        rules = rules.add_rule(PathBeneath::new(place, access)).map_err(|error| refused(&error))?;
    }
    for path in &bounds.paths {
        let place = PathFd::new(path).map_err(|error| refused(&error))?;
        let access = if Path::new(path).is_dir() { all } else { AccessFs::from_file(ABI::V5) };
        rules = rules.add_rule(PathBeneath::new(place, access)).map_err(|error| refused(&error))?;
    }
    rules.restrict_self().map_err(|error| refused(&error))?;
    Ok(())
}

fn calls(bounds: &Bounds) -> io::Result<()> {
    let own = u64::try_from(getpid().as_raw()).unwrap_or(0);
    let any = Vec::new;
    let mut deadly: BTreeMap<i64, Vec<SeccompRule>> = DEADLY.iter().map(|call| (*call, any())).collect();
    // The own process may be told to end; every other is none of the library's business.
    let other = || Ok::<_, io::Error>(vec![when(0, SeccompCmpOp::Ne, own)?]);
    deadly.insert(libc::SYS_kill, other()?);
    deadly.insert(libc::SYS_tgkill, other()?);
    if !bounds.processes {
        deadly.extend([(libc::SYS_execve, any()), (libc::SYS_execveat, any())]);
        #[cfg(target_arch = "x86_64")]
        deadly.extend([(libc::SYS_fork, any()), (libc::SYS_vfork, any())]);
        let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
        deadly.insert(libc::SYS_clone, vec![when(0, SeccompCmpOp::MaskedEq(thread), 0)?]);
        // Its flags stand in memory, which a filter does not see; libraries fall back to the older call.
        install(BTreeMap::from([(libc::SYS_clone3, any())]), errno(libc::ENOSYS))?;
    }
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.iter().map(|call| (*call, any())).collect();
    match bounds.sockets {
        Sockets::Any => {}
        Sockets::Local => {
            let unix = u64::from(libc::AF_UNIX.unsigned_abs());
            refused.insert(libc::SYS_socket, vec![when(0, SeccompCmpOp::Ne, unix)?]);
        }
        // What is open already goes on; that is the pipe to the daemon.
        Sockets::None => {
            refused.extend([libc::SYS_socket, libc::SYS_connect, libc::SYS_bind].map(|call| (call, any())))
        }
    }
    install(refused, errno(libc::EPERM))?;
    install(deadly, SeccompAction::KillProcess)
}

fn errno(number: i32) -> SeccompAction {
    SeccompAction::Errno(number.unsigned_abs())
}

/// A call whose argument compares so.
fn when(argument: u8, compare: SeccompCmpOp, value: u64) -> io::Result<SeccompRule> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, value);
    condition.and_then(|condition| SeccompRule::new(vec![condition])).map_err(io::Error::other)
}

/// Lets these calls end so, and all others go on.
fn install(calls: BTreeMap<i64, Vec<SeccompRule>>, end: SeccompAction) -> io::Result<()> {
    let machine = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, end, machine).map_err(io::Error::other)?;
    let program: BpfProgram = filter.try_into().map_err(io::Error::other)?;
    apply_filter(&program).map_err(io::Error::other)
}

/// What loading a library and finding names takes: programs' own folders, and no place where this daemon, its configuration or a
/// person keeps anything.
const READABLE: &[&str] = &[
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/ssl/openssl.cnf",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/group",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/localtime",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys",
    "/sys/devices/system/cpu",
];
/// Devices that hold nothing.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];

/// What reaches into other processes or changes the machine.
const DEADLY: &[i64] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_tkill,
    libc::SYS_kcmp,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_bpf,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_open_by_handle_at,
];
/// What is refused without harm: a library that asks goes another way.
const REFUSED: &[i64] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_listen,
];

/// Address space: stacks and arenas of many threads take much of it and use little.
const MOST_MEMORY: u64 = 8 << 30;
/// Open files.
const MOST_FILES: u64 = 1024;
