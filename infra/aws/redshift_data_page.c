#include "infra/aws/redshift_data_page.h"

#include "infra/aws/redshift_data.h"

/* What ColumnMetadata calls a column: its alias, else its name. */
static struct slice label_of(struct json column)
{
    struct slice label = SLICE_NONE;
    if (json_find_text(column, "label", 0, &label, NULL) == STATUS_OK && label.size > 0) {
        return label;
    }
    label = SLICE("");
    return json_find_text(column, "name", 0, &label, NULL) == STATUS_OK ? label : SLICE("");
}

static void read_columns(struct arena *arena, struct json list, struct redshift_data_page *page)
{
    struct slice *columns = ARENA_ARRAY(arena, json_count(list) + 1, struct slice);
    for (struct json column = json_element(list, 0); json_kind(column) != JSON_ABSENT;
         column = json_next(column)) {
        columns[page->column_count++] = label_of(column);
    }
    page->columns = columns;
}

enum status redshift_data_read_page(struct arena *arena, const struct aws_call *call,
                                    struct redshift_data_page *page, struct error *error)
{
    struct json document;
    struct json columns = {NULL, NULL};
    *page = (struct redshift_data_page){.total_rows = -1};
    const enum status status =
        redshift_data_read_result(arena, call, &document, &page->next_token, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (json_find_array(document, "ColumnMetadata", &columns, error) != STATUS_OK ||
        json_find_int64(document, "TotalNumRows", -1, INT64_MAX, &page->total_rows, error) !=
            STATUS_OK) {
        return STATUS_INTERNAL;
    }
    if (json_count(columns) > REDSHIFT_DATA_COLUMNS_MAX) {
        return error_set(error, STATUS_INTERNAL,
                         "redshift-data.GetStatementResult: more than %d columns",
                         REDSHIFT_DATA_COLUMNS_MAX);
    }
    read_columns(arena, columns, page);
    page->row = json_element(json_member(document, "Records"), 0);
    return STATUS_OK;
}

/* Beyond 2^53 the digits come as a text (infra/aws/exact_integers.h). */
static enum status read_long(struct json value, struct redshift_data_field *field)
{
    struct slice digits = SLICE_NONE;
    field->kind = REDSHIFT_DATA_LONG;
    if (json_kind(value) != JSON_TEXT) {
        return json_int64(value, INT64_MIN, INT64_MAX, &field->integer, NULL);
    }
    const enum status status = json_text(value, &digits, NULL);
    return status != STATUS_OK
               ? status
               : slice_to_int64(digits, INT64_MIN, INT64_MAX, &field->integer, NULL);
}

/* A whole number beyond 2^53 comes as a text too; what is none is NaN or an infinity. */
static enum status read_double(struct json object, struct json value,
                               struct redshift_data_field *field)
{
    int64_t integer = 0;
    field->kind = REDSHIFT_DATA_DOUBLE;
    if (json_kind(value) != JSON_TEXT) {
        return json_find_double(object, "doubleValue", &field->real, NULL);
    }
    const enum status status = json_text(value, &field->text, NULL);
    if (slice_to_int64(field->text, INT64_MIN, INT64_MAX, &integer, NULL) == STATUS_OK) {
        field->real = (double)integer;
    } else {
        field->kind = REDSHIFT_DATA_TEXT;
    }
    return status;
}

/* A field is an object with one member, whose name says what it is. */
static enum status read_field(struct json object, struct redshift_data_field *field)
{
    struct slice name = SLICE_NONE;
    const struct json value = json_member_at(object, 0, &name);
    *field = (struct redshift_data_field){.kind = REDSHIFT_DATA_NULL};
    if (slice_equals_text(name, "isNull")) {
        return STATUS_OK;
    }
    if (slice_equals_text(name, "stringValue")) {
        field->kind = REDSHIFT_DATA_TEXT;
        return json_text(value, &field->text, NULL);
    }
    if (slice_equals_text(name, "longValue")) {
        return read_long(value, field);
    }
    if (slice_equals_text(name, "doubleValue")) {
        return read_double(object, value, field);
    }
    if (slice_equals_text(name, "booleanValue")) {
        field->kind = REDSHIFT_DATA_BOOL;
        return json_find_bool(object, "booleanValue", &field->flag, NULL);
    }
    if (slice_equals_text(name, "blobValue")) {
        field->kind = REDSHIFT_DATA_BLOB;
        return json_text(value, &field->text, NULL);
    }
    return STATUS_INTERNAL;
}

enum status redshift_data_read_row(struct json row, struct redshift_data_field *fields,
                                   size_t count, struct error *error)
{
    struct json field = json_element(row, 0);
    for (size_t i = 0; i < count; i++, field = json_next(field)) {
        if (read_field(field, &fields[i]) != STATUS_OK) {
            return error_set(
                error, STATUS_INTERNAL,
                "redshift-data.GetStatementResult: a row has a field of no known kind");
        }
    }
    return json_kind(field) == JSON_ABSENT
               ? STATUS_OK
               : error_set(error, STATUS_INTERNAL,
                           "redshift-data.GetStatementResult: a row has more fields than columns");
}
