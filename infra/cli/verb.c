#include "infra/cli/verb.h"

#include "invoker/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VERB_ARENA_BYTES (512u << 20)

/* ---- Start and end -------------------------------------------------------------------------- */

int verb_open(struct verb *verb, const struct flag *flags, size_t flag_count)
{
    struct error error = ERROR_NONE;
    verb->arena = arena_new(VERB_ARENA_BYTES);
    enum status status =
        remote_open(&verb->count, verb->arguments, verb->directly, &verb->remote, &error);
    if (status == STATUS_OK) {
        status = flags_parse(flags, flag_count, &verb->count, verb->arguments, &error);
    }
    if (status != STATUS_OK) {
        return verb_fail(verb, EXIT_USAGE, "%s", error.text);
    }
    if (verb->count < verb->operands_min || verb->count > verb->operands_max) {
        return verb_fail(verb, EXIT_USAGE, "%s; see ringback help %s",
                         verb->count < verb->operands_min ? "an argument is missing"
                                                          : "too many arguments",
                         verb->name);
    }
    return EXIT_FINISHED;
}

void verb_close(struct verb *verb)
{
    if (verb->arena != NULL) {
        remote_close(&verb->remote);
        arena_free(verb->arena);
        verb->arena = NULL;
    }
}

/* ---- What is said --------------------------------------------------------------------------- */

int verb_fail(const struct verb *verb, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "ringback %s: ", verb->name);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    return status;
}

int verb_fail_away(const struct verb *verb, const struct error *error)
{
    return verb_fail(verb, error->status == STATUS_REJECTED ? EXIT_USAGE : EXIT_UNREACHABLE, "%s",
                     error->text);
}

void verb_print(struct slice line)
{
    (void)fwrite(line.data, 1, line.size, stdout);
    (void)fputc('\n', stdout);
}

struct slice verb_text(struct json object, const char *name)
{
    struct slice text = SLICE_NONE;
    return json_find_text(object, name, 0, &text, NULL) == STATUS_OK ? text : SLICE_NONE;
}

int64_t verb_int64(struct json object, const char *name, int64_t otherwise)
{
    int64_t number = otherwise;
    return json_find_int64(object, name, -1, INT64_MAX, &number, NULL) == STATUS_OK ? number
                                                                                    : otherwise;
}

bool verb_bool(struct json object, const char *name)
{
    bool flag = false;
    return json_find_bool(object, name, &flag, NULL) == STATUS_OK && flag;
}

int verb_exit_of_outcome(struct slice outcome)
{
    static const struct {
        const char *name;
        int status;
    } statuses[] = {
        {"FINISHED", EXIT_FINISHED}, {"FAILED", EXIT_FAILED},   {"ABORTED", EXIT_ABORTED},
        {"TIMED_OUT", EXIT_UNKNOWN}, {"EXPIRED", EXIT_UNKNOWN}, {"REJECTED", EXIT_REJECTED},
    };
    for (size_t i = 0; i < ARRAY_COUNT(statuses); i++) {
        if (slice_equals_text(outcome, statuses[i].name)) {
            return statuses[i].status;
        }
    }
    return EXIT_UNKNOWN;
}

void verb_put(FILE *out, struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char byte = (unsigned char)text.data[i];
        const unsigned char next = i + 1 < text.size ? (unsigned char)text.data[i + 1] : 0;
        const bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
        const bool control_of_two = byte == 0xc2 && next >= 0x80 && next < 0xa0; /* C1 */
        (void)fputc(control || control_of_two ? '?' : byte, out);
        i += control_of_two;
    }
}

int verb_tell_outcome(struct slice outcome, struct slice text)
{
    const int status = verb_exit_of_outcome(outcome);
    if (status != EXIT_FINISHED) {
        (void)fflush(stdout);
        verb_put(stderr, outcome);
        (void)fputs(text.size > 0 ? ": " : "", stderr);
        verb_put(stderr, text);
        (void)fputc('\n', stderr);
    }
    return status;
}

/* ---- Calls ---------------------------------------------------------------------------------- */

int verb_try_call(struct verb *verb, struct remote_call *call, struct json *document,
                  struct error *problem)
{
    enum status status = remote_send(&verb->remote, verb->arena, call, problem);
    if (status != STATUS_OK) {
        return status == STATUS_REJECTED ? EXIT_USAGE : EXIT_UNREACHABLE;
    }
    if (json_parse(verb->arena, call->reply, document, NULL) != STATUS_OK ||
        json_kind(*document) != JSON_OBJECT) {
        error_set(problem, STATUS_INTERNAL, "the answer is not ringback's (HTTP %d)", call->code);
        return EXIT_UNREACHABLE;
    }
    if (call->code >= 200 && call->code < 300) {
        return EXIT_FINISHED;
    }
    error_set(problem, STATUS_RETRY, "%.*s: %.*s", SLICE_PRINT(verb_text(*document, "errorType")),
              SLICE_PRINT(verb_text(*document, "errorMessage")));
    return call->code < 500 ? EXIT_REJECTED : EXIT_UNREACHABLE;
}

int verb_call(struct verb *verb, struct remote_call *call, struct json *document)
{
    struct error problem = ERROR_NONE;
    int status = verb_try_call(verb, call, document, &problem);
    if (status != EXIT_FINISHED && problem.status == STATUS_RETRY && call->code > 0) {
        (void)fprintf(stderr, "%s\n", problem.text);
    } else if (status != EXIT_FINISHED) {
        verb_fail(verb, status, "%s", problem.text);
    }
    return status;
}

const char *verb_target(struct verb *verb, const char *id, const char *tail)
{
    return invocation_id_valid(slice_from_text(id))
               ? arena_format(verb->arena, "/invocations/%s%s", id, tail)
               : NULL;
}

/* ---- Input ---------------------------------------------------------------------------------- */

MUST_CHECK static enum status read_stream(struct arena *arena, FILE *file, const char *name,
                                          struct slice *text, struct error *error)
{
    CLEANUP(buffer_clear) struct buffer bytes;
    char block[65536];
    size_t size = 0;
    buffer_init(&bytes, REQUEST_MAX_BYTES);
    while ((size = fread(block, 1, sizeof(block), file)) > 0 && !bytes.overflowed) {
        buffer_append(&bytes, (struct slice){block, size});
    }
    if (ferror(file)) {
        return error_set(error, STATUS_REJECTED, "%s: %s", name, strerrordesc_np(errno));
    }
    if (bytes.overflowed) {
        return error_set(error, STATUS_REJECTED, "%s: must be at most %u bytes", name,
                         REQUEST_MAX_BYTES);
    }
    *text = arena_copy(arena, buffer_slice(&bytes));
    return STATUS_OK;
}

enum status verb_read_input(struct arena *arena, const char *argument, struct slice *text,
                            struct error *error)
{
    if (strcmp(argument, "-") == 0) {
        return read_stream(arena, stdin, "stdin", text, error);
    }
    if (argument[0] != '@') {
        *text = slice_from_text(argument);
        return STATUS_OK;
    }
    FILE *file = fopen(argument + 1, "rbe");
    if (file == NULL) {
        return error_set(error, STATUS_REJECTED, "%s: %s", argument + 1, strerrordesc_np(errno));
    }
    enum status status = read_stream(arena, file, argument + 1, text, error);
    (void)fclose(file);
    return status;
}
