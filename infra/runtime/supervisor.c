#include "infra/runtime/supervisor.h"

#include "infra/aws/profile.h"
#include "infra/base/buffer.h"
#include "infra/base/log.h"
#include "infra/base/slice.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SEND_SECONDS      1
#define MESSAGE_MAX_BYTES (ERROR_TEXT_BYTES + 64)

/* ---- The environment ------------------------------------------------------------------------ */

/* An abstract address begins with a NUL and is as long as its name. */
MUST_CHECK static enum status read_address(const char *name, struct supervisor *supervisor,
                                           struct error *error)
{
    const size_t size = strlen(name);
    struct sockaddr_un *address = &supervisor->address;
    if ((name[0] != '/' && name[0] != '@') || size < 2 || size >= sizeof(address->sun_path)) {
        return error_set(error, STATUS_REJECTED,
                         "NOTIFY_SOCKET: must be an absolute path, or @ and a name, of at most %zu "
                         "bytes",
                         sizeof(address->sun_path) - 1);
    }
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, size);
    supervisor->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    if (name[0] == '@') {
        address->sun_path[0] = '\0';
    } else {
        supervisor->address_size++;
    }
    return STATUS_OK;
}

/* Reads the number that the variable holds; 0 when it is not there. */
MUST_CHECK static enum status read_number(char *const *environment, const char *name,
                                          int64_t *number, struct error *error)
{
    const char *text = environment_get(environment, name);
    *number = 0;
    if (text == NULL) {
        return STATUS_OK;
    }
    if (slice_to_int64(slice_from_text(text), 1, INT64_MAX, number, error) != STATUS_OK) {
        return error_wrap(error, "%s", name);
    }
    return STATUS_OK;
}

MUST_CHECK static enum status read_watchdog(char *const *environment, struct supervisor *supervisor,
                                            struct error *error)
{
    int64_t microseconds = 0;
    int64_t process = 0;
    enum status status = read_number(environment, "WATCHDOG_USEC", &microseconds, error);
    if (status == STATUS_OK) {
        status = read_number(environment, "WATCHDOG_PID", &process, error);
    }
    if (status == STATUS_OK && (process == 0 || process == (int64_t)getpid())) {
        supervisor->watchdog_ms = microseconds / 1000;
    }
    return status;
}

enum status supervisor_open(char *const *environment, struct supervisor *supervisor,
                            struct error *error)
{
    const char *name = environment_get(environment, "NOTIFY_SOCKET");
    *supervisor = (struct supervisor){.fd = -1};
    if (name == NULL) {
        return STATUS_OK;
    }
    enum status status = read_address(name, supervisor, error);
    if (status == STATUS_OK) {
        status = read_watchdog(environment, supervisor, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct timeval wait = {.tv_sec = SEND_SECONDS};
    supervisor->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (supervisor->fd < 0 ||
        setsockopt(supervisor->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0) {
        supervisor_close(supervisor);
        return error_set(error, STATUS_INTERNAL, "NOTIFY_SOCKET: no socket: error %d", errno);
    }
    return STATUS_OK;
}

void supervisor_close(struct supervisor *supervisor)
{
    if (supervisor->fd >= 0) {
        (void)close(supervisor->fd);
    }
    supervisor->fd = -1;
}

/* ---- Telling -------------------------------------------------------------------------------- */

static const char *line_of(enum supervisor_news news)
{
    switch (news) {
    case SUPERVISOR_STATUS: return "";
    case SUPERVISOR_READY: return "READY=1\n";
    case SUPERVISOR_ALIVE: return "WATCHDOG=1\n";
    case SUPERVISOR_STOPPING: return "STOPPING=1\n";
    }
    return "";
}

/* A line break in the text would be a line of its own. */
static void append_status(struct buffer *message, const char *status)
{
    buffer_append_text(message, "STATUS=");
    for (const char *byte = status; *byte != '\0'; byte++) {
        if ((unsigned char)*byte < ' ') {
            buffer_append_byte(message, ' ');
        } else {
            buffer_append_byte(message, *byte);
        }
    }
    buffer_append_byte(message, '\n');
}

static void note_result(struct supervisor *supervisor, ssize_t sent)
{
    const int code = errno;
    const bool deaf = sent < 0;
    if (deaf && !supervisor->deaf) {
        log_warning("service manager cannot be told", LOG_INT("errno", code));
    } else if (!deaf && supervisor->deaf) {
        log_info("service manager is told again", LOG_INT("errno", 0));
    }
    supervisor->deaf = deaf;
}

void supervisor_tell(struct supervisor *supervisor, enum supervisor_news news, const char *status)
{
    CLEANUP(buffer_clear) struct buffer message;
    buffer_init(&message, MESSAGE_MAX_BYTES);
    if (supervisor->fd < 0) {
        return;
    }
    buffer_append_text(&message, line_of(news));
    if (status != NULL) {
        append_status(&message, status);
    }
    ssize_t sent = -1;
    do {
        sent = sendto(supervisor->fd, message.data, message.size, MSG_NOSIGNAL,
                      (const struct sockaddr *)&supervisor->address, supervisor->address_size);
    } while (sent < 0 && errno == EINTR);
    note_result(supervisor, sent);
}
