/*
 * Preloaded into the server under test, behind shim.c. A disk of its own for the database's files: it can be full, it
 * can fail to sync, and it writes down what was written, what was synced and what was said to whom, in this order, so
 * that the files can be rebuilt as a power cut would have left them.
 *
 * The test steers it through a shared file named by DISK_CONTROL and reads DISK_TRACE; see disk.py for the same layout.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define NAME "bridge.db"
#define PATH_BYTES 512

struct control {
    uint64_t free_bytes;  /* what is left on the disk, where it is limited */
    uint32_t limited;
    uint32_t syncs_fail;  /* so many syncs from now on fail; UINT32_MAX is all of them */
    uint32_t syncs_failed;
    uint32_t refused;     /* writes for which there was no room */
};

struct record {
    uint32_t kind;  /* p: written at a place, t: cut to a size, s: synced, d: folder synced, n: bytes to a TCP peer */
    uint32_t name_bytes;
    uint32_t data_bytes;
    uint32_t peer_port;
    uint64_t place;
};

static struct control nothing;
static struct control *control = &nothing;
static int trace = -1;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_send)(int, const void *, size_t, int);
static ssize_t (*real_sendmsg)(int, const struct msghdr *, int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off64_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_ftruncate64)(int, off64_t);
static int (*real_posix_fallocate)(int, off_t, off_t);
static int (*real_posix_fallocate64)(int, off64_t, off64_t);
static int (*real_unlink)(const char *);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_statvfs)(const char *, struct statvfs *);
static int (*real_statvfs64)(const char *, struct statvfs64 *);

#define FIND(name)       \
    if (!real_##name)    \
    real_##name = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("DISK_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *shared = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (shared != MAP_FAILED)
            control = shared;
    }
    path = getenv("DISK_TRACE");
    if (path)
        trace = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
}

/* Which of the database's files a descriptor is: its name, or nothing for any other. */
static const char *name_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, PATH_BYTES - 1);
    if (size <= 0)
        return NULL;
    path[size] = 0;
    const char *name = strrchr(path, '/');
    return name && !strncmp(name + 1, NAME, strlen(NAME)) ? name + 1 : NULL;
}

static void tell(char kind, const char *name, uint64_t place, uint32_t port, const struct iovec *pieces, int count) {
    struct record record = {kind, strlen(name), 0, port, place};
    struct iovec all[34] = {{&record, sizeof record}, {(void *)name, record.name_bytes}};
    for (int i = 0; i < count && i < 32; i++) {
        all[i + 2] = pieces[i];
        record.data_bytes += pieces[i].iov_len;
    }
    FIND(writev);
    pthread_mutex_lock(&order);
    real_writev(trace, all, count + 2);
    pthread_mutex_unlock(&order);
}

static void tell_peer(int fd, const struct iovec *pieces, int count) {
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    if (trace < 0 || getpeername(fd, (struct sockaddr *)&peer, &size) || peer.sin_family != AF_INET)
        return;
    char name[16];
    snprintf(name, sizeof name, "%d", fd);
    tell('n', name, 0, ntohs(peer.sin_port), pieces, count);
}

/* Take room on the disk; tells whether there was enough. */
static int take(uint64_t bytes) {
    if (!control->limited || bytes <= control->free_bytes) {
        if (control->limited)
            control->free_bytes -= bytes;
        return 1;
    }
    control->refused++;
    errno = ENOSPC;
    return 0;
}

static uint64_t growth(int fd, uint64_t end) {
    struct stat now;
    return fstat(fd, &now) || end <= (uint64_t)now.st_size ? 0 : end - now.st_size;
}

#define SAYING(fd, data, size, call)                  \
    do {                                              \
        struct iovec piece = {(void *)(data), size};  \
        tell_peer(fd, &piece, 1);                     \
        return (call);                                \
    } while (0)

#define WRITING(fd, data, size, place, call)                   \
    do {                                                       \
        char path[PATH_BYTES];                                 \
        const char *name = name_of(fd, path);                  \
        if (name && !take(growth(fd, (place) + (size))))       \
            return -1;                                         \
        ssize_t done = (call);                                 \
        if (name && done > 0 && trace >= 0) {                  \
            struct iovec piece = {(void *)(data), done};       \
            tell('p', name, place, 0, &piece, 1);              \
        }                                                      \
        return done;                                           \
    } while (0)

#define CUTTING(fd, size, call)                            \
    do {                                                   \
        char path[PATH_BYTES];                             \
        const char *name = name_of(fd, path);              \
        struct stat before = {0};                          \
        fstat(fd, &before);                                \
        if (name && !take(growth(fd, size)))               \
            return -1;                                     \
        int done = (call);                                 \
        if (name && !done && control->limited && before.st_size > (size))  \
            control->free_bytes += before.st_size - (size);                \
        if (name && !done && trace >= 0)                   \
            tell('t', name, size, 0, NULL, 0);             \
        return done;                                       \
    } while (0)

#define SYNCING(fd, call)                                         \
    do {                                                          \
        char path[PATH_BYTES];                                    \
        struct stat what;                                         \
        const char *name = name_of(fd, path);                     \
        if (name && control->syncs_fail) {                        \
            if (control->syncs_fail != UINT32_MAX)                \
                control->syncs_fail--;                            \
            control->syncs_failed++;                              \
            errno = EIO;                                          \
            return -1;                                            \
        }                                                         \
        int done = (call);                                        \
        if (trace >= 0 && !done && name)                          \
            tell('s', name, 0, 0, NULL, 0);                       \
        if (trace >= 0 && !done && !name && !fstat(fd, &what) && S_ISDIR(what.st_mode))  \
            tell('d', "", 0, 0, NULL, 0);                         \
        return done;                                              \
    } while (0)

#define ALLOCATING(fd, place, size, call)                     \
    do {                                                      \
        char path[PATH_BYTES];                                \
        if (name_of(fd, path) && !take(growth(fd, (place) + (size))))  \
            return ENOSPC;                                    \
        return (call);                                        \
    } while (0)

#define ROOM(call, found)                                         \
    do {                                                          \
        int done = (call);                                        \
        if (!done && control->limited)                            \
            (found)->f_bavail = (found)->f_bfree = control->free_bytes / (found)->f_frsize;  \
        return done;                                              \
    } while (0)

ssize_t write(int fd, const void *data, size_t size) {
    FIND(write);
    SAYING(fd, data, size, real_write(fd, data, size));
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    FIND(writev);
    tell_peer(fd, pieces, count);
    return real_writev(fd, pieces, count);
}

ssize_t send(int fd, const void *data, size_t size, int flags) {
    FIND(send);
    SAYING(fd, data, size, real_send(fd, data, size, flags));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    FIND(sendmsg);
    tell_peer(fd, message->msg_iov, message->msg_iovlen);
    return real_sendmsg(fd, message, flags);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t place) {
    FIND(pwrite);
    WRITING(fd, data, size, place, real_pwrite(fd, data, size, place));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t place) {
    FIND(pwrite64);
    WRITING(fd, data, size, place, real_pwrite64(fd, data, size, place));
}

int ftruncate(int fd, off_t size) {
    FIND(ftruncate);
    CUTTING(fd, size, real_ftruncate(fd, size));
}

int ftruncate64(int fd, off64_t size) {
    FIND(ftruncate64);
    CUTTING(fd, size, real_ftruncate64(fd, size));
}

int posix_fallocate(int fd, off_t place, off_t size) {
    FIND(posix_fallocate);
    ALLOCATING(fd, place, size, real_posix_fallocate(fd, place, size));
}

int posix_fallocate64(int fd, off64_t place, off64_t size) {
    FIND(posix_fallocate64);
    ALLOCATING(fd, place, size, real_posix_fallocate64(fd, place, size));
}

int unlink(const char *path) {
    struct stat gone;
    const char *name = strrchr(path, '/');
    FIND(unlink);
    int known = !stat(path, &gone);
    int done = real_unlink(path);
    name = name ? name + 1 : path;
    if (!done && known && S_ISREG(gone.st_mode) && control->limited && !strncmp(name, NAME, strlen(NAME)))
        control->free_bytes += gone.st_size;
    return done;
}

int fsync(int fd) {
    FIND(fsync);
    SYNCING(fd, real_fsync(fd));
}

int fdatasync(int fd) {
    FIND(fdatasync);
    SYNCING(fd, real_fdatasync(fd));
}

int statvfs(const char *path, struct statvfs *found) {
    FIND(statvfs);
    ROOM(real_statvfs(path, found), found);
}

int statvfs64(const char *path, struct statvfs64 *found) {
    FIND(statvfs64);
    ROOM(real_statvfs64(path, found), found);
}
