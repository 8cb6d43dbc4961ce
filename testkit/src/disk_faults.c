/* A disk that misbehaves on demand: preloaded into a server, it stands between the program and write, fsync and
 * friends. What it does is read from a file that is mapped into this process and into the test, so a test switches
 * behaviour while the server runs. The layout is that of disk_faults.rs. Only regular files whose path contains
 * "appendonlydir" are touched; logs, sockets and pipes never are.
 *
 * It also notes for each file how many bytes have really been synced and not been written over since, so that a test can cut
 * the files back to that length after a kill: what a power loss would have left.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FILES 512

struct control {
    _Atomic int64_t sync_delay_us;   /* added to each fsync and fdatasync */
    _Atomic int64_t sync_errno;      /* what a failing sync fails with */
    _Atomic int64_t sync_failures;   /* how many syncs still fail; -1 is for ever */
    _Atomic int64_t write_errno;     /* what a failing write fails with */
    _Atomic int64_t write_failures;  /* how many writes still fail; -1 is for ever */
    _Atomic int64_t write_max_bytes; /* a write takes at most so many bytes; 0 is no limit */
    _Atomic int64_t truncate_errno;  /* 0: truncation works */
    _Atomic int64_t space_left;      /* bytes until ENOSPC (after a short write); -1 is no limit */
    _Atomic int64_t syncs;           /* counters, for the test to see that it tested something */
    _Atomic int64_t writes;
    _Atomic int64_t faults;
    struct { _Atomic uint64_t inode; _Atomic int64_t synced; } file[FILES];
};

static struct control off = {.space_left = -1};
static struct control *control = &off;

__attribute__((constructor)) static void attach(void) {
    const char *path = getenv("GRAVEN_DISK_FAULTS");
    if (!path) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *map = mmap(0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED) control = map;
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int ours(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return path[0] == '/' && strstr(path, "appendonlydir") != 0;
}

/* Takes one from a count of failures to come. */
static int due(_Atomic int64_t *failures) {
    int64_t n = *failures;
    while (n > 0)
        if (__atomic_compare_exchange_n((int64_t *)failures, &n, n - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return 1;
    return n < 0;
}

static int fail(int error) {
    control->faults++;
    errno = error;
    return -1;
}

/* The file's place in the table; -1 if that is full. */
static int slot_of(int fd, int64_t *size) {
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return -1;
    *size = st.st_size;
    for (int i = 0; i < FILES; i++) {
        uint64_t free_slot = 0;
        if (control->file[i].inode == st.st_ino ||
            __atomic_compare_exchange_n((uint64_t *)&control->file[i].inode, &free_slot, st.st_ino, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) ||
            free_slot == st.st_ino)
            return i;
    }
    return -1;
}

/* A sync under way: what was written since it began is not covered by it, though the file may have been as long before. */
struct sync { int slot; int64_t covers; struct sync *next; };
static struct sync *under_way;
static pthread_mutex_t noting = PTHREAD_MUTEX_INITIALIZER;

/* From here on the file is, or will be, something else than what was synced. */
static void note_change(int fd, int64_t offset) {
    int64_t size;
    int slot = slot_of(fd, &size);
    if (slot < 0) return;
    pthread_mutex_lock(&noting);
    if (control->file[slot].synced > offset) control->file[slot].synced = offset;
    for (struct sync *sync = under_way; sync; sync = sync->next)
        if (sync->slot == slot && sync->covers > offset) sync->covers = offset;
    pthread_mutex_unlock(&noting);
}

static int synced(int fd, int (*real)(int)) {
    if (!ours(fd)) return real(fd);
    struct sync sync = {0};
    sync.slot = slot_of(fd, &sync.covers);
    pthread_mutex_lock(&noting);
    sync.next = under_way;
    under_way = &sync;
    pthread_mutex_unlock(&noting);
    control->syncs++;
    int64_t us = control->sync_delay_us;
    if (us > 0) {
        struct timespec wait = {us / 1000000, us % 1000000 * 1000};
        nanosleep(&wait, 0);
    }
    int result = due(&control->sync_failures) ? fail((int)control->sync_errno) : real(fd);
    int error = errno;
    pthread_mutex_lock(&noting);
    for (struct sync **at = &under_way; *at; at = &(*at)->next)
        if (*at == &sync) { *at = sync.next; break; }
    if (result == 0 && sync.slot >= 0 && control->file[sync.slot].synced < sync.covers) control->file[sync.slot].synced = sync.covers;
    pthread_mutex_unlock(&noting);
    errno = error;
    return result;
}

int fsync(int fd) { REAL(int, "fsync", int); return synced(fd, real); }
int fdatasync(int fd) { REAL(int, "fdatasync", int); return synced(fd, real); }

static int truncated(int fd, off_t size, int (*real)(int, off_t)) {
    if (!ours(fd)) return real(fd, size);
    if (control->truncate_errno) return fail((int)control->truncate_errno);
    note_change(fd, size);
    return real(fd, size);
}

int ftruncate(int fd, off_t size) { REAL(int, "ftruncate", int, off_t); return truncated(fd, size, real); }
int ftruncate64(int fd, off_t size) { REAL(int, "ftruncate64", int, off_t); return truncated(fd, size, real); }

static int write_faults(void) {
    return control->write_failures != 0 || control->write_max_bytes > 0 || control->space_left >= 0;
}

/* How many of these bytes the disk takes now; -1 with errno if it takes none. */
static int64_t admitted(int fd, size_t asked) {
    (void)fd;
    if (due(&control->write_failures)) return fail((int)control->write_errno);
    int64_t n = (int64_t)asked, most = control->write_max_bytes, left = control->space_left;
    if (most > 0 && n > most) { n = most; control->faults++; }
    if (left >= 0) {
        if (left == 0 && n > 0) return fail(ENOSPC);
        if (n > left) { n = left; control->faults++; }
        control->space_left -= n;
    }
    return n;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(ssize_t, "write", int, const void *, size_t);
    if (!write_faults() || !ours(fd)) return real(fd, bytes, count);
    control->writes++;
    int64_t n = admitted(fd, count);
    return n < 0 ? -1 : real(fd, bytes, (size_t)n);
}

static ssize_t one_by_one(int fd, const struct iovec *parts, int count, off_t offset, int positioned) {
    size_t total = 0;
    for (int i = 0; i < count; i++) total += parts[i].iov_len;
    control->writes++;
    int64_t n = admitted(fd, total);
    if (n < 0) return -1;
    char *joined = malloc((size_t)n + 1);
    if (!joined) return fail(ENOMEM);
    size_t filled = 0;
    for (int i = 0; i < count && filled < (size_t)n; i++) {
        size_t take = parts[i].iov_len;
        if (take > (size_t)n - filled) take = (size_t)n - filled;
        memcpy(joined + filled, parts[i].iov_base, take);
        filled += take;
    }
    static ssize_t (*real_write)(int, const void *, size_t);
    static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
    if (!real_write) real_write = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (!real_pwrite) real_pwrite = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    ssize_t result = positioned ? real_pwrite(fd, joined, filled, offset) : real_write(fd, joined, filled);
    int error = errno;
    free(joined);
    errno = error;
    return result;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    if (!write_faults() || !ours(fd)) return real(fd, parts, count);
    return one_by_one(fd, parts, count, 0, 0);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    if (!ours(fd)) return real(fd, bytes, count, offset);
    note_change(fd, offset);
    if (!write_faults()) return real(fd, bytes, count, offset);
    control->writes++;
    int64_t n = admitted(fd, count);
    return n < 0 ? -1 : real(fd, bytes, (size_t)n, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    return pwrite(fd, bytes, count, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
    if (!ours(fd)) return real(fd, parts, count, offset);
    note_change(fd, offset);
    return write_faults() ? one_by_one(fd, parts, count, offset, 1) : real(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    return pwritev(fd, parts, count, offset);
}
