#include "invoker/request_fields.h"

#include "invoker/sql_template.h"

#include "infra/aws/redshift_data.h"
#include "infra/aws/s3.h"
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

/* ---- Names ---------------------------------------------------------------------------------- */

/* d9b6c0c9-0747-4bf4-b142-e8883122f766, and ":2" for the second part of a batch. */
static bool statement_id_valid(struct slice id)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx:nn";
    const size_t bare = strcspn(form, ":");
    for (size_t i = 0; i < id.size && i + 1 < sizeof(form); i++) {
        const char c = id.data[i];
        const bool digit = c >= '0' && c <= '9';
        const bool fine = form[i] == 'x'   ? digit || (c >= 'a' && c <= 'z')
                          : form[i] == 'n' ? digit
                                           : c == form[i];
        if (!fine) {
            return false;
        }
    }
    return id.size == bare || (id.size > bare + 1 && id.size < sizeof(form));
}

enum status request_read_statement_id(struct json object, const char *name, struct slice *id,
                                      struct error *error)
{
    enum status status = json_get_text(object, name, 0, id, error);
    if (status == STATUS_OK && !statement_id_valid(*id)) {
        status = json_reject(json_member(object, name), error, "must be a statement's Id");
    }
    return status;
}

enum status request_check_uri(struct json value, struct slice uri, struct error *error)
{
    struct s3_object object;
    struct error cause = ERROR_NONE;
    return s3_parse_uri(uri, &object, &cause) == STATUS_OK
               ? STATUS_OK
               : json_reject(value, error, "%s", cause.text);
}

/* ---- Parameters and variables --------------------------------------------------------------- */

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

/* A number becomes its text. */
MUST_CHECK static enum status read_variable(struct arena *arena, struct json value,
                                            struct slice *text, struct error *error)
{
    CLEANUP(buffer_clear) struct buffer digits;
    buffer_init(&digits, 64);
    if (json_kind(value) == JSON_TEXT) {
        enum status status = json_text(value, text, error);
        if (status == STATUS_OK && text->size > REQUEST_VARIABLE_MAX_BYTES) {
            status = json_reject(value, error, "must be at most %d bytes, got %zu",
                                 REQUEST_VARIABLE_MAX_BYTES, text->size);
        }
        return status;
    }
    if (json_kind(value) != JSON_NUMBER) {
        return json_reject(value, error, "must be a string or a number");
    }
    json_print(value, &digits);
    *text = arena_copy(arena, buffer_slice(&digits));
    return slice_equals_text(*text, "null")
               ? json_reject(value, error, "must be a number that can be told")
               : STATUS_OK;
}

static bool variable_name_valid(struct slice name)
{
    return parameter_name_valid(name) && !(name.data[0] >= '0' && name.data[0] <= '9') &&
           name.size <= SQL_TEMPLATE_NAME_MAX_BYTES;
}

enum status request_read_variables(struct arena *arena, struct json object,
                                   struct plan_parameter **variables, size_t *count,
                                   struct error *error)
{
    enum status status = STATUS_OK;
    *count = json_count(object);
    if (*count < 1 || *count > REQUEST_VARIABLES_MAX) {
        return json_reject(object, error, "must hold 1 to %d variables", REQUEST_VARIABLES_MAX);
    }
    *variables = ARENA_ARRAY(arena, *count, struct plan_parameter);
    for (size_t i = 0; i < *count && status == STATUS_OK; i++) {
        struct plan_parameter *variable = &(*variables)[i];
        struct json value = json_member_at(object, i, &variable->name);
        if (!variable_name_valid(variable->name)) {
            return json_reject(object, error, "names must match [a-zA-Z_][0-9a-zA-Z_]*, at most %d",
                               SQL_TEMPLATE_NAME_MAX_BYTES);
        }
        status = read_variable(arena, value, &variable->value, error);
    }
    return status;
}
