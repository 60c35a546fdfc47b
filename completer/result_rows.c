#include "completer/result_rows.h"

#include <string.h>

/* A row has at most 64 KB of values; each byte may become six, and every field has its key. */
#define ROW_MAX_BYTES ((size_t)4 << 20)
/* Behind the rows, with the largest numbers and the longest exception's name. */
#define TAIL_MAX_BYTES 256
#define EXACT_INTEGERS 9007199254740992 /* 2^53: JSON numbers are exact up to here */
#define HEAD_MAX_BYTES ((size_t)1 << 20)

void result_rows_init(struct result_rows *rows, const struct result_rows_settings *settings)
{
    *rows = (struct result_rows){.settings = *settings};
    buffer_init(&rows->told.bytes, settings->inline_bytes);
    buffer_init(&rows->object.bytes, settings->object_bytes);
    buffer_init(&rows->row, ROW_MAX_BYTES);
    buffer_init(&rows->text, ROW_MAX_BYTES);
    rows->told.open = settings->inline_bytes > 0;
    rows->object.open = settings->object_bytes > 0;
}

static void wipe(struct buffer *buffer)
{
    buffer_wipe(buffer);
    buffer_clear(buffer);
}

void result_rows_clear(struct result_rows *rows)
{
    wipe(&rows->told.bytes);
    wipe(&rows->object.bytes);
    wipe(&rows->row);
    wipe(&rows->text);
}

/* ---- Fields --------------------------------------------------------------------------------- */

/* The shortest text that reads back as the same number. */
static void append_double(struct buffer *out, double real)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_write_double(&writer, NULL, real);
}

static bool is_exact(int64_t integer)
{
    return integer <= EXACT_INTEGERS && integer >= -EXACT_INTEGERS;
}

static void write_field(struct json_writer *writer, const struct redshift_data_field *field,
                        bool for_people)
{
    switch (field->kind) {
    case REDSHIFT_DATA_NULL: json_write_null(writer, NULL); break;
    case REDSHIFT_DATA_BOOL: json_write_bool(writer, NULL, field->flag); break;
    case REDSHIFT_DATA_DOUBLE: json_write_double(writer, NULL, field->real); break;
    case REDSHIFT_DATA_TEXT:
    case REDSHIFT_DATA_BLOB: json_write_text(writer, NULL, field->text); break;
    case REDSHIFT_DATA_LONG:
        if (is_exact(field->integer) || !for_people) {
            json_write_int64(writer, NULL, field->integer);
        } else {
            buffer_append_text(writer->out, writer->needs_comma ? ",\"" : "\"");
            buffer_append_int64(writer->out, field->integer);
            buffer_append_byte(writer->out, '"');
            writer->needs_comma = true;
        }
        break;
    }
}

/* RFC 4180: quoted where a comma, a quote or a line break asks for it. */
static void append_csv_text(struct buffer *out, struct slice text)
{
    static const char special[] = {',', '"', '\n', '\r'};
    bool quoted = text.size == 0; /* told apart from NULL */
    for (size_t i = 0; i < ARRAY_COUNT(special); i++) {
        quoted |= slice_find_byte(text, special[i]) < text.size;
    }
    if (!quoted) {
        buffer_append(out, text);
        return;
    }
    buffer_append_byte(out, '"');
    while (text.size > 0) {
        const size_t quote = slice_find_byte(text, '"');
        buffer_append(out, slice_part(text, 0, quote));
        if (quote < text.size) {
            buffer_append_text(out, "\"\"");
        }
        text = slice_part(text, quote + 1, text.size);
    }
    buffer_append_byte(out, '"');
}

static void append_csv_field(struct buffer *out, const struct redshift_data_field *field)
{
    switch (field->kind) {
    case REDSHIFT_DATA_NULL: break;
    case REDSHIFT_DATA_BOOL: buffer_append_text(out, field->flag ? "true" : "false"); break;
    case REDSHIFT_DATA_LONG: buffer_append_int64(out, field->integer); break;
    case REDSHIFT_DATA_DOUBLE: append_double(out, field->real); break;
    case REDSHIFT_DATA_TEXT:
    case REDSHIFT_DATA_BLOB: append_csv_text(out, field->text); break;
    }
}

struct slice result_rows_field_text(struct arena *arena, const struct redshift_data_field *field)
{
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, TAIL_MAX_BYTES);
    if (field->kind == REDSHIFT_DATA_TEXT || field->kind == REDSHIFT_DATA_BLOB) {
        return field->text;
    }
    append_csv_field(&out, field);
    return arena_copy(arena, buffer_slice(&out));
}

/* ---- Columns -------------------------------------------------------------------------------- */

static size_t count_of(const struct slice *names, size_t count, struct slice name)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        found += slice_equals(names[i], name);
    }
    return found;
}

/* An object has each name once: the second "id" is "id_2". once: what the columns before have. */
static struct slice name_once(struct arena *arena, const struct result_rows *rows,
                              const struct slice *once, size_t column)
{
    const struct slice name = rows->names[column];
    struct slice chosen = name;
    size_t n = count_of(rows->names, column, name) + 1;
    while (count_of(once, column, chosen) > 0) {
        n = n > 1 ? n : 2;
        chosen = slice_from_text(arena_format(arena, "%.*s_%zu", SLICE_PRINT(name), n++));
    }
    return chosen;
}

static void make_keys(struct result_rows *rows, struct arena *arena)
{
    struct slice *once = ARENA_ARRAY(arena, rows->column_count + 1, struct slice);
    rows->keys = ARENA_ARRAY(arena, rows->column_count + 1, struct slice);
    for (size_t i = 0; i < rows->column_count; i++) {
        struct json_writer writer;
        once[i] = name_once(arena, rows, once, i);
        buffer_reset(&rows->text);
        json_writer_init(&writer, &rows->text);
        json_write_name(&writer, once[i]);
        rows->keys[i] = arena_copy(arena, buffer_slice(&rows->text));
    }
}

/* ---- Places --------------------------------------------------------------------------------- */

/* Takes the whole of it or nothing, and nothing ever after. */
static void put(struct result_rows_place *place, struct slice bytes)
{
    if (bytes.size > place->bytes.max_bytes - place->bytes.size) {
        place->open = false;
    } else {
        buffer_append(&place->bytes, bytes);
    }
}

/* As a part of a JSON text, without its quotes. */
static struct slice escaped(struct buffer *out, struct slice text)
{
    struct json_writer writer;
    buffer_reset(out);
    json_writer_init(&writer, out);
    json_write_text(&writer, NULL, text);
    return slice_part(buffer_slice(out), 1, out->size - 2);
}

static void csv_header(struct result_rows *rows)
{
    buffer_reset(&rows->row);
    for (size_t i = 0; i < rows->column_count; i++) {
        buffer_append_text(&rows->row, i > 0 ? "," : "");
        append_csv_text(&rows->row, rows->names[i]);
    }
    buffer_append_text(&rows->row, rows->column_count > 0 ? "\r\n" : "");
}

static void begin_told(struct result_rows *rows)
{
    struct json_writer writer;
    CLEANUP(buffer_clear) struct buffer head;
    buffer_init(&head, HEAD_MAX_BYTES);
    json_writer_init(&writer, &head);
    json_begin_object(&writer, NULL);
    if (rows->settings.format == PLAN_FORMAT_CSV) {
        json_write_text(&writer, "format", SLICE("csv"));
        buffer_append_text(&head, ",\"text\":\"");
        buffer_append(&head, escaped(&rows->text, buffer_slice(&rows->row)));
    } else {
        json_write_text(&writer, "format", SLICE("json"));
        json_begin_array(&writer, "columns");
        for (size_t i = 0; i < rows->column_count; i++) {
            json_write_text(&writer, NULL, rows->names[i]);
        }
        json_end_array(&writer);
        json_begin_array(&writer, "rows");
    }
    /* Room for the tail is kept for it. */
    size_t *max_bytes = &rows->told.bytes.max_bytes;
    *max_bytes = *max_bytes > TAIL_MAX_BYTES ? *max_bytes - TAIL_MAX_BYTES : 0;
    put(&rows->told, buffer_slice(&head));
}

void result_rows_set_columns(struct result_rows *rows, struct arena *arena,
                             const struct slice *names, size_t count)
{
    rows->column_count = count;
    rows->names = ARENA_ARRAY(arena, count + 1, struct slice);
    for (size_t i = 0; i < count; i++) {
        rows->names[i] = arena_copy(arena, names[i]);
    }
    make_keys(rows, arena);
    csv_header(rows);
    if (rows->told.open) {
        begin_told(rows);
    }
    if (rows->object.open && rows->settings.format == PLAN_FORMAT_CSV) {
        put(&rows->object, buffer_slice(&rows->row));
    }
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static void make_csv(struct result_rows *rows, const struct redshift_data_field *fields)
{
    buffer_reset(&rows->row);
    for (size_t i = 0; i < rows->column_count; i++) {
        buffer_append_text(&rows->row, i > 0 ? "," : "");
        append_csv_field(&rows->row, &fields[i]);
    }
    buffer_append_text(&rows->row, "\r\n");
}

static void make_json_array(struct result_rows *rows, const struct redshift_data_field *fields)
{
    struct json_writer writer;
    buffer_reset(&rows->row);
    buffer_append_text(&rows->row, rows->told.count > 0 ? "," : "");
    json_writer_init(&writer, &rows->row);
    json_begin_array(&writer, NULL);
    for (size_t i = 0; i < rows->column_count; i++) {
        write_field(&writer, &fields[i], true);
    }
    json_end_array(&writer);
}

static void make_json_line(struct result_rows *rows, const struct redshift_data_field *fields)
{
    struct json_writer writer;
    buffer_reset(&rows->row);
    buffer_append_byte(&rows->row, '{');
    for (size_t i = 0; i < rows->column_count; i++) {
        buffer_append_text(&rows->row, i > 0 ? "," : "");
        buffer_append(&rows->row, rows->keys[i]);
        json_writer_init(&writer, &rows->row);
        write_field(&writer, &fields[i], false);
    }
    buffer_append_text(&rows->row, "}\n");
}

/* A row that could not even be made is one that does not fit. */
static void put_row(struct result_rows *rows, struct result_rows_place *place, struct slice row)
{
    place->open &= !rows->row.overflowed && !rows->text.overflowed;
    if (place->open) {
        put(place, row);
    }
    place->count += place->open;
}

void result_rows_add(struct result_rows *rows, const struct redshift_data_field *fields)
{
    const bool csv = rows->settings.format == PLAN_FORMAT_CSV;
    rows->seen++;
    if (csv) {
        make_csv(rows, fields);
    }
    if (rows->object.open) {
        if (!csv) {
            make_json_line(rows, fields);
        }
        put_row(rows, &rows->object, buffer_slice(&rows->row));
    }
    if (rows->told.open) {
        if (!csv) {
            make_json_array(rows, fields);
        }
        const struct slice row = buffer_slice(&rows->row);
        put_row(rows, &rows->told, csv ? escaped(&rows->text, row) : row);
    }
}

bool result_rows_wanted(const struct result_rows *rows)
{
    return (rows->told.open || rows->object.open) &&
           (rows->settings.max_rows < 0 || rows->seen < rows->settings.max_rows);
}

/* ---- Telling -------------------------------------------------------------------------------- */

static int64_t known_total(const struct result_rows *rows, int64_t total)
{
    return total > rows->seen ? total : rows->seen;
}

bool result_rows_fit_inline(const struct result_rows *rows, int64_t total)
{
    const int64_t all = known_total(rows, total);
    const int64_t most = rows->settings.max_rows;
    return rows->told.open && rows->told.count == (most >= 0 && most < all ? most : all);
}

static void write_end(struct json_writer *writer, int64_t total, int64_t count, const char *problem)
{
    json_write_int64(writer, "totalRows", total);
    json_write_bool(writer, "truncated", count < total || problem[0] != '\0');
    if (problem[0] != '\0') {
        json_write_text(writer, "error", slice_from_text(problem));
    }
    json_end_object(writer);
}

struct slice result_rows_inline(struct arena *arena, const struct result_rows *rows, int64_t total,
                                const char *problem)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    buffer_init(&out, rows->told.bytes.size + TAIL_MAX_BYTES);
    if (rows->told.bytes.size == 0) {
        return result_rows_missing(arena, rows->seen > 0 ? known_total(rows, total) : total,
                                   problem);
    }
    buffer_append(&out, buffer_slice(&rows->told.bytes));
    buffer_append_byte(&out, rows->settings.format == PLAN_FORMAT_CSV ? '"' : ']');
    json_writer_init(&writer, &out);
    writer.needs_comma = true;
    write_end(&writer, known_total(rows, total), rows->told.count, problem);
    return arena_copy(arena, buffer_slice(&out));
}

struct slice result_rows_pointer(struct arena *arena, const struct result_rows *rows, int64_t total,
                                 struct slice uri)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    buffer_init(&out, HEAD_MAX_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "uri", uri);
    json_write_text(&writer, "format",
                    rows->settings.format == PLAN_FORMAT_CSV ? SLICE("csv") : SLICE("json"));
    json_write_int64(&writer, "bytes", (int64_t)rows->object.bytes.size);
    write_end(&writer, known_total(rows, total), rows->object.count, "");
    return arena_copy(arena, buffer_slice(&out));
}

struct slice result_rows_missing(struct arena *arena, int64_t total, const char *problem)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    buffer_init(&out, HEAD_MAX_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    if (total >= 0) {
        json_write_int64(&writer, "totalRows", total);
    }
    json_write_bool(&writer, "truncated", true);
    if (problem[0] != '\0') {
        json_write_text(&writer, "error", slice_from_text(problem));
    }
    json_end_object(&writer);
    return arena_copy(arena, buffer_slice(&out));
}
