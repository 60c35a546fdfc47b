/*
 * UNLOAD ('query') TO 's3://bucket/prefix' with its usual options: the query runs on the engine,
 * its rows become one object of the stand-in's S3, as Redshift writes it on one slice.
 * https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html
 */
#include "infra/base/sql_lexer.h"
#include "infra/local/local_statement.h"

#include <stdio.h>
#include <string.h>

#define OBJECT_MAX_BYTES (32UL * 1024 * 1024)
#define QUERY_MAX_BYTES  (200UL * 1024)
#define BUCKET_BYTES     64
#define KEY_BYTES        1025

struct unload {
    struct buffer query;
    char bucket[BUCKET_BYTES];
    char key[KEY_BYTES];
    char delimiter;
    bool csv;
    bool header;
    bool overwrite;
    bool serial;
};

struct reader {
    struct slice rest;
    struct sql_token token; /* the one that is looked at */
    struct unload *unload;
    struct error error;
};

/* --- the statement's text --------------------------------------------------------------------- */

static void step(struct reader *reader)
{
    reader->token = sql_next_solid(&reader->rest);
}

/* Whether the word is there; steps over it. */
static bool take_word(struct reader *reader, const char *word)
{
    const bool found = sql_token_is(reader->token, word);
    if (found) {
        step(reader);
    }
    return found;
}

static bool refuse(struct reader *reader, const char *text)
{
    const struct slice near = slice_cut_utf8(reader->token.text, 40);
    (void)error_set(&reader->error, STATUS_REJECTED, "%s \"%.*s\"", text, SLICE_PRINT(near));
    return false;
}

/* The value of a string, as Redshift reads it: a doubled quote, or a backslash and any character.
 */
static void append_value(struct buffer *out, struct sql_token token)
{
    struct slice text = token.text;
    if (token.kind == SQL_DOLLAR) {
        const size_t tag = slice_find_byte(slice_part(text, 1, text.size), '$') + 2;
        buffer_append(out, slice_part(text, tag, text.size - tag));
        return;
    }
    for (size_t i = 1; i + 1 < text.size; i++) {
        if ((text.data[i] == '\'' || text.data[i] == '\\') && i + 2 < text.size) {
            i++;
        }
        buffer_append_byte(out, text.data[i]);
    }
}

/* Takes a string of at most size - 1 bytes. */
static bool take_string(struct reader *reader, char *text, size_t size)
{
    CLEANUP(buffer_clear) struct buffer value;
    buffer_init(&value, size - 1);
    if (reader->token.kind != SQL_STRING || reader->token.open) {
        return refuse(reader, "syntax error at or near");
    }
    append_value(&value, reader->token);
    if (value.overflowed) {
        return refuse(reader, "too long at or near");
    }
    const struct slice whole = buffer_slice(&value);
    if (whole.size > 0) {
        memcpy(text, whole.data, whole.size);
    }
    text[whole.size] = '\0';
    step(reader);
    return true;
}

static bool take_query(struct reader *reader)
{
    if (reader->token.kind != SQL_OPEN) {
        return refuse(reader, "syntax error at or near");
    }
    step(reader);
    const bool string = reader->token.kind == SQL_STRING || reader->token.kind == SQL_DOLLAR;
    if (!string || reader->token.open) {
        return refuse(reader, "syntax error at or near");
    }
    append_value(&reader->unload->query, reader->token);
    step(reader);
    if (reader->token.kind != SQL_CLOSE) {
        return refuse(reader, "syntax error at or near");
    }
    step(reader);
    return true;
}

static bool take_place(struct reader *reader)
{
    char uri[BUCKET_BYTES + KEY_BYTES];
    struct unload *unload = reader->unload;
    if (!take_word(reader, "to")) {
        return refuse(reader, "syntax error at or near");
    }
    if (!take_string(reader, uri, sizeof(uri))) {
        return false;
    }
    const char *key = strncmp(uri, "s3://", 5) == 0 ? strchr(uri + 5, '/') : NULL;
    const size_t bucket_size = key ? (size_t)(key - uri) - 5 : 0;
    if (bucket_size == 0 || bucket_size >= BUCKET_BYTES || strlen(key + 1) + 16 > KEY_BYTES) {
        return refuse(reader, "The S3 path is not valid at or near");
    }
    (void)snprintf(unload->bucket, sizeof(unload->bucket), "%.*s", (int)bucket_size, uri + 5);
    (void)snprintf(unload->key, sizeof(unload->key), "%s", key + 1);
    return true;
}

/* Who writes does not matter here. */
static bool take_permission(struct reader *reader)
{
    char ignored[2048];
    (void)take_word(reader, "as");
    return take_word(reader, "default") || take_string(reader, ignored, sizeof(ignored));
}

static bool take_delimiter(struct reader *reader)
{
    char text[2] = "";
    (void)take_word(reader, "as");
    if (!take_string(reader, text, sizeof(text))) {
        return false;
    }
    if (text[0] == '\0') {
        return refuse(reader, "an empty delimiter before");
    }
    reader->unload->delimiter = text[0];
    return true;
}

static bool take_format(struct reader *reader)
{
    (void)take_word(reader, "as");
    return take_word(reader, "text") || sql_token_is(reader->token, "csv") ||
           refuse(reader, "not supported here:");
}

static bool take_parallel(struct reader *reader)
{
    reader->unload->serial = take_word(reader, "off") || take_word(reader, "false");
    if (!reader->unload->serial && !take_word(reader, "on")) {
        (void)take_word(reader, "true");
    }
    return true;
}

/* An option that is one word. */
static bool take_flag(struct reader *reader)
{
    struct unload *unload = reader->unload;
    if (take_word(reader, "csv")) {
        unload->csv = true;
        if (unload->delimiter == '|') {
            unload->delimiter = ',';
        }
        return true;
    }
    if (take_word(reader, "header")) {
        unload->header = true;
        return true;
    }
    if (take_word(reader, "allowoverwrite") || take_word(reader, "cleanpath")) {
        unload->overwrite = true;
        return true;
    }
    return refuse(reader, "not supported here:");
}

static bool take_option(struct reader *reader)
{
    if (take_word(reader, "iam_role") || take_word(reader, "credentials")) {
        return take_permission(reader);
    }
    if (take_word(reader, "delimiter")) {
        return take_delimiter(reader);
    }
    if (take_word(reader, "format")) {
        return take_format(reader);
    }
    if (take_word(reader, "parallel")) {
        return take_parallel(reader);
    }
    return take_flag(reader);
}

static bool read_unload(struct reader *reader)
{
    step(reader); /* UNLOAD itself */
    step(reader);
    bool good = take_query(reader) && take_place(reader);
    while (good && reader->token.kind != SQL_END && reader->token.kind != SQL_SEMICOLON) {
        good = take_option(reader);
    }
    return good;
}

/* --- the object ------------------------------------------------------------------------------- */

static void append_text(const struct unload *unload, struct slice text, struct buffer *out)
{
    const char special[] = {unload->delimiter, '"', '\n', '\r'};
    bool quoted = false;
    for (size_t i = 0; unload->csv && i < sizeof(special); i++) {
        quoted = quoted || slice_find_byte(text, special[i]) < text.size;
    }
    if (quoted) {
        buffer_append_byte(out, '"');
    }
    for (size_t i = 0; i < text.size; i++) {
        if (quoted && text.data[i] == '"') {
            buffer_append_byte(out, '"');
        }
        buffer_append_byte(out, text.data[i]);
    }
    if (quoted) {
        buffer_append_byte(out, '"');
    }
}

static void append_cell(const struct unload *unload, const struct local_result *result,
                        const struct local_cell *cell, struct buffer *out)
{
    switch (cell->kind) {
    case LOCAL_CELL_NULL: break;
    case LOCAL_CELL_BOOL: buffer_append_byte(out, cell->flag ? 't' : 'f'); break;
    case LOCAL_CELL_LONG: buffer_append_int64(out, cell->integer); break;
    case LOCAL_CELL_DOUBLE: buffer_append_format(out, "%.17g", cell->real); break;
    case LOCAL_CELL_TEXT:
        append_text(unload,
                    slice_part(buffer_slice(&result->bytes), cell->span.offset,
                               cell->span.offset + cell->span.size),
                    out);
        break;
    case LOCAL_CELL_BLOB:
        for (size_t i = 0; i < cell->span.size; i++) {
            buffer_append_format(out, "%02x",
                                 (unsigned char)result->bytes.data[cell->span.offset + i]);
        }
        break;
    }
}

static void append_between(const struct unload *unload, bool row_ends, struct buffer *out)
{
    if (row_ends) {
        buffer_append_byte(out, '\n');
    } else {
        buffer_append_byte(out, unload->delimiter);
    }
}

static void append_rows(const struct unload *unload, const struct local_result *result,
                        struct buffer *out)
{
    const size_t columns = result->column_count;
    for (size_t i = 0; unload->header && i < columns; i++) {
        append_text(unload, slice_from_text(result->columns[i].name), out);
        append_between(unload, i + 1 == columns, out);
    }
    for (size_t i = 0; columns > 0 && i < result->cell_count; i++) {
        append_cell(unload, result, &result->cells[i], out);
        append_between(unload, (i + 1) % columns == 0, out);
    }
}

static enum engine_end store(struct data_statement *statement, struct unload *unload,
                             struct engine_outcome *outcome)
{
    const struct local_data_options *options = &statement->data->options;
    CLEANUP(buffer_clear) struct buffer object;
    buffer_init(&object, OBJECT_MAX_BYTES);
    append_rows(unload, &outcome->result, &object);
    if (object.overflowed || !options->store) {
        return engine_outcome_fail(outcome, "What is unloaded is too large here");
    }
    (void)strncat(unload->key, unload->serial ? "000" : "0000_part_00",
                  sizeof(unload->key) - strlen(unload->key) - 1);
    switch (options->store(options->context, unload->bucket, unload->key, unload->overwrite,
                           buffer_slice(&object))) {
    case STATUS_OK: break;
    case STATUS_CONFLICT:
        return engine_outcome_fail(
            outcome, "Specified unload destination on S3 is not empty. Consider using a different "
                     "bucket / prefix, manually removing the target files in S3, or using the "
                     "ALLOWOVERWRITE option.");
    case STATUS_NOT_FOUND:
        return engine_outcome_fail(outcome, "S3ServiceException:The specified bucket does not "
                                            "exist,Status 404,Error NoSuchBucket");
    case STATUS_RETRY:
    case STATUS_IN_DOUBT:
    case STATUS_REJECTED:
    case STATUS_INTERNAL: return engine_outcome_fail(outcome, "S3 cannot store this object");
    }
    local_result_clear(&outcome->result);
    local_result_init(&outcome->result);
    outcome->has_result = false;
    return ENGINE_DONE;
}

bool data_is_unload(struct slice sql)
{
    return sql_token_is(sql_next_solid(&sql), "unload");
}

enum engine_end data_unload(struct data_statement *statement, void *connection,
                            const struct engine_request *request, struct engine_outcome *outcome)
{
    struct unload unload = {.delimiter = '|'};
    struct reader reader = {.rest = request->sql, .unload = &unload, .error = ERROR_NONE};
    buffer_init(&unload.query, QUERY_MAX_BYTES);
    enum engine_end end = ENGINE_FAILED;
    if (read_unload(&reader)) {
        const struct engine_request query = {.sql = buffer_slice(&unload.query),
                                             .cancel = request->cancel};
        end = statement->data->engine->execute(connection, &query, outcome);
    } else {
        (void)engine_outcome_fail(outcome, reader.error.text);
    }
    if (end == ENGINE_DONE && !outcome->has_result) {
        end = engine_outcome_fail(outcome, "UNLOAD needs a query that returns rows");
    }
    if (end == ENGINE_DONE) {
        end = store(statement, &unload, outcome);
    }
    buffer_clear(&unload.query);
    return end;
}
