#include "infra/local/local_result.h"

#include "infra/base/encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void local_result_init(struct local_result *result)
{
    *result = (struct local_result){0};
    buffer_init(&result->bytes, LOCAL_RESULT_MAX_BYTES);
}

void local_result_clear(struct local_result *result)
{
    free(result->columns);
    free(result->cells);
    buffer_clear(&result->bytes);
    local_result_init(result);
}

static void copy_name(struct slice from, char *to, size_t to_bytes)
{
    from = slice_cut_utf8(from, to_bytes - 1);
    if (from.size > 0) {
        memcpy(to, from.data, from.size);
    }
    to[from.size] = '\0';
}

struct local_column *local_result_add_column(struct local_result *result, struct slice name,
                                             struct slice type_name)
{
    if (result->column_count == LOCAL_RESULT_COLUMNS_MAX) {
        return NULL;
    }
    if (result->column_count % 16 == 0) {
        void *grown =
            realloc(result->columns, (result->column_count + 16) * sizeof(struct local_column));
        if (!grown) {
            abort();
        }
        result->columns = grown;
    }
    struct local_column *column = &result->columns[result->column_count++];
    *column = (struct local_column){.nullable = true};
    copy_name(name, column->name, sizeof(column->name));
    copy_name(type_name, column->type_name, sizeof(column->type_name));
    return column;
}

static struct local_cell *add_cell(struct local_result *result, enum local_cell_kind kind)
{
    if (result->cell_count == result->cell_capacity) {
        size_t capacity = result->cell_capacity ? result->cell_capacity * 2 : 16;
        void *grown = realloc(result->cells, capacity * sizeof(struct local_cell));
        if (!grown) {
            abort();
        }
        result->cells = grown;
        result->cell_capacity = capacity;
    }
    struct local_cell *cell = &result->cells[result->cell_count++];
    *cell = (struct local_cell){.kind = kind};
    return cell;
}

void local_result_add_null(struct local_result *result)
{
    add_cell(result, LOCAL_CELL_NULL);
}

void local_result_add_bool(struct local_result *result, bool value)
{
    add_cell(result, LOCAL_CELL_BOOL)->flag = value;
    result->size_bytes += 1;
}

void local_result_add_long(struct local_result *result, int64_t value)
{
    char text[24];
    int size = snprintf(text, sizeof(text), "%lld", (long long)value);
    add_cell(result, LOCAL_CELL_LONG)->integer = value;
    result->size_bytes += (size_t)size;
}

void local_result_add_double(struct local_result *result, double value)
{
    add_cell(result, LOCAL_CELL_DOUBLE)->real = value;
    result->size_bytes += sizeof(double);
}

static void add_span(struct local_result *result, enum local_cell_kind kind, struct slice value)
{
    struct local_cell *cell = add_cell(result, kind);
    cell->span.offset = result->bytes.size;
    cell->span.size = value.size;
    buffer_append(&result->bytes, value);
    result->size_bytes += value.size;
}

void local_result_add_text(struct local_result *result, struct slice value)
{
    add_span(result, LOCAL_CELL_TEXT, value);
}

void local_result_add_blob(struct local_result *result, struct slice value)
{
    add_span(result, LOCAL_CELL_BLOB, value);
}

const char *local_result_end_row(struct local_result *result)
{
    size_t row_bytes = result->size_bytes - result->row_start_size;
    result->row_start_size = result->size_bytes;
    if (row_bytes > LOCAL_RESULT_ROW_BYTES) {
        return "Packet for query is too large";
    }
    size_t held = result->bytes.size + result->cell_count * sizeof(struct local_cell);
    if (result->bytes.overflowed || held > LOCAL_RESULT_MAX_BYTES) {
        return "Database response exceeded size limit";
    }
    return NULL;
}

size_t local_result_row_count(const struct local_result *result)
{
    return result->column_count ? result->cell_count / result->column_count : 0;
}

static struct slice span_of(const struct local_result *result, const struct local_cell *cell)
{
    return slice_part(buffer_slice(&result->bytes), cell->span.offset, cell->span.size);
}

static size_t row_bytes(const struct local_result *result, size_t row)
{
    size_t total = 0;
    for (size_t i = 0; i < result->column_count; i++) {
        const struct local_cell *cell = &result->cells[row * result->column_count + i];
        bool spans = cell->kind == LOCAL_CELL_TEXT || cell->kind == LOCAL_CELL_BLOB;
        total += 16 + (spans ? cell->span.size : 8);
    }
    return total;
}

size_t local_result_page_end(const struct local_result *result, size_t first_row)
{
    size_t rows = local_result_row_count(result);
    size_t total = 0;
    size_t row = first_row;
    while (row < rows && row - first_row < LOCAL_RESULT_PAGE_ROWS) {
        total += row_bytes(result, row);
        if (total > LOCAL_RESULT_PAGE_BYTES && row > first_row) {
            break;
        }
        row++;
    }
    return row;
}

void local_result_write_columns(const struct local_result *result, const char *name,
                                struct json_writer *writer)
{
    json_begin_array(writer, name);
    for (size_t i = 0; i < result->column_count; i++) {
        const struct local_column *column = &result->columns[i];
        json_begin_object(writer, NULL);
        json_write_bool(writer, "isCaseSensitive", strstr(column->type_name, "char") != NULL);
        json_write_bool(writer, "isCurrency", false);
        json_write_bool(writer, "isSigned", column->is_signed);
        json_write_text(writer, "label", slice_from_text(column->name));
        json_write_int64(writer, "length", column->length);
        json_write_text(writer, "name", slice_from_text(column->name));
        json_write_int64(writer, "nullable", column->nullable ? 1 : 0);
        json_write_int64(writer, "precision", column->precision);
        json_write_int64(writer, "scale", column->scale);
        json_write_text(writer, "schemaName", SLICE(""));
        json_write_text(writer, "tableName", SLICE(""));
        json_write_text(writer, "typeName", slice_from_text(column->type_name));
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_base64(const char *name, struct slice bytes, struct json_writer *writer)
{
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, LOCAL_RESULT_ROW_BYTES * 2);
    encode_base64(bytes.data, bytes.size, &text);
    json_write_text(writer, name, buffer_slice(&text));
}

static void write_cell(const struct local_result *result, const struct local_cell *cell,
                       struct json_writer *writer)
{
    json_begin_object(writer, NULL);
    switch (cell->kind) {
    case LOCAL_CELL_NULL: json_write_bool(writer, "isNull", true); break;
    case LOCAL_CELL_BOOL: json_write_bool(writer, "booleanValue", cell->flag); break;
    case LOCAL_CELL_LONG: json_write_int64(writer, "longValue", cell->integer); break;
    case LOCAL_CELL_DOUBLE: json_write_double(writer, "doubleValue", cell->real); break;
    case LOCAL_CELL_TEXT: json_write_text(writer, "stringValue", span_of(result, cell)); break;
    case LOCAL_CELL_BLOB: write_base64("blobValue", span_of(result, cell), writer); break;
    }
    json_end_object(writer);
}

void local_result_write_rows(const struct local_result *result, size_t first_row, size_t end_row,
                             struct json_writer *writer)
{
    json_begin_array(writer, "Records");
    for (size_t row = first_row; row < end_row; row++) {
        json_begin_array(writer, NULL);
        for (size_t i = 0; i < result->column_count; i++) {
            write_cell(result, &result->cells[row * result->column_count + i], writer);
        }
        json_end_array(writer);
    }
    json_end_array(writer);
}

/* RFC 4180: quoted only where a comma, quote or line break asks for it. */
static void append_csv_text(struct buffer *csv, struct slice text)
{
    bool quoted =
        slice_find_byte(text, ',') < text.size || slice_find_byte(text, '"') < text.size ||
        slice_find_byte(text, '\n') < text.size || slice_find_byte(text, '\r') < text.size;
    if (!quoted) {
        buffer_append(csv, text);
        return;
    }
    buffer_append_byte(csv, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"') {
            buffer_append_byte(csv, '"');
        }
        buffer_append_byte(csv, text.data[i]);
    }
    buffer_append_byte(csv, '"');
}

static void append_csv_cell(struct buffer *csv, const struct local_result *result,
                            const struct local_cell *cell)
{
    switch (cell->kind) {
    case LOCAL_CELL_NULL: break;
    case LOCAL_CELL_BOOL: buffer_append_text(csv, cell->flag ? "true" : "false"); break;
    case LOCAL_CELL_LONG: buffer_append_int64(csv, cell->integer); break;
    case LOCAL_CELL_DOUBLE: buffer_append_format(csv, "%.17g", cell->real); break;
    case LOCAL_CELL_TEXT: append_csv_text(csv, span_of(result, cell)); break;
    case LOCAL_CELL_BLOB: {
        struct slice bytes = span_of(result, cell);
        encode_base64(bytes.data, bytes.size, csv);
        break;
    }
    }
}

void local_result_write_csv(const struct local_result *result, size_t first_row, size_t end_row,
                            struct buffer *csv)
{
    for (size_t i = 0; first_row == 0 && i < result->column_count; i++) {
        append_csv_text(csv, slice_from_text(result->columns[i].name));
        buffer_append_text(csv, i + 1 < result->column_count ? "," : "\r\n");
    }
    for (size_t row = first_row; row < end_row; row++) {
        for (size_t i = 0; i < result->column_count; i++) {
            append_csv_cell(csv, result, &result->cells[row * result->column_count + i]);
            buffer_append_text(csv, i + 1 < result->column_count ? "," : "\r\n");
        }
    }
}

struct slice local_result_text(const struct local_result *result, size_t row, size_t column)
{
    const struct local_cell *cell = &result->cells[row * result->column_count + column];
    return cell->kind == LOCAL_CELL_TEXT ? span_of(result, cell) : SLICE_NONE;
}
