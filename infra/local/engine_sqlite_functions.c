#include "infra/local/engine_sqlite_functions.h"

#include "infra/base/encode.h"
#include "infra/local/engine_sqlite_dates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct slice text_of(sqlite3_value *value)
{
    const unsigned char *text = sqlite3_value_text(value);
    return (struct slice){(const char *)text, (size_t)sqlite3_value_bytes(value)};
}

static void result_text(sqlite3_context *context, struct slice text)
{
    sqlite3_result_text(context, text.data, (int)text.size, SQLITE_TRANSIENT);
}

static bool any_null(int count, sqlite3_value **values)
{
    for (int i = 0; i < count; i++) {
        if (sqlite3_value_type(values[i]) == SQLITE_NULL) {
            return true;
        }
    }
    return false;
}

static void function_pg_sleep(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct engine_cancel **cancel = sqlite3_user_data(context);
    double seconds = sqlite3_value_double(values[count - 1]);
    double limit = 24.0 * 3600;
    engine_cancel_wait(*cancel, (int64_t)((seconds < limit ? seconds : limit) * 1000));
    if (engine_cancel_requested(*cancel)) {
        sqlite3_result_error(context, "Query cancelled on user's request", -1);
        return;
    }
    sqlite3_result_text(context, "", 0, SQLITE_STATIC);
}

static void function_md5(sqlite3_context *context, int count, sqlite3_value **values)
{
    char hex[MD5_HEX_BYTES + 1];
    if (!any_null(count, values)) {
        digest_md5_hex(text_of(values[0]), hex);
        result_text(context, slice_from_text(hex));
    }
}

/* sha256(text), sha2(text, 256). */
static void function_sha256(sqlite3_context *context, int count, sqlite3_value **values)
{
    char hex[SHA256_HEX_BYTES + 1];
    if (any_null(count, values)) {
        return;
    }
    if (count == 2 && sqlite3_value_int(values[1]) != 0 && sqlite3_value_int(values[1]) != 256) {
        sqlite3_result_error(context, "sha2: only 0 and 256 bits are known here", -1);
        return;
    }
    digest_sha256_hex(text_of(values[0]), hex);
    result_text(context, slice_from_text(hex));
}

/* Bytes of the first `count` characters. */
static size_t characters(struct slice text, int64_t count)
{
    size_t at = 0;
    while (at < text.size && count > 0) {
        at++;
        while (at < text.size && ((unsigned char)text.data[at] & 0xc0) == 0x80) {
            at++;
        }
        count--;
    }
    return at;
}

static int64_t character_count(struct slice text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    }
    return count;
}

static void function_strleft(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!any_null(count, values)) {
        struct slice text = text_of(values[0]);
        result_text(context, slice_part(text, 0, characters(text, sqlite3_value_int64(values[1]))));
    }
}

static void function_strright(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!any_null(count, values)) {
        struct slice text = text_of(values[0]);
        int64_t skipped = character_count(text) - sqlite3_value_int64(values[1]);
        result_text(context, slice_part(text, characters(text, skipped), text.size));
    }
}

static void function_concat(sqlite3_context *context, int count, sqlite3_value **values)
{
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, LOCAL_RESULT_ROW_BYTES * 2);
    if (any_null(count, values)) {
        return;
    }
    for (int i = 0; i < count; i++) {
        buffer_append(&text, text_of(values[i]));
    }
    result_text(context, buffer_slice(&text));
}

static bool same(sqlite3_value *a, sqlite3_value *b)
{
    bool a_null = sqlite3_value_type(a) == SQLITE_NULL;
    bool b_null = sqlite3_value_type(b) == SQLITE_NULL;
    if (a_null || b_null) {
        return a_null && b_null;
    }
    return slice_equals(text_of(a), text_of(b));
}

/* decode(expression, search, result, ..., [default]); NULL equals NULL. */
static void function_decode(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (count < 3) {
        sqlite3_result_error(context, "decode needs at least 3 arguments", -1);
        return;
    }
    int i = 1;
    for (; i + 1 < count; i += 2) {
        if (same(values[0], values[i])) {
            sqlite3_result_value(context, values[i + 1]);
            return;
        }
    }
    if (i < count) {
        sqlite3_result_value(context, values[i]);
    }
}

static void invalid_input(sqlite3_context *context, const char *type, sqlite3_value *value)
{
    char *text = sqlite3_mprintf("invalid input syntax for type %s: \"%.200s\"", type,
                                 (const char *)sqlite3_value_text(value));
    sqlite3_result_error(context, text ? text : "invalid input", -1);
    sqlite3_free(text);
}

/* The whole text as a number; white space around it is allowed. */
static bool to_double(sqlite3_value *value, double *number)
{
    const char *text = (const char *)sqlite3_value_text(value);
    char *end = NULL;
    *number = strtod(text ? text : "", &end);
    while (*end == ' ') {
        end++;
    }
    return end != text && *end == '\0';
}

static void function_integer(sqlite3_context *context, int count, sqlite3_value **values)
{
    double number = 0;
    if (any_null(count, values)) {
        return;
    }
    if (sqlite3_value_type(values[0]) == SQLITE_INTEGER) {
        sqlite3_result_value(context, values[0]);
        return;
    }
    if (!to_double(values[0], &number)) {
        invalid_input(context, "integer", values[0]);
        return;
    }
    if (sqlite3_value_numeric_type(values[0]) == SQLITE_INTEGER) {
        sqlite3_result_int64(context, sqlite3_value_int64(values[0]));
    } else if (number > -9.2e18 && number < 9.2e18) {
        sqlite3_result_int64(context, (int64_t)(number < 0 ? number - 0.5 : number + 0.5));
    } else {
        sqlite3_result_error(context, "integer out of range", -1);
    }
}

static void function_float(sqlite3_context *context, int count, sqlite3_value **values)
{
    double number = 0;
    if (any_null(count, values)) {
        return;
    }
    if (to_double(values[0], &number)) {
        sqlite3_result_double(context, number);
    } else {
        invalid_input(context, "double precision", values[0]);
    }
}

static void function_boolean(sqlite3_context *context, int count, sqlite3_value **values)
{
    static const char *const words[2][6] = {{"f", "false", "n", "no", "off", "0"},
                                            {"t", "true", "y", "yes", "on", "1"}};
    if (any_null(count, values)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(words) * ARRAY_COUNT(words[0]); i++) {
        int truth = (int)(i % 2);
        if (slice_equals_ignore_case(text_of(values[0]), slice_from_text(words[truth][i / 2]))) {
            sqlite3_result_int(context, truth);
            return;
        }
    }
    invalid_input(context, "boolean", values[0]);
}

static void function_divide_by_zero(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    (void)values;
    sqlite3_result_error(context, "division by zero", -1);
}

void engine_sqlite_add_functions(sqlite3 *db, const struct engine_cancel **cancel)
{
    static const struct {
        const char *name;
        int arguments;
        void (*call)(sqlite3_context *context, int count, sqlite3_value **values);
    } functions[] = {
        {"concat", -1, function_concat},
        {"date_trunc", 2, sqlite_date_trunc},
        {"dateadd", 3, sqlite_dateadd},
        {"date_add", 3, sqlite_dateadd},
        {"datediff", 3, sqlite_datediff},
        {"date_diff", 3, sqlite_datediff},
        {"decode", -1, function_decode},
        {"getdate", 0, sqlite_getdate},
        {"md5", 1, function_md5},
        {"pg_sleep", 1, function_pg_sleep},
        {"rs_boolean", 1, function_boolean},
        {"rs_divide_by_zero", 0, function_divide_by_zero},
        {"rs_float", 1, function_float},
        {"rs_integer", 1, function_integer},
        {"sha2", 2, function_sha256},
        {"sha256", 1, function_sha256},
        {"strleft", 2, function_strleft},
        {"strright", 2, function_strright},
    };
    for (size_t i = 0; i < ARRAY_COUNT(functions); i++) {
        sqlite3_create_function(db, functions[i].name, functions[i].arguments, SQLITE_UTF8,
                                (void *)cancel, functions[i].call, NULL, NULL);
    }
}
