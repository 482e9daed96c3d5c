/*
 * Preloaded into the server under test. Counts the moments at which the world outside can tell a difference (a commit
 * begins to be written, it is made durable, it is asked of PostgreSQL, bytes go to a TCP peer) and ends the process by SIGKILL at the chosen one.
 * It also sets the wall clock, and lets time pass by it and the boot clock alike, so that a quiet period of minutes
 * does not have to be waited for.
 *
 * The test steers it through a shared file named by KILL_CONTROL; see moments.py for the same layout.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define LOG_BYTES 4000

struct control {
    uint32_t armed;
    uint32_t kill_at;       /* the moment at which to die, from 1; 0 is never */
    uint32_t count;         /* moments that have passed since arming */
    uint32_t kinds;         /* which kinds of moments count, one bit each */
    uint32_t committing;    /* the log has been written to since the last sync */
    int32_t ahead_seconds;  /* how far the wall clock is ahead */
    int32_t passed_seconds; /* how far the boot clock is ahead */
    char log[LOG_BYTES];
};

static struct control nothing;
static struct control *control = &nothing;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_send)(int, const void *, size_t, int);
static ssize_t (*real_sendto)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
static ssize_t (*real_sendmsg)(int, const struct msghdr *, int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off64_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_clock_gettime)(clockid_t, struct timespec *);

/* A library loaded before this one may write before its constructor runs, so each function is found when first used. */
#define FIND(name)       \
    if (!real_##name)    \
    real_##name = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("KILL_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *shared = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared != MAP_FAILED)
        control = shared;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test run that is killed leaves no server behind */
}

static void moment(char kind) {
    static const char kinds[] = "wWsSnNcC";
    if (!__atomic_load_n(&control->armed, __ATOMIC_SEQ_CST))
        return;
    if (!(control->kinds & (1u << (strchr(kinds, kind) - kinds))))
        return;
    uint32_t place = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
    if (place <= LOG_BYTES)
        control->log[place - 1] = kind;
    if (place == control->kill_at) {
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
}

static int is_peer(int fd) {
    int domain = 0;
    socklen_t size = sizeof domain;
    if (!control->armed || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size))
        return 0;
    return domain == AF_INET || domain == AF_INET6;
}

static int begins_commit(int fd) {
    char link[64], path[512];
    if (!control->armed || control->committing)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 4 || memcmp(path + size - 4, "-wal", 4))
        return 0;
    control->committing = 1;
    return 1;
}

/* PostgreSQL is reached through a socket in the file system, and asked for a commit by its name. */
static int is_commit(int fd, const void *data, size_t size) {
    int domain = 0;
    socklen_t domain_size = sizeof domain;
    return control->armed && !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) && domain == AF_UNIX &&
           memmem(data, size, "COMMIT", 6);
}

#define SENDING(fd, data, size, call)                \
    do {                                             \
        int peer = is_peer(fd);                      \
        int commit = is_commit(fd, data, size);      \
        if (peer || commit)                          \
            moment(peer ? 'n' : 'c');                \
        ssize_t done = (call);                       \
        if ((peer || commit) && done >= 0)           \
            moment(peer ? 'N' : 'C');                \
        return done;                                 \
    } while (0)

#define WRITING(fd, call)               \
    do {                                \
        int first = begins_commit(fd);  \
        if (first)                      \
            moment('w');                \
        ssize_t done = (call);          \
        if (first)                      \
            moment('W');                \
        return done;                    \
    } while (0)

#define SYNCING(call)             \
    do {                          \
        moment('s');              \
        int done = (call);        \
        control->committing = 0;  \
        moment('S');              \
        return done;              \
    } while (0)

ssize_t write(int fd, const void *data, size_t size) {
    FIND(write);
    SENDING(fd, data, size, real_write(fd, data, size));
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    FIND(writev);
    SENDING(fd, "", 0, real_writev(fd, pieces, count));
}

ssize_t send(int fd, const void *data, size_t size, int flags) {
    FIND(send);
    SENDING(fd, data, size, real_send(fd, data, size, flags));
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t to_size) {
    FIND(sendto);
    SENDING(fd, data, size, real_sendto(fd, data, size, flags, to, to_size));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    FIND(sendmsg);
    SENDING(fd, "", 0, real_sendmsg(fd, message, flags));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t place) {
    FIND(pwrite);
    WRITING(fd, real_pwrite(fd, data, size, place));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t place) {
    FIND(pwrite64);
    WRITING(fd, real_pwrite64(fd, data, size, place));
}

int fsync(int fd) {
    FIND(fsync);
    SYNCING(real_fsync(fd));
}

int fdatasync(int fd) {
    FIND(fdatasync);
    SYNCING(real_fdatasync(fd));
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    FIND(clock_gettime);
    int done = real_clock_gettime(clock, at);
    if (!done && clock == CLOCK_REALTIME)
        at->tv_sec += control->ahead_seconds;
    if (!done && clock == CLOCK_BOOTTIME)
        at->tv_sec += control->passed_seconds;
    return done;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *kept) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (kept)
        *kept = now.tv_sec;
    return now.tv_sec;
}
