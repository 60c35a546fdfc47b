#include "infra/cli/rows.h"

#include "infra/base/json_writer.h"
#include "infra/cli/table.h"

#include <inttypes.h>
#include <stdio.h>

#define PAGE_MAX_BYTES   (64u << 20)
#define REQUEST_BYTES    4096
#define ROWS_PART        1000 /* held before they are printed */
#define PAGE_ARENA_BYTES (512u << 20)

struct rows {
    struct verb *verb;
    bool all;
    struct slice statement_id;
    struct slice next_token;
    struct table table;
    int64_t printed;
    int64_t total;       /* -1: not told */
    struct arena *pages; /* of the part that is held */
    struct arena *kept;
};

/* ---- Reading -------------------------------------------------------------------------------- */

/* Bytes of the JSON text at the front of text, both quotes included. */
static size_t text_size(struct slice text)
{
    size_t i = 1;
    while (i < text.size && text.data[i] != '"') {
        i += text.data[i] == '\\' ? 2 : 1;
    }
    return i < text.size ? i + 1 : text.size;
}

static size_t number_size(struct slice text)
{
    const struct slice bytes = SLICE("+-.0123456789eE");
    size_t i = 0;
    while (i < text.size && slice_find_byte(bytes, text.data[i]) < bytes.size) {
        i++;
    }
    return i;
}

struct slice rows_keep_digits(struct arena *arena, struct slice page)
{
    CLEANUP(buffer_clear) struct buffer out;
    bool number_follows = false;
    buffer_init(&out, PAGE_MAX_BYTES);
    for (size_t i = 0; i < page.size;) {
        const struct slice rest = slice_part(page, i, page.size);
        const size_t digits = number_follows ? number_size(rest) : 0;
        size_t size = 1;
        if (rest.data[0] == '"') {
            size = text_size(rest);
            const struct slice name = slice_part(rest, 0, size);
            number_follows = slice_equals_text(name, "\"longValue\"") ||
                             slice_equals_text(name, "\"doubleValue\"");
        } else if (digits > 0) {
            size = digits;
            number_follows = false;
            buffer_append_byte(&out, '"');
        } else if (rest.data[0] != ':' && rest.data[0] != ' ') {
            number_follows = false;
        }
        buffer_append(&out, slice_part(rest, 0, size));
        if (digits > 0) {
            buffer_append_byte(&out, '"');
        }
        i += size;
    }
    return arena_copy(arena, buffer_slice(&out));
}

/* One of the members that a field may have; absent: NULL. */
static struct slice field_text(struct json field)
{
    static const char *const names[] = {"stringValue", "longValue", "doubleValue", "blobValue"};
    bool flag = false;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        const struct slice text = verb_text(field, names[i]);
        if (text.data != NULL) {
            return text;
        }
    }
    if (json_exists(json_member(field, "booleanValue")) &&
        json_find_bool(field, "booleanValue", &flag, NULL) == STATUS_OK) {
        return flag ? SLICE("true") : SLICE("false");
    }
    return SLICE_NONE;
}

static bool is_number_type(struct slice type)
{
    static const char *const types[] = {"int",   "float",  "num",  "dec", "bigint",
                                        "small", "double", "real", "oid"};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (slice_starts_with(type, slice_from_text(types[i]))) {
            return !slice_starts_with(type, SLICE("interval"));
        }
    }
    return false;
}

static void read_columns(struct rows *rows, struct json page)
{
    struct json column = json_element(json_member(page, "ColumnMetadata"), 0);
    for (; json_kind(column) == JSON_OBJECT; column = json_next(column)) {
        struct slice label = verb_text(column, "label");
        if (label.size == 0) {
            label = verb_text(column, "name");
        }
        table_add_column(&rows->table, arena_copy(rows->kept, label),
                         is_number_type(verb_text(column, "typeName")));
    }
}

/* Takes over the page's records as far as they are to be printed. */
static void read_records(struct rows *rows, struct json page)
{
    struct json record = json_element(json_member(page, "Records"), 0);
    for (; json_kind(record) == JSON_ARRAY; record = json_next(record)) {
        if (!rows->all && rows->printed == ROWS_MAX) {
            return;
        }
        struct json field = json_element(record, 0);
        for (size_t i = 0; i < rows->table.column_count; i++, field = json_next(field)) {
            table_add_cell(&rows->table, field_text(field));
        }
        rows->printed++;
    }
}

/* ---- Fetching ------------------------------------------------------------------------------- */

/* {"action":…,"statementId":…,"nextToken":…} as a request; the answer is the Data API's own. */
MUST_CHECK static int act(struct verb *verb, const char *action, struct slice statement_id,
                          struct slice next_token, struct remote_call *call)
{
    CLEANUP(buffer_clear) struct buffer body;
    struct json_writer writer;
    struct json document;
    buffer_init(&body, REQUEST_BYTES);
    json_writer_init(&writer, &body);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "action", slice_from_text(action));
    json_write_text(&writer, "statementId", statement_id);
    json_write_text_if(&writer, "nextToken", next_token);
    json_end_object(&writer);
    *call = (struct remote_call){
        .method = "POST", .target = "/invocations", .body = buffer_slice(&body)};
    const int status = verb_call(verb, call, &document);
    call->body = SLICE_NONE;
    return status;
}

MUST_CHECK static int fetch_page(struct rows *rows)
{
    struct remote_call call;
    struct json page;
    struct error error = ERROR_NONE;
    rows->verb->arena = rows->pages;
    int status = act(rows->verb, "getStatementResult", rows->statement_id, rows->next_token, &call);
    rows->verb->arena = rows->kept;
    if (status != EXIT_FINISHED) {
        return status;
    }
    if (json_parse(rows->pages, rows_keep_digits(rows->pages, call.reply), &page, &error) !=
        STATUS_OK) {
        return verb_fail(rows->verb, EXIT_UNREACHABLE, "the result cannot be read: %s", error.text);
    }
    if (rows->table.column_count == 0) {
        read_columns(rows, page);
    }
    rows->total = verb_int64(page, "TotalNumRows", rows->total);
    read_records(rows, page);
    rows->next_token = arena_copy(rows->kept, verb_text(page, "NextToken"));
    return EXIT_FINISHED;
}

static void print_part(struct rows *rows)
{
    table_print(&rows->table, stdout);
    arena_reset(rows->pages);
}

MUST_CHECK static int print_all(struct rows *rows)
{
    int status = EXIT_FINISHED;
    do {
        status = fetch_page(rows);
        if (status == EXIT_FINISHED && table_rows(&rows->table) >= ROWS_PART) {
            print_part(rows);
        }
    } while (status == EXIT_FINISHED && rows->next_token.size > 0 &&
             (rows->all || rows->printed < ROWS_MAX));
    if (status == EXIT_FINISHED && (table_rows(&rows->table) > 0 || !rows->table.headed)) {
        print_part(rows);
    }
    if (status == EXIT_FINISHED && rows->total > rows->printed) {
        (void)fprintf(stderr, "the first %" PRId64 " of %" PRId64 " rows; --all prints all\n",
                      rows->printed, rows->total);
    }
    return status;
}

/* The statement itself, or the last one of a batch, that has a result set; absent: none has. */
MUST_CHECK static int find_result(struct verb *verb, struct slice statement_id, struct slice *found)
{
    struct remote_call call;
    struct json description;
    *found = SLICE_NONE;
    int status = act(verb, "describeStatement", statement_id, SLICE_NONE, &call);
    if (status != EXIT_FINISHED ||
        json_parse(verb->arena, call.reply, &description, NULL) != STATUS_OK) {
        return status;
    }
    struct json sub = json_element(json_member(description, "SubStatements"), 0);
    if (json_kind(sub) != JSON_OBJECT) {
        *found = verb_bool(description, "HasResultSet") ? statement_id : SLICE_NONE;
    }
    for (; json_kind(sub) == JSON_OBJECT; sub = json_next(sub)) {
        if (verb_bool(sub, "HasResultSet")) {
            *found = verb_text(sub, "Id");
        }
    }
    return EXIT_FINISHED;
}

int rows_print(struct verb *verb, struct slice statement_id, bool all)
{
    CLEANUP(arena_cleanup) struct arena *pages = arena_new(PAGE_ARENA_BYTES);
    struct rows rows = {.verb = verb, .all = all, .total = -1, .pages = pages, .kept = verb->arena};
    int status = find_result(verb, statement_id, &rows.statement_id);
    if (status != EXIT_FINISHED || rows.statement_id.size == 0) {
        return status;
    }
    table_init(&rows.table);
    status = print_all(&rows);
    table_clear(&rows.table);
    return status;
}
