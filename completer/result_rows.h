/*
 * Collecting the rows of a result as they come, page after page: pure. Rows go into up to two
 * places, what the caller is told (inline) and an object in S3, and each place takes whole rows
 * only, until it is full.
 *
 *     inline   {"format":"json","columns":["id"],"rows":[[1],[2]],"totalRows":2,"truncated":false}
 *              {"format":"csv","text":"id\r\n1\r\n2\r\n","totalRows":2,"truncated":false}
 *     object   JSON: a line per row, an object of its columns (what Athena and COPY load);
 *              CSV: RFC 4180 with a header
 *
 * NULL is null in JSON, nothing in CSV, where an empty text is "". Blobs stay base64. An integer
 * beyond 2^53 is a text inline, since most JSON readers would round it; in an object, which is
 * read by databases, it is a number.
 */
#ifndef RINGBACK_COMPLETER_RESULT_ROWS_H
#define RINGBACK_COMPLETER_RESULT_ROWS_H

#include "tracker/invocation.h"

#include "infra/aws/redshift_data_page.h"
#include "infra/base/buffer.h"
#include "infra/base/json_writer.h"

struct result_rows_settings {
    enum plan_result_format format;
    int64_t max_rows;    /* -1: as many as fit */
    size_t inline_bytes; /* room for the whole inline document; 0: none is wanted */
    size_t object_bytes; /* room for the object; 0: none is wanted */
};

/* One of the two places. */
struct result_rows_place {
    struct buffer bytes;
    int64_t count; /* rows in it */
    bool open;     /* takes more */
};

struct result_rows {
    struct result_rows_settings settings;
    struct slice *names; /* of the columns: as they are */
    struct slice *keys;  /* JSON members of an object's line, each name once: "id": */
    size_t column_count;
    struct result_rows_place told;
    struct result_rows_place object;
    struct buffer row;  /* the row at hand */
    struct buffer text; /* what is escaped of it */
    int64_t seen;       /* rows that were added */
};

void result_rows_init(struct result_rows *rows, const struct result_rows_settings *settings);
/* Fit for CLEANUP; wipes what it held. */
void result_rows_clear(struct result_rows *rows);

/* Once, before the first row. Names are copied to the arena. */
void result_rows_set_columns(struct result_rows *rows, struct arena *arena,
                             const struct slice *names, size_t count);
/* Whether another row would be kept. */
bool result_rows_wanted(const struct result_rows *rows);
/* Adds a row of column_count fields; only when it is wanted. */
void result_rows_add(struct result_rows *rows, const struct redshift_data_field *fields);

/* Whether all rows that are asked for fit into the reply; total: of the result, -1: not known. */
bool result_rows_fit_inline(const struct result_rows *rows, int64_t total);
/* The inline document. problem: why rows are missing, "" when it is only for lack of room. */
struct slice result_rows_inline(struct arena *arena, const struct result_rows *rows, int64_t total,
                                const char *problem);
/* What is told of an object that has been put at uri. */
struct slice result_rows_pointer(struct arena *arena, const struct result_rows *rows, int64_t total,
                                 struct slice uri);
/* What is told when there is neither. */
struct slice result_rows_missing(struct arena *arena, int64_t total, const char *problem);

/* A field as a text: "" for NULL, true or false, digits, base64. In the arena or the field's. */
struct slice result_rows_field_text(struct arena *arena, const struct redshift_data_field *field);

#endif
