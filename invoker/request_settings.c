/* How it is to run and what is told: singleton, retry, result and expect. */
#include "invoker/request_fields.h"

MUST_CHECK static enum status read_singleton(struct json root, struct request *request,
                                             struct error *error)
{
    static const char *const names[] = {"key", "onConflict"};
    static const struct name_value conflicts[] = {
        {"fail", PLAN_CONFLICT_FAIL}, {"skip", PLAN_CONFLICT_SKIP}, {"queue", PLAN_CONFLICT_QUEUE}};
    struct json singleton = {0};
    int conflict = PLAN_CONFLICT_FAIL;
    enum status status = json_find_object(root, "singleton", &singleton, error);
    if (status != STATUS_OK || !json_exists(singleton)) {
        return status;
    }
    if (request->singleton_sql) {
        return json_reject(singleton, error, "goes with the action executeStatement only");
    }
    status = json_only_members(singleton, names, ARRAY_COUNT(names), error);
    if (status == STATUS_OK) {
        status =
            json_get_text(singleton, "key", REQUEST_KEY_MAX_BYTES, &request->singleton_key, error);
    }
    if (status == STATUS_OK && request->singleton_key.size == 0) {
        status = json_reject(json_member(singleton, "key"), error, "must not be empty");
    }
    if (status == STATUS_OK) {
        status = request_read_choice(singleton, "onConflict", conflicts, ARRAY_COUNT(conflicts),
                                     &conflict, error);
    }
    request->on_conflict = (enum plan_conflict)conflict;
    return status;
}

MUST_CHECK static enum status read_retry(struct json root, struct request *request,
                                         struct error *error)
{
    static const char *const names[] = {"maxAttempts", "errorMatch", "baseSeconds", "maxSeconds"};
    struct plan_retry *retry = &request->retry;
    struct json value = {0};
    enum status status = json_find_object(root, "retry", &value, error);
    if (status != STATUS_OK || !json_exists(value)) {
        return status;
    }
    *retry = (struct plan_retry){.max_attempts = REQUEST_RETRY_ATTEMPTS,
                                 .base_ms = REQUEST_RETRY_BASE_MS,
                                 .max_ms = REQUEST_RETRY_MAX_MS};
    status = json_only_members(value, names, ARRAY_COUNT(names), error);
    if (status == STATUS_OK) {
        status = json_find_int64(value, "maxAttempts", 1, REQUEST_ATTEMPTS_MAX,
                                 &retry->max_attempts, error);
    }
    if (status == STATUS_OK) {
        status = request_read_pattern(value, "errorMatch", &retry->error_match, error);
    }
    if (status == STATUS_OK) {
        status = request_read_seconds(value, "baseSeconds", REQUEST_PAUSE_MAX_SECONDS,
                                      &retry->base_ms, error);
    }
    /* The bound that is not given follows the one that is. */
    if (status == STATUS_OK && retry->max_ms < retry->base_ms) {
        retry->max_ms = retry->base_ms;
    }
    if (status == STATUS_OK) {
        status = request_read_seconds(value, "maxSeconds", REQUEST_PAUSE_MAX_SECONDS,
                                      &retry->max_ms, error);
    }
    if (status == STATUS_OK && retry->max_ms < retry->base_ms) {
        if (json_exists(json_member(value, "baseSeconds"))) {
            return json_reject(json_member(value, "maxSeconds"), error,
                               "must not be less than baseSeconds");
        }
        retry->base_ms = retry->max_ms;
    }
    return status;
}

static bool bucket_valid(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        const char c = name.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-')) {
            return false;
        }
    }
    return name.size >= 3 && name.size <= 63;
}

/* "s3://bucket" or "s3://bucket/prefix", without the '/' that stands at its end. */
MUST_CHECK static enum status read_spill_uri(struct json value, struct slice *uri,
                                             struct error *error)
{
    static const struct slice scheme = {"s3://", 5};
    enum status status = request_read_text(value, "uri", REQUEST_SPILL_URI_MAX_BYTES, uri, error);
    if (status != STATUS_OK || uri->data == NULL) {
        return status;
    }
    struct slice rest = slice_part(*uri, scheme.size, uri->size);
    if (!slice_starts_with(*uri, scheme) ||
        !bucket_valid(slice_part(rest, 0, slice_find_byte(rest, '/')))) {
        return json_reject(json_member(value, "uri"), error, "must be s3://bucket/prefix");
    }
    while (slice_ends_with(*uri, SLICE("/"))) {
        uri->size--;
    }
    return STATUS_OK;
}

MUST_CHECK static enum status check_result(struct json value, const struct plan_result *result,
                                           struct error *error)
{
    if (result->mode == PLAN_RESULT_S3 && result->uri.size == 0) {
        return json_reject(value, error, "mode s3 needs uri");
    }
    if (result->mode == PLAN_RESULT_NONE && json_count(value) > 1) {
        return json_reject(json_member(value, "mode"), error,
                           "none goes without maxRows, format and uri");
    }
    return STATUS_OK;
}

MUST_CHECK static enum status read_result(struct json root, struct request *request,
                                          struct error *error)
{
    static const char *const names[] = {"mode", "maxRows", "format", "uri"};
    static const struct name_value modes[] = {
        {"none", PLAN_RESULT_NONE}, {"inline", PLAN_RESULT_INLINE}, {"s3", PLAN_RESULT_S3}};
    static const struct name_value formats[] = {{"json", PLAN_FORMAT_JSON},
                                                {"csv", PLAN_FORMAT_CSV}};
    struct plan_result *result = &request->result;
    struct json value = {0};
    int mode = PLAN_RESULT_INLINE;
    int format = PLAN_FORMAT_JSON;
    enum status status = json_find_object(root, "result", &value, error);
    if (status != STATUS_OK || !json_exists(value)) {
        return status;
    }
    status = json_only_members(value, names, ARRAY_COUNT(names), error);
    if (status == STATUS_OK) {
        status = request_read_choice(value, "mode", modes, ARRAY_COUNT(modes), &mode, error);
    }
    if (status == STATUS_OK) {
        status = json_find_int64(value, "maxRows", 1, REQUEST_ROWS_MAX, &result->max_rows, error);
    }
    if (status == STATUS_OK) {
        status =
            request_read_choice(value, "format", formats, ARRAY_COUNT(formats), &format, error);
    }
    if (status == STATUS_OK) {
        status = read_spill_uri(value, &result->uri, error);
    }
    result->mode = (enum plan_result_mode)mode;
    result->format = (enum plan_result_format)format;
    return status == STATUS_OK ? check_result(value, result, error) : status;
}

MUST_CHECK static enum status read_expect(struct json root, struct request *request,
                                          struct error *error)
{
    static const char *const names[] = {"minRows", "maxRows"};
    struct json value = {0};
    enum status status = json_find_object(root, "expect", &value, error);
    if (status != STATUS_OK || !json_exists(value)) {
        return status;
    }
    status = json_only_members(value, names, ARRAY_COUNT(names), error);
    if (status == STATUS_OK) {
        status = json_find_int64(value, "minRows", 0, REQUEST_ROWS_MAX, &request->expect_min_rows,
                                 error);
    }
    if (status == STATUS_OK) {
        status = json_find_int64(value, "maxRows", 0, REQUEST_ROWS_MAX, &request->expect_max_rows,
                                 error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (request->expect_min_rows < 0 && request->expect_max_rows < 0) {
        return json_reject(value, error, "minRows or maxRows is needed");
    }
    if (request->expect_max_rows >= 0 && request->expect_max_rows < request->expect_min_rows) {
        return json_reject(json_member(value, "maxRows"), error, "must not be less than minRows");
    }
    return STATUS_OK;
}

enum status request_read_settings(struct json root, struct request *request, struct error *error)
{
    enum status status = read_singleton(root, request, error);
    if (status == STATUS_OK) {
        status = read_retry(root, request, error);
    }
    if (status == STATUS_OK) {
        status = read_result(root, request, error);
    }
    return status == STATUS_OK ? read_expect(root, request, error) : status;
}
