/*
 * The rows of a statement, typed, one page of GetStatementResult after the other. The calls are
 * built by redshift_data_build_result.
 */
#ifndef RINGBACK_INFRA_AWS_REDSHIFT_DATA_PAGE_H
#define RINGBACK_INFRA_AWS_REDSHIFT_DATA_PAGE_H

#include "infra/aws/client.h"
#include "infra/base/arena.h"
#include "infra/base/json_reader.h"

#define REDSHIFT_DATA_COLUMNS_MAX 1664 /* of a target list */

enum redshift_data_kind {
    REDSHIFT_DATA_NULL,
    REDSHIFT_DATA_BOOL,
    REDSHIFT_DATA_LONG,
    REDSHIFT_DATA_DOUBLE,
    REDSHIFT_DATA_TEXT, /* also NaN and the infinities, as the service writes them */
    REDSHIFT_DATA_BLOB,
};

struct redshift_data_field {
    enum redshift_data_kind kind;
    bool flag;
    int64_t integer; /* every digit of a bigint */
    double real;
    struct slice text; /* of TEXT; of BLOB its base64 */
};

struct redshift_data_page {
    const struct slice *columns; /* their labels */
    size_t column_count;
    int64_t total_rows;      /* of the whole result; -1: not told */
    struct slice next_token; /* absent: the last page */
    struct json row;         /* the first one, json_next leads on; absent: none */
};

/* Reads an OK call's reply; all slices are in the arena. INTERNAL when the service answered
 * something that is not in its contract. */
MUST_CHECK enum status redshift_data_read_page(struct arena *arena, const struct aws_call *call,
                                               struct redshift_data_page *page,
                                               struct error *error);
/* The fields of one row of a page, as many as it has columns; texts point into the page. */
MUST_CHECK enum status redshift_data_read_row(struct json row, struct redshift_data_field *fields,
                                              size_t count, struct error *error);

#endif
