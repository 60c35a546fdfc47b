#include "invoker/request_fields.h"

#include "infra/aws/redshift_data.h"
#include "infra/base/buffer.h"
#include "infra/base/regex.h"

#include <math.h>
#include <string.h>

/* REJECTED with the names there are; what was given instead is not repeated, it may be a secret. */
static enum status reject_choice(struct json value, const struct name_value *choices, size_t count,
                                 struct error *error)
{
    CLEANUP(buffer_clear) struct buffer names;
    buffer_init(&names, ERROR_TEXT_BYTES);
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(&names, "%s%s", i > 0 ? ", " : "", choices[i].name);
    }
    return json_reject(value, error, "must be one of %.*s", SLICE_PRINT(buffer_slice(&names)));
}

enum status request_read_choice(struct json object, const char *name,
                                const struct name_value *choices, size_t count, int *value,
                                struct error *error)
{
    struct slice text = SLICE_NONE;
    enum status status = json_find_text(object, name, 64, &text, error);
    if (status != STATUS_OK || text.data == NULL) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        if (slice_equals_text(text, choices[i].name)) {
            *value = choices[i].value;
            return STATUS_OK;
        }
    }
    return reject_choice(json_member(object, name), choices, count, error);
}

enum status request_read_text(struct json object, const char *name, size_t max, struct slice *text,
                              struct error *error)
{
    enum status status = json_find_text(object, name, max, text, error);
    if (status == STATUS_OK && json_exists(json_member(object, name)) && text->size == 0) {
        status = json_reject(json_member(object, name), error, "must not be empty");
    }
    return status;
}

enum status request_read_seconds(struct json object, const char *name, int64_t maximum, int64_t *ms,
                                 struct error *error)
{
    double seconds = 0;
    enum status status = json_find_double(object, name, &seconds, error);
    if (status != STATUS_OK || !json_exists(json_member(object, name))) {
        return status;
    }
    if (!(seconds >= 0 && seconds <= (double)maximum)) {
        return json_reject(json_member(object, name), error,
                           "must be a number of seconds between 0 and %lld", (long long)maximum);
    }
    *ms = (int64_t)llround(seconds * 1000);
    return STATUS_OK;
}

enum status request_read_pattern(struct json object, const char *name, struct slice *pattern,
                                 struct error *error)
{
    static const char separator[] = ": ";
    struct json value = json_member(object, name);
    struct error cause = ERROR_NONE;
    enum status status = request_read_text(object, name, REGEX_PATTERN_MAX_BYTES, pattern, error);
    if (status != STATUS_OK || !json_exists(value) ||
        regex_check(*pattern, "", &cause) == STATUS_OK) {
        return status;
    }
    /* The place is known here, whole; the rule there. */
    return json_reject(value, error, "%s", cause.text + strlen(separator));
}

enum status request_read_sql(struct json value, struct slice *sql, struct error *error)
{
    enum status status = json_text(value, sql, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (slice_trim(*sql).size == 0) {
        return json_reject(value, error, "must not be empty");
    }
    if (sql->size > REDSHIFT_DATA_SQL_MAX_BYTES) {
        return json_reject(value, error, "must be at most %u bytes, got %zu",
                           REDSHIFT_DATA_SQL_MAX_BYTES, sql->size);
    }
    return STATUS_OK;
}

/* ---- Parameters ----------------------------------------------------------------------------- */

static bool parameter_name_valid(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool fine =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!fine) {
            return false;
        }
    }
    return name.size > 0;
}

MUST_CHECK static enum status read_parameter(struct json item, struct plan_parameter *parameter,
                                             struct error *error)
{
    static const char *const names[] = {"name", "value"};
    enum status status = json_only_members(item, names, ARRAY_COUNT(names), error);
    if (status == STATUS_OK) {
        status = json_get_text(item, "name", 128, &parameter->name, error);
    }
    if (status == STATUS_OK) {
        status = json_get_text(item, "value", 0, &parameter->value, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!parameter_name_valid(parameter->name)) {
        return json_reject(json_member(item, "name"), error, "must match [0-9a-zA-Z_]+");
    }
    if (parameter->value.size == 0) {
        return json_reject(json_member(item, "value"), error,
                           "must not be empty: the Data API takes no empty parameter");
    }
    return STATUS_OK;
}

enum status request_read_parameters(struct arena *arena, struct json list,
                                    struct plan_parameter **parameters, size_t *count,
                                    struct error *error)
{
    enum status status = STATUS_OK;
    *count = json_count(list);
    if (*count < 1 || *count > REQUEST_PARAMETERS_MAX) {
        return json_reject(list, error, "must hold 1 to %d parameters", REQUEST_PARAMETERS_MAX);
    }
    *parameters = ARENA_ARRAY(arena, *count, struct plan_parameter);
    struct json item = json_element(list, 0);
    for (size_t i = 0; i < *count && status == STATUS_OK; i++, item = json_next(item)) {
        if (json_kind(item) != JSON_OBJECT) {
            return json_reject(item, error, "must be an object with name and value");
        }
        status = read_parameter(item, &(*parameters)[i], error);
    }
    return status;
}
