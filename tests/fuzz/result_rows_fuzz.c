/*
 * Pages of GetStatementResult, whatever they hold: what is told of their rows is JSON within its
 * room, and each line of an object is JSON. Input: three bytes that choose format and room, then a
 * page.
 */
#include "completer/result_rows.h"
#include "tests/fuzz/fuzz.h"

#define CHOICE_BYTES 3
#define OBJECT_BYTES 4096

static void check_json(struct arena *arena, struct slice text, enum json_kind kind)
{
    struct json root = {0};
    FUZZ_CHECK(json_parse(arena, text, &root, NULL) == STATUS_OK);
    FUZZ_CHECK(json_kind(root) == kind);
}

static void check_object(struct arena *arena, const struct result_rows *rows)
{
    struct slice rest = buffer_slice(&rows->object.bytes);
    int64_t lines = 0;
    FUZZ_CHECK(rest.size <= OBJECT_BYTES);
    for (; rest.size > 0 && rows->settings.format == PLAN_FORMAT_JSON; lines++) {
        check_json(arena, fuzz_take(&rest, '\n'), JSON_OBJECT);
    }
    FUZZ_CHECK(rows->settings.format == PLAN_FORMAT_CSV || lines == rows->object.count);
}

/* All rows as far as they can be read. */
static void add_rows(struct arena *arena, const struct redshift_data_page *page,
                     struct result_rows *rows)
{
    struct redshift_data_field *fields =
        ARENA_ARRAY(arena, page->column_count + 1, struct redshift_data_field);
    for (struct json row = page->row; json_kind(row) != JSON_ABSENT && result_rows_wanted(rows);
         row = json_next(row)) {
        if (redshift_data_read_row(row, fields, page->column_count, NULL) != STATUS_OK) {
            return;
        }
        result_rows_add(rows, fields);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CHOICE_BYTES) {
        return 0;
    }
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(FUZZ_ARENA_BYTES);
    const struct aws_call call = {.operation = "Fuzz",
                                  .status = STATUS_OK,
                                  .reply = fuzz_input(data + CHOICE_BYTES, size - CHOICE_BYTES),
                                  .code = 200};
    const size_t room = (size_t)data[1] * 16 + data[2];
    const struct result_rows_settings settings = {.format = data[0] % 2 == 0 ? PLAN_FORMAT_JSON
                                                                             : PLAN_FORMAT_CSV,
                                                  .max_rows = data[0] >= 128 ? 2 : -1,
                                                  .inline_bytes = room,
                                                  .object_bytes = OBJECT_BYTES};
    struct redshift_data_page page;
    if (redshift_data_read_page(arena, &call, &page, NULL) != STATUS_OK) {
        return 0;
    }
    struct result_rows rows;
    result_rows_init(&rows, &settings);
    result_rows_set_columns(&rows, arena, page.columns, page.column_count);
    add_rows(arena, &page, &rows);
    const struct slice told = result_rows_inline(arena, &rows, page.total_rows, "");
    FUZZ_CHECK(told.size <= room || rows.told.bytes.size == 0);
    check_json(arena, told, JSON_OBJECT);
    check_json(arena, result_rows_pointer(arena, &rows, page.total_rows, SLICE("s3://b/x")),
               JSON_OBJECT);
    check_object(arena, &rows);
    result_rows_clear(&rows);
    return 0;
}
