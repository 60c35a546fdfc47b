#include "infra/aws/credentials_source.h"
#include "infra/aws/profile.h"
#include "infra/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHAIN_MAX          8 /* profiles that assume a role with the next one */
#define PROCESS_TIMEOUT_MS 60000
#define PROCESS_MAX_BYTES  (64u << 10)

static const struct profile_section *find_profile(const struct credentials_source *source,
                                                  struct slice name)
{
    return profile_find(source->files, "profile", name);
}

bool credentials_in_profile(const struct credentials_source *source)
{
    static const char *const telling[] = {"aws_access_key_id",  "role_arn",
                                          "credential_process", "web_identity_token_file",
                                          "sso_session",        "sso_start_url"};
    const struct profile_section *section =
        find_profile(source, profile_chosen(source->environment));
    if (section == NULL) {
        return environment_get(source->environment, "AWS_PROFILE") != NULL;
    }
    for (size_t i = 0; i < ARRAY_COUNT(telling); i++) {
        if (profile_get(section, telling[i]).size > 0) {
            return true;
        }
    }
    return false;
}

static bool has_keys(const struct profile_section *section)
{
    return profile_get(section, "aws_access_key_id").size > 0;
}

static enum status fetch_keys(const struct profile_section *section, struct credentials *out,
                              struct error *error)
{
    return credentials_fill(out, profile_get(section, "aws_access_key_id"),
                            profile_get(section, "aws_secret_access_key"),
                            profile_get(section, "aws_session_token"), SLICE_NONE, error);
}

static enum status fetch_named_source(const struct credentials_source *source, struct slice name,
                                      struct credentials *out, struct error *error)
{
    if (slice_equals(name, SLICE("Environment"))) {
        return credentials_fetch_environment(source, out, error);
    }
    if (slice_equals(name, SLICE("Ec2InstanceMetadata"))) {
        return credentials_fetch_imds(source, out, error);
    }
    if (slice_equals(name, SLICE("EcsContainer"))) {
        return credentials_fetch_container(source, out, error);
    }
    return error_set(error, STATUS_REJECTED,
                     "role_arn needs source_profile, or credential_source Environment, "
                     "Ec2InstanceMetadata or EcsContainer");
}

static enum status fetch_without_role(const struct credentials_source *source,
                                      const struct profile_section *section,
                                      struct credentials *out, struct error *error)
{
    const struct slice command = profile_get(section, "credential_process");
    if (has_keys(section)) {
        return fetch_keys(section, out, error);
    }
    if (command.size > 0) {
        return credentials_fetch_process(source, arena_text(source->arena, command), out, error);
    }
    return error_set(error, STATUS_REJECTED,
                     "has neither keys, role_arn nor credential_process (SSO is not supported)");
}

static struct credentials_role role_of(const struct profile_section *section)
{
    return (struct credentials_role){.arn = profile_get(section, "role_arn"),
                                     .session_name = profile_get(section, "role_session_name"),
                                     .external_id = profile_get(section, "external_id"),
                                     .duration_seconds = profile_get(section, "duration_seconds")};
}

/* Keys of a profile that another one, or it itself, names as source come before its role. */
static bool is_base(const struct profile_section *section, bool named_as_source)
{
    return profile_get(section, "role_arn").size == 0 || (named_as_source && has_keys(section));
}

/*
 * Walks from the chosen profile down to the one that holds keys of its own, then assumes the roles
 * on the way back up. roles[i] is assumed with what roles[i + 1] gave.
 */
static enum status find_base(const struct credentials_source *source, struct slice name,
                             struct credentials_role roles[CHAIN_MAX], size_t *role_count,
                             struct credentials *out, struct error *error)
{
    for (*role_count = 0; *role_count < CHAIN_MAX;) {
        const struct profile_section *section = find_profile(source, name);
        if (section == NULL) {
            return error_set(error, STATUS_REJECTED, "there is no profile %.*s", SLICE_PRINT(name));
        }
        if (is_base(section, *role_count > 0)) {
            return fetch_without_role(source, section, out, error);
        }
        struct credentials_role *role = &roles[*role_count];
        *role = role_of(section);
        const struct slice token_file = profile_get(section, "web_identity_token_file");
        if (token_file.size > 0) {
            return credentials_fetch_web_identity(
                source, role, arena_text(source->arena, token_file), out, error);
        }
        if (profile_get(section, "mfa_serial").size > 0) {
            return error_set(error, STATUS_REJECTED, "mfa_serial needs a person");
        }
        (*role_count)++;
        name = profile_get(section, "source_profile");
        if (name.size == 0) {
            return fetch_named_source(source, profile_get(section, "credential_source"), out,
                                      error);
        }
    }
    return error_set(error, STATUS_REJECTED, "more than %d profiles in a chain", CHAIN_MAX);
}

enum status credentials_fetch_profile(const struct credentials_source *source, struct slice name,
                                      struct credentials *out, struct error *error)
{
    struct credentials_role roles[CHAIN_MAX];
    size_t role_count = 0;
    enum status status = find_base(source, name, roles, &role_count, out, error);
    while (status == STATUS_OK && role_count > 0) {
        struct credentials base = *out;
        role_count--;
        status = credentials_fetch_assume_role(source, &base, &roles[role_count], out, error);
        credentials_wipe(&base);
    }
    return status == STATUS_OK ? STATUS_OK : error_wrap(error, "profile %.*s", SLICE_PRINT(name));
}

/* Reads until the end of file; RETRY when it takes too long or is too much. */
static enum status read_all(int fd, const struct clock *clock, struct buffer *out,
                            struct error *error)
{
    const int64_t deadline_ms = clock_monotonic_ms(clock) + PROCESS_TIMEOUT_MS;
    for (;;) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        const int64_t left_ms = deadline_ms - clock_monotonic_ms(clock);
        if (left_ms <= 0 || poll(&waiting, 1, (int)left_ms) == 0) {
            return error_set(error, STATUS_RETRY, "credential_process took too long");
        }
        char chunk[4096];
        const ssize_t size = read(fd, chunk, sizeof(chunk));
        if (size == 0) {
            return STATUS_OK;
        }
        if (size > 0) {
            buffer_append(out, (struct slice){chunk, (size_t)size});
            explicit_bzero(chunk, sizeof(chunk));
        } else if (errno != EINTR) {
            return error_set(error, STATUS_RETRY, "credential_process: read failed");
        }
        if (out->overflowed) {
            return error_set(error, STATUS_RETRY, "credential_process wrote too much");
        }
    }
}

/* Its own process group, so that all it started can be ended; stdout to the pipe, the rest to
 * nowhere. */
static int spawn_shell(const struct credentials_source *source, const char *command, int output,
                       pid_t *child)
{
    char shell[] = "/bin/sh";
    char option[] = "-c";
    const size_t size = strlen(command) + 1;
    char *text = memory_new(size);
    memcpy(text, command, size);
    char *arguments[] = {shell, option, text, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    const int failure = posix_spawn(child, shell, &actions, &attributes, arguments,
                                    (char *const *)source->environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    free(text);
    return failure;
}

enum status credentials_fetch_process(const struct credentials_source *source, const char *command,
                                      struct credentials *out, struct error *error)
{
    int ends[2];
    pid_t child = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_set(error, STATUS_RETRY, "credential_process: no pipe");
    }
    const int failure = spawn_shell(source, command, ends[1], &child);
    (void)close(ends[1]);
    if (failure != 0) {
        (void)close(ends[0]);
        return error_set(error, STATUS_RETRY, "credential_process cannot be started");
    }
    CLEANUP(buffer_clear) struct buffer output;
    buffer_init(&output, PROCESS_MAX_BYTES);
    enum status status = read_all(ends[0], source->clock, &output, error);
    (void)close(ends[0]);
    if (status != STATUS_OK) {
        (void)kill(-child, SIGKILL);
    }
    int result = 0;
    while (waitpid(child, &result, 0) < 0 && errno == EINTR) {
    }
    if (status == STATUS_OK && result != 0) {
        status = error_set(error, STATUS_RETRY, "credential_process failed");
    }
    if (status == STATUS_OK && credentials_read_json(source, buffer_slice(&output), "SessionToken",
                                                     out, error) != STATUS_OK) {
        status = error_wrap(error, "credential_process");
    }
    buffer_wipe(&output);
    return status;
}
