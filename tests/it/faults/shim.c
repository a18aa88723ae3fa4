/* Stands between trapline and the system calls that reach the disk, the clock and the sockets (LD_PRELOAD).
 *
 * Writes down, in one file and in the order it happened, what was written, synced, cut, made, removed and answered, and
 * fails or delays what its control page says. Knows nothing of what is in the files. Built by shim.rs with the C compiler
 * that the build needs anyway.
 *
 * Environment: SHIM_DIR the directory whose files count, SHIM_TRACE where to write it down (absent: nowhere),
 * SHIM_CONTROL the control page, a file of 4096 bytes that the test writes to while the program runs.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What the test says; every field is written whole. shim.rs knows the places. */
struct control {
    volatile int64_t clock_offset_s;
    volatile uint64_t fail_calls;   /* a set of the bits below */
    volatile uint64_t fail_errno;
    volatile uint64_t fail_of_1000; /* how many of a thousand such calls fail */
    volatile uint64_t failed;       /* how many did, counted by us */
    volatile uint64_t sync_delay_us;
};
enum { FAIL_WRITE = 1, FAIL_SYNC = 2, FAIL_READ = 4 };

/* One line of the trace: this, then len bytes. */
struct record {
    char kind;
    char pad[3];
    uint32_t len;
    uint64_t file; /* inode, or port of the peer */
    uint64_t at;   /* offset, length, or status */
};

#define FDS 65536
static unsigned char tracked[FDS]; /* 1 a file, 2 a directory */
static struct control nothing, *control = &nothing;
static int trace = -1;
static char dir[PATH_MAX];
static size_t dir_len;

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_send)(int, const void *, size_t, int);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_pread)(int, void *, size_t, off64_t);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_close)(int);
static int (*real_ftruncate)(int, off64_t);
static int (*real_open)(const char *, int, ...), (*real_openat)(int, const char *, int, ...);
static int (*real_unlink)(const char *), (*real_rename)(const char *, const char *);
static int (*real_mkdir)(const char *, mode_t);
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_gettimeofday)(struct timeval *, void *);

__attribute__((constructor)) static void start(void) {
    static int started;
    if (started) return;
    started = 1;
    real_write = REAL(write), real_pwrite = (ssize_t (*)(int, const void *, size_t, off64_t))real("pwrite64");
    real_writev = REAL(writev), real_send = REAL(send), real_read = REAL(read);
    real_pread = (ssize_t (*)(int, void *, size_t, off64_t))real("pread64");
    real_fsync = REAL(fsync), real_fdatasync = REAL(fdatasync), real_close = REAL(close);
    real_ftruncate = (int (*)(int, off64_t))real("ftruncate64");
    real_open = (int (*)(const char *, int, ...))real("open64");
    real_openat = (int (*)(int, const char *, int, ...))real("openat64");
    real_unlink = REAL(unlink), real_rename = REAL(rename), real_mkdir = REAL(mkdir);
    real_clock_gettime = REAL(clock_gettime);
    real_gettimeofday = (int (*)(struct timeval *, void *))real("gettimeofday");
    const char *value = getenv("SHIM_DIR");
    if (value && realpath(value, dir)) dir_len = strlen(dir);
    if ((value = getenv("SHIM_TRACE"))) trace = real_open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if ((value = getenv("SHIM_CONTROL"))) {
        int fd = real_open(value, O_RDWR | O_CLOEXEC);
        void *page = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page != MAP_FAILED) control = page;
        if (fd >= 0) real_close(fd);
    }
}

static void note(char kind, uint64_t file, uint64_t at, const void *data, size_t len) {
    if (trace < 0) return;
    int kept = errno;
    struct record record = { kind, { 0 }, (uint32_t)len, file, at };
    struct iovec parts[2] = { { &record, sizeof record }, { (void *)data, len } };
    /* One call, so that records of several threads stand one after the other. */
    if (real_writev(trace, parts, 2) != (ssize_t)(sizeof record + len)) abort();
    errno = kept;
}

/* The path from SHIM_DIR, or NULL when it is not below. The index of the log is memory, not disk. */
static const char *below(const char *path, char *buffer) {
    if (!dir_len || !path) return NULL;
    if (path[0] != '/') {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here)) return NULL;
        if (snprintf(buffer, PATH_MAX, "%s/%s", here, path) >= PATH_MAX) return NULL;
    } else if (snprintf(buffer, PATH_MAX, "%s", path) >= PATH_MAX) {
        return NULL;
    }
    if (strncmp(buffer, dir, dir_len) || (buffer[dir_len] != '/' && buffer[dir_len])) return NULL;
    size_t len = strlen(buffer);
    while (len > dir_len && len > 2 && !strcmp(buffer + len - 2, "/.")) buffer[len -= 2] = 0;
    if (len > 4 && !strcmp(buffer + len - 4, "-shm")) return NULL;
    return buffer[dir_len] ? buffer + dir_len + 1 : buffer + dir_len;
}

static int fails(int fd, uint64_t call) {
    if (!(control->fail_calls & call) || fd < 0 || fd >= FDS || tracked[fd] != 1) return 0;
    static uint64_t counter;
    uint64_t n = __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED) * 2654435761u >> 7;
    if (n % 1000 >= control->fail_of_1000) return 0;
    __atomic_add_fetch(&control->failed, 1, __ATOMIC_RELAXED);
    errno = (int)control->fail_errno;
    return 1;
}

static uint64_t inode(int fd) {
    struct stat found;
    return fstat(fd, &found) ? 0 : found.st_ino;
}

static int is_file(int fd) { return fd >= 0 && fd < FDS && tracked[fd] == 1; }

static int opened(int fd, const char *path, int flags, int existed) {
    char buffer[PATH_MAX];
    const char *name;
    if (fd < 0 || fd >= FDS) return fd;
    tracked[fd] = 0;
    if (!(name = below(path, buffer))) return fd;
    struct stat found;
    if (fstat(fd, &found)) return fd;
    if (S_ISDIR(found.st_mode)) tracked[fd] = 2, note('D', found.st_ino, 0, name, strlen(name));
    if (!S_ISREG(found.st_mode)) return fd;
    tracked[fd] = 1;
    note(existed ? 'O' : 'C', found.st_ino, 0, name, strlen(name));
    if (existed && (flags & O_TRUNC)) note('T', found.st_ino, 0, NULL, 0);
    return fd;
}

static int exists(int at, const char *path) {
    struct stat found;
    return !fstatat(at, path, &found, 0);
}

#define OPEN(type, name, params, at, call)                                      \
    type name params {                                                          \
        mode_t mode = 0;                                                        \
        if (flags & (O_CREAT | O_TMPFILE)) {                                    \
            va_list rest;                                                       \
            va_start(rest, flags);                                              \
            mode = va_arg(rest, mode_t);                                        \
            va_end(rest);                                                       \
        }                                                                       \
        start();                                                                \
        int existed = exists(at, path);                                         \
        return opened(call, path, flags, existed);                              \
    }
OPEN(int, open, (const char *path, int flags, ...), AT_FDCWD, real_open(path, flags, mode))
OPEN(int, open64, (const char *path, int flags, ...), AT_FDCWD, real_open(path, flags, mode))
OPEN(int, openat, (int at, const char *path, int flags, ...), at, real_openat(at, path, flags, mode))
OPEN(int, openat64, (int at, const char *path, int flags, ...), at, real_openat(at, path, flags, mode))

int close(int fd) {
    start();
    if (fd >= 0 && fd < FDS) tracked[fd] = 0;
    return real_close(fd);
}

/* An answer counts from when its sending began: the client may have it from then on. */
static void answered(int fd, const void *data, size_t len) {
    if (trace < 0 || len < 12 || memcmp(data, "HTTP/1.1 ", 9)) return;
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    if (getpeername(fd, (struct sockaddr *)&peer, &size)) return;
    uint64_t port = ntohs(((struct sockaddr_in *)&peer)->sin_port);
    note('A', port, (uint64_t)atoi((const char *)data + 9), NULL, 0);
}

ssize_t write(int fd, const void *data, size_t len) {
    start();
    if (!is_file(fd)) {
        answered(fd, data, len);
        return real_write(fd, data, len);
    }
    if (fails(fd, FAIL_WRITE)) return -1;
    off64_t at = lseek64(fd, 0, SEEK_CUR);
    ssize_t done = real_write(fd, data, len);
    if (done > 0) note('W', inode(fd), (uint64_t)at, data, (size_t)done);
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at) {
    start();
    if (!is_file(fd)) return real_pwrite(fd, data, len, at);
    if (fails(fd, FAIL_WRITE)) return -1;
    ssize_t done = real_pwrite(fd, data, len, at);
    if (done > 0) note('W', inode(fd), (uint64_t)at, data, (size_t)done);
    return done;
}
ssize_t pwrite(int fd, const void *data, size_t len, off_t at) { return pwrite64(fd, data, len, at); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    start();
    if (count > 0 && !is_file(fd)) answered(fd, parts[0].iov_base, parts[0].iov_len);
    /* Nothing of ours writes files so; if it did, the trace would lack it without a word. */
    if (is_file(fd)) abort();
    return real_writev(fd, parts, count);
}

ssize_t send(int fd, const void *data, size_t len, int flags) {
    start();
    answered(fd, data, len);
    return real_send(fd, data, len, flags);
}

ssize_t read(int fd, void *data, size_t len) {
    start();
    return fails(fd, FAIL_READ) ? -1 : real_read(fd, data, len);
}
ssize_t pread64(int fd, void *data, size_t len, off64_t at) {
    start();
    return fails(fd, FAIL_READ) ? -1 : real_pread(fd, data, len, at);
}
ssize_t pread(int fd, void *data, size_t len, off_t at) { return pread64(fd, data, len, at); }

static int sync_with(int (*call)(int), int fd) {
    if (fd < 0 || fd >= FDS || !tracked[fd]) return call(fd);
    uint64_t file = inode(fd);
    if (control->sync_delay_us) usleep((useconds_t)control->sync_delay_us);
    /* After a failure the kernel calls the pages clean: what was not synced may never be. */
    if (fails(fd, FAIL_SYNC)) return -1;
    note('B', file, 0, NULL, 0);
    int result = call(fd);
    if (!result) note('S', file, 0, NULL, 0);
    return result;
}
int fsync(int fd) { start(); return sync_with(real_fsync, fd); }
int fdatasync(int fd) { start(); return sync_with(real_fdatasync, fd); }

int ftruncate64(int fd, off64_t len) {
    start();
    if (fails(fd, FAIL_WRITE)) return -1;
    int result = real_ftruncate(fd, len);
    if (!result && is_file(fd)) note('T', inode(fd), (uint64_t)len, NULL, 0);
    return result;
}
int ftruncate(int fd, off_t len) { return ftruncate64(fd, len); }

int unlink(const char *path) {
    start();
    char buffer[PATH_MAX];
    const char *name = below(path, buffer);
    int result = real_unlink(path);
    if (!result && name) note('U', 0, 0, name, strlen(name));
    return result;
}

int mkdir(const char *path, mode_t mode) {
    start();
    char buffer[PATH_MAX];
    const char *name = below(path, buffer);
    int result = real_mkdir(path, mode);
    if (!result && name) note('M', 0, 0, name, strlen(name));
    return result;
}

int rename(const char *from, const char *to) {
    start();
    char buffer[PATH_MAX], pair[2 * PATH_MAX];
    const char *name = below(from, buffer);
    size_t len = 0;
    if (name) len = (size_t)snprintf(pair, sizeof pair, "%s\n", name);
    name = below(to, buffer);
    if (name) len += (size_t)snprintf(pair + len, sizeof pair - len, "%s", name);
    int result = real_rename(from, to);
    if (!result && name) note('R', 0, 0, pair, len);
    return result;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    start();
    int result = real_clock_gettime(clock, time);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += control->clock_offset_s;
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    start();
    int result = real_gettimeofday(time, zone);
    if (!result) time->tv_sec += control->clock_offset_s;
    return result;
}
