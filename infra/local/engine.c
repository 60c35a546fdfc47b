#include "infra/local/engine.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define ERROR_MAX_BYTES (32UL * 1024)

void engine_cancel_init(struct engine_cancel *cancel)
{
    atomic_init(&cancel->requested, false);
    cancel->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void engine_cancel_clear(struct engine_cancel *cancel)
{
    if (cancel->event_fd >= 0) {
        close(cancel->event_fd);
        cancel->event_fd = -1;
    }
}

void engine_cancel_request(struct engine_cancel *cancel)
{
    atomic_store(&cancel->requested, true);
    if (cancel->event_fd >= 0) {
        /* Fails only when the counter is full, and then it is readable already. */
        (void)eventfd_write(cancel->event_fd, 1);
    }
}

bool engine_cancel_requested(const struct engine_cancel *cancel)
{
    return cancel && atomic_load(&cancel->requested);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void engine_cancel_wait(const struct engine_cancel *cancel, int64_t duration_ms)
{
    /* Without a descriptor poll() ignores the entry and sleeps in slices short enough to look. */
    struct pollfd entry = {.fd = cancel ? cancel->event_fd : -1, .events = POLLIN};
    int64_t slice_ms = cancel && cancel->event_fd < 0 ? 20 : 60000;
    int64_t end_ms = now_ms() + duration_ms;
    for (;;) {
        int64_t left_ms = end_ms - now_ms();
        if (left_ms <= 0 || engine_cancel_requested(cancel)) {
            return;
        }
        poll(&entry, 1, (int)(left_ms < slice_ms ? left_ms : slice_ms));
    }
}

void engine_outcome_init(struct engine_outcome *outcome)
{
    *outcome = (struct engine_outcome){0};
    local_result_init(&outcome->result);
    buffer_init(&outcome->error, ERROR_MAX_BYTES);
}

void engine_outcome_clear(struct engine_outcome *outcome)
{
    local_result_clear(&outcome->result);
    buffer_clear(&outcome->error);
}

enum engine_end engine_outcome_fail(struct engine_outcome *outcome, const char *text)
{
    struct slice message = slice_cut_utf8(slice_from_text(text), ERROR_MAX_BYTES - 16);
    buffer_reset(&outcome->error);
    buffer_append_text(&outcome->error, "ERROR: ");
    buffer_append(&outcome->error, message);
    return ENGINE_FAILED;
}

const struct engine_functions *engine_find(const char *url)
{
    if (strncmp(url, "sqlite:", strlen("sqlite:")) == 0) {
        return &engine_sqlite;
    }
    if (strncmp(url, "postgresql://", strlen("postgresql://")) == 0 ||
        strncmp(url, "postgres://", strlen("postgres://")) == 0) {
        return &engine_postgres;
    }
    return NULL;
}
