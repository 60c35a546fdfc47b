#include "infra/base/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* A runaway pattern is given up after about 10 ms. Error texts that match in earnest need less than
 * a hundredth of that. */
#define MATCH_LIMIT       500000
#define DEPTH_LIMIT       200000
#define HEAP_LIMIT_KIB    (32 * 1024)
#define MESSAGE_MAX_BYTES 160

static void code_cleanup(pcre2_code **code)
{
    pcre2_code_free(*code);
}

static void match_data_cleanup(pcre2_match_data **data)
{
    pcre2_match_data_free(*data);
}

static void match_context_cleanup(pcre2_match_context **context)
{
    pcre2_match_context_free(*context);
}

/* PCRE2 wants a pointer even where the size is 0. */
static PCRE2_SPTR bytes_of(struct slice text)
{
    return (PCRE2_SPTR)(text.data ? text.data : "");
}

/* NULL: *code_error and *offset say why. \C would cut characters into bytes. */
static pcre2_code *compile(struct slice pattern, int *code_error, size_t *offset)
{
    return pcre2_compile(bytes_of(pattern), pattern.size,
                         PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, code_error,
                         offset, NULL);
}

enum status regex_check(struct slice pattern, const char *path, struct error *error)
{
    if (pattern.size > REGEX_PATTERN_MAX_BYTES) {
        return error_set(error, STATUS_REJECTED, "%s: must be at most %d bytes, got %zu", path,
                         REGEX_PATTERN_MAX_BYTES, pattern.size);
    }
    int code_error = 0;
    size_t offset = 0;
    CLEANUP(code_cleanup) pcre2_code *code = compile(pattern, &code_error, &offset);
    if (code != NULL) {
        return STATUS_OK;
    }
    char message[MESSAGE_MAX_BYTES] = "";
    (void)pcre2_get_error_message(code_error, (PCRE2_UCHAR *)message, sizeof(message));
    return error_set(error, STATUS_REJECTED,
                     "%s: must be a regular expression of PCRE2: %s at byte %zu", path, message,
                     offset);
}

static enum regex_result result_of(int count)
{
    switch (count) {
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_NOMEMORY: return REGEX_RUNAWAY;
    default: return count > 0 ? REGEX_MATCH : REGEX_NO_MATCH;
    }
}

enum regex_result regex_matches(struct slice pattern, struct slice text)
{
    int code_error = 0;
    size_t offset = 0;
    if (pattern.size > REGEX_PATTERN_MAX_BYTES) {
        return REGEX_NO_MATCH;
    }
    CLEANUP(code_cleanup) pcre2_code *code = compile(pattern, &code_error, &offset);
    if (code == NULL) {
        return REGEX_NO_MATCH;
    }
    CLEANUP(match_data_cleanup) pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    CLEANUP(match_context_cleanup) pcre2_match_context *context = pcre2_match_context_create(NULL);
    if (data == NULL || context == NULL) {
        return REGEX_RUNAWAY;
    }
    (void)pcre2_set_match_limit(context, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(context, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
    const int count = pcre2_match(code, bytes_of(text), text.size, 0, 0, data, context);
    /* 0 is a match with more groups than data has room for. */
    return count == 0 ? REGEX_MATCH : result_of(count);
}
