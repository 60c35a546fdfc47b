/*
 * The rows of one finished statement, typed, as GetStatementResult (JSON) and GetStatementResultV2
 * (CSV) give them. Filled by an engine on the statement's thread, read-only afterwards.
 */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_RESULT_H
#define RINGBACK_INFRA_LOCAL_LOCAL_RESULT_H

#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/json_writer.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOCAL_RESULT_COLUMNS_MAX 1600
#define LOCAL_RESULT_ROW_BYTES   (64UL * 1024)         /* of the Data API */
#define LOCAL_RESULT_MAX_BYTES   (256UL * 1024 * 1024) /* of this process, per statement */
#define LOCAL_RESULT_PAGE_ROWS   1000
#define LOCAL_RESULT_PAGE_BYTES  (1024UL * 1024)

enum local_cell_kind {
    LOCAL_CELL_NULL,
    LOCAL_CELL_BOOL,
    LOCAL_CELL_LONG,
    LOCAL_CELL_DOUBLE,
    LOCAL_CELL_TEXT,
    LOCAL_CELL_BLOB,
};

struct local_cell {
    enum local_cell_kind kind;
    union {
        bool flag;
        int64_t integer;
        double real;
        struct {
            size_t offset; /* into local_result.bytes */
            size_t size;
        } span;
    };
};

struct local_column {
    char name[128];
    char type_name[64];
    int64_t length;
    int64_t precision;
    int64_t scale;
    bool nullable;
    bool is_signed;
};

struct local_result {
    struct local_column *columns;
    size_t column_count;
    struct local_cell *cells; /* row by row */
    size_t cell_count;
    size_t cell_capacity;
    struct buffer bytes;   /* texts and blobs, one after the other */
    size_t size_bytes;     /* ResultSize: what the values take */
    size_t row_start_size; /* size_bytes where the row being filled began */
};

void local_result_init(struct local_result *result);
void local_result_clear(struct local_result *result);

/* All columns before the first cell. Returns the column to complete, or NULL past the maximum. */
struct local_column *local_result_add_column(struct local_result *result, struct slice name,
                                             struct slice type_name);
void local_result_add_null(struct local_result *result);
void local_result_add_bool(struct local_result *result, bool value);
void local_result_add_long(struct local_result *result, int64_t value);
void local_result_add_double(struct local_result *result, double value);
void local_result_add_text(struct local_result *result, struct slice value);
void local_result_add_blob(struct local_result *result, struct slice value);
/* NULL when the row fits the limits, else the database's text of why it does not. */
MUST_CHECK const char *local_result_end_row(struct local_result *result);
size_t local_result_row_count(const struct local_result *result);

/* Where the page that begins at this row ends: at most 1000 rows and about 1 MB, at least a row. */
size_t local_result_page_end(const struct local_result *result, size_t first_row);
/* ColumnMetadata's array. */
void local_result_write_columns(const struct local_result *result, const char *name,
                                struct json_writer *writer);
/* Records of GetStatementResult: rows first_row..end_row-1. */
void local_result_write_rows(const struct local_result *result, size_t first_row, size_t end_row,
                             struct json_writer *writer);
/* CSV text with CRLF; the header row comes before row 0. */
void local_result_write_csv(const struct local_result *result, size_t first_row, size_t end_row,
                            struct buffer *csv);
/* Text of a cell for use inside the process; absent for NULL and for other kinds. */
struct slice local_result_text(const struct local_result *result, size_t row, size_t column);

#endif
