#include "infra/runtime/shutdown.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* The one global of the process besides counters and the log: signals have no context. The event
 * descriptor is never read, so that it wakes everybody and stays ready. */
static atomic_bool requested;
static atomic_int event_fd = -1;

static void raise_flag(void)
{
    int fd = atomic_load(&event_fd);
    const uint64_t one = 1;
    if (fd >= 0 && write(fd, &one, sizeof(one)) < 0) {
        /* The counter is full: it is ready already. */
        return;
    }
}

/* Async-signal-safe: lock-free atomics, write and _exit only. */
static void on_signal(int number)
{
    int saved = errno;
    if (atomic_exchange(&requested, true)) {
        _exit(128 + number);
    }
    raise_flag();
    errno = saved;
}

void shutdown_init(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        abort();
    }
    atomic_store(&event_fd, fd);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigemptyset(&action.sa_mask) != 0 || sigemptyset(&ignore.sa_mask) != 0 ||
        sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0 ||
        sigaction(SIGPIPE, &ignore, NULL) != 0) {
        abort();
    }
}

bool shutdown_requested(void)
{
    return atomic_load(&requested);
}

void shutdown_request(void)
{
    atomic_store(&requested, true);
    raise_flag();
}

static int64_t monotonic_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool shutdown_wait(int64_t duration_ms)
{
    const int64_t slice_ms = 3600000; /* poll(2) counts in int */
    int64_t end_ms = monotonic_ms() + duration_ms;
    while (!shutdown_requested()) {
        int64_t left_ms = duration_ms < 0 ? slice_ms : end_ms - monotonic_ms();
        if (left_ms <= 0) {
            return false;
        }
        struct pollfd wait = {.fd = atomic_load(&event_fd), .events = POLLIN};
        if (poll(&wait, 1, (int)(left_ms < slice_ms ? left_ms : slice_ms)) < 0 && errno != EINTR) {
            abort();
        }
    }
    return true;
}
