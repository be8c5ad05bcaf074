/* A model of a loss of power, loaded into the program under test with LD_PRELOAD.
 *
 * A disk keeps what it was told to keep: the content of a file as it was when fsync or fdatasync was entered, and the
 * names in a folder as they were when the folder was synced. Both are copied into a shadow folder, by the file's inode
 * and time of birth (inodes are used again, births are not). What is written through O_DSYNC or O_SYNC is kept when the
 * write returns: those bytes, and no others of the file. O_DIRECT alone keeps nothing, as a disk has a cache of its own.
 * After the kill the test puts the folder together from the shadow alone. The calls themselves do nothing else: the shadow
 * is the disk. What is written through msync is not modelled and counts as lost.
 *
 * STRONGROOM_POWERLOSS_SHADOW  the shadow folder; without it the program runs as ever
 * STRONGROOM_POWERLOSS_ROOT    what sync and syncfs keep
 * STRONGROOM_POWERLOSS_BLIND   what keeps nothing: "fdatasync", "fsync" or "dsync", a write through O_DSYNC
 * STRONGROOM_POWERLOSS_FAIL    from this call of fdatasync on, counted from 1, it fails with EIO; so does from then on what
 *                              is written through O_DSYNC
 * STRONGROOM_POWERLOSS_FULL    from this byte of pwrite on, it fails with ENOSPC
 * STRONGROOM_POWERLOSS_KILL    at this call that changes or syncs something, counted from 1, the program is killed: after
 *                              half of a write, before anything else
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_LONGEST = 4096, CHUNK = 1 << 18 };

/* One sync at a time, so that an older copy never replaces a newer one. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void give_up(const char *what) {
    fprintf(stderr, "powerloss: %s: %s\n", what, strerror(errno));
    abort();
}

static int is_last(void) {
    static atomic_long calls;
    const char *last = getenv("STRONGROOM_POWERLOSS_KILL");
    return last && atomic_fetch_add(&calls, 1) + 1 == atol(last);
}

static void end_if_last(void) {
    if (is_last()) kill(getpid(), SIGKILL);
}

static void spell(char *path, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(path, PATH_LONGEST, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= PATH_LONGEST) give_up("a path is too long");
}

static int look(int folder, const char *name, struct statx *seen) {
    int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);
    return statx(folder, name, flags, STATX_BASIC_STATS | STATX_BTIME, seen);
}

static void identify(char *id, const struct statx *seen) {
    int born = (seen->stx_mask & STATX_BTIME) != 0;
    spell(id, "%llu-%lld-%u", (unsigned long long)seen->stx_ino, born ? (long long)seen->stx_btime.tv_sec : 0,
          born ? seen->stx_btime.tv_nsec : 0);
}

static void put(int to, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = syscall(SYS_write, to, bytes, length);
        if (written < 0) give_up("cannot write to the shadow");
        bytes += written;
        length -= (size_t)written;
    }
}

static void copy_file(int from, int to) {
    static char chunk[CHUNK]; /* guarded by one_at_a_time */
    char own[64];
    spell(own, "/proc/self/fd/%d", from); /* the caller's descriptor may be for writing only */
    int again = open(own, O_RDONLY | O_CLOEXEC);
    if (again < 0) give_up("cannot read what is synced");
    for (ssize_t length; (length = read(again, chunk, sizeof chunk)) != 0;) {
        if (length < 0) give_up("cannot read what is synced");
        put(to, chunk, (size_t)length);
    }
    close(again);
}

/* "id mode name" and a zero byte for each name. */
static void copy_names(int from, int to) {
    int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = again < 0 ? NULL : fdopendir(again);
    if (!names) give_up("cannot list what is synced");
    for (struct dirent *entry; (entry = readdir(names));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        struct statx seen;
        if (look(from, entry->d_name, &seen)) continue; /* removed in this very moment */
        char id[PATH_LONGEST], line[PATH_LONGEST];
        identify(id, &seen);
        spell(line, "%s %o %s", id, seen.stx_mode, entry->d_name);
        put(to, line, strlen(line) + 1);
    }
    closedir(names);
}

static void keep_locked(const char *shadow, int fd) {
    struct statx seen;
    if (look(fd, "", &seen)) give_up("cannot look at what is synced");
    int folder = S_ISDIR(seen.stx_mode);
    if (!folder && !S_ISREG(seen.stx_mode)) return;
    char id[PATH_LONGEST], fresh[PATH_LONGEST], kept[PATH_LONGEST];
    identify(id, &seen);
    spell(fresh, "%s/fresh-%d", shadow, getpid());
    spell(kept, "%s/%c%s", shadow, folder ? 'd' : 'f', id);
    int to = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to < 0) give_up("cannot write to the shadow");
    if (folder) copy_names(fd, to);
    else copy_file(fd, to);
    if (close(to) || syscall(SYS_renameat2, AT_FDCWD, fresh, AT_FDCWD, kept, 0)) give_up("cannot write to the shadow");
}

/* Keeps what was just written through, where it was. Of a file that was never synced the rest counts as noughts. */
static void keep_written(int fd, const void *bytes, size_t length, off64_t offset) {
    const char *shadow = getenv("STRONGROOM_POWERLOSS_SHADOW");
    const char *blind = getenv("STRONGROOM_POWERLOSS_BLIND");
    if (!shadow || (blind && !strcmp(blind, "dsync"))) return;
    struct statx seen;
    if (look(fd, "", &seen)) give_up("cannot look at what is written");
    if (!S_ISREG(seen.stx_mode)) return;
    char id[PATH_LONGEST], kept[PATH_LONGEST];
    identify(id, &seen);
    spell(kept, "%s/f%s", shadow, id);
    pthread_mutex_lock(&one_at_a_time);
    int to = open(kept, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (to < 0 || syscall(SYS_pwrite64, to, bytes, length, offset) != (ssize_t)length) give_up("cannot write to the shadow");
    close(to);
    pthread_mutex_unlock(&one_at_a_time);
}

static int writes_through(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_DSYNC) != 0; /* O_SYNC has this bit too */
}

static int keep(const char *call, int fd) {
    const char *shadow = getenv("STRONGROOM_POWERLOSS_SHADOW");
    const char *blind = getenv("STRONGROOM_POWERLOSS_BLIND");
    if (!shadow) return (int)syscall(strcmp(call, "fsync") ? SYS_fdatasync : SYS_fsync, fd);
    if (fcntl(fd, F_GETFD) < 0) return -1;
    if (blind && !strcmp(blind, call)) return 0;
    pthread_mutex_lock(&one_at_a_time);
    keep_locked(shadow, fd);
    pthread_mutex_unlock(&one_at_a_time);
    return 0;
}

int fsync(int fd) {
    end_if_last();
    return keep("fsync", fd);
}

static atomic_long syncs;

static int fails(long calls) {
    const char *from = getenv("STRONGROOM_POWERLOSS_FAIL");
    if (!from || calls < atol(from)) return 0;
    errno = EIO;
    return 1;
}

int fdatasync(int fd) {
    end_if_last();
    if (fails(atomic_fetch_add(&syncs, 1) + 1)) return -1;
    return keep("fdatasync", fd);
}

static void keep_all(int folder) {
    keep("syncfs", folder);
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = again < 0 ? NULL : fdopendir(again);
    if (!names) give_up("cannot list what is synced");
    for (struct dirent *entry; (entry = readdir(names));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        struct statx seen;
        if (look(folder, entry->d_name, &seen)) continue;
        if (!S_ISDIR(seen.stx_mode) && !S_ISREG(seen.stx_mode)) continue;
        int fd = openat(folder, entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) continue;
        if (S_ISDIR(seen.stx_mode)) keep_all(fd);
        else keep("syncfs", fd);
        close(fd);
    }
    closedir(names);
}

void sync(void) {
    const char *root = getenv("STRONGROOM_POWERLOSS_ROOT");
    int fd = root ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    keep_all(fd);
    close(fd);
}

int syncfs(int fd) {
    if (fcntl(fd, F_GETFD) < 0) return -1;
    sync();
    return 0;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    static atomic_long written;
    const char *from = getenv("STRONGROOM_POWERLOSS_FULL");
    if (from && atomic_fetch_add(&written, (long)length) + (long)length >= atol(from)) {
        errno = ENOSPC;
        return -1;
    }
    int through = writes_through(fd);
    if (through && fails(atomic_load(&syncs))) return -1;
    if (is_last()) {
        size_t half = through ? length / 2 / 512 * 512 : length / 2; /* past the page cache only sectors can be written */
        if (half > 0 && syscall(SYS_pwrite64, fd, bytes, half, offset) == (ssize_t)half && through)
            keep_written(fd, bytes, half, offset);
        kill(getpid(), SIGKILL);
    }
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, length, offset);
    if (done > 0 && through) keep_written(fd, bytes, (size_t)done, offset);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

ssize_t write(int fd, const void *bytes, size_t length) {
    struct stat seen;
    if (!fstat(fd, &seen) && S_ISREG(seen.st_mode) && is_last()) { /* what is said into a pipe is no step */
        syscall(SYS_write, fd, bytes, length / 2);
        kill(getpid(), SIGKILL);
    }
    ssize_t done = syscall(SYS_write, fd, bytes, length);
    if (done > 0 && writes_through(fd)) { /* the file's place has moved on by what was written, also where it appends */
        off64_t end = lseek64(fd, 0, SEEK_CUR);
        if (end >= done) keep_written(fd, bytes, (size_t)done, end - done);
    }
    return done;
}

int rename(const char *from, const char *to) {
    end_if_last();
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path) {
    end_if_last();
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int ftruncate64(int fd, off64_t length) {
    end_if_last();
    return (int)syscall(SYS_ftruncate, fd, length);
}
