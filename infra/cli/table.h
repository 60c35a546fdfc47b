/*
 * Rows for a person: columns aligned, numbers to the right, NULL shown, control characters
 * escaped. Rows are held until table_print; what comes after keeps the widths, so that a long
 * result may be printed in parts.
 */
#ifndef RINGBACK_INFRA_CLI_TABLE_H
#define RINGBACK_INFRA_CLI_TABLE_H

#include "infra/base/arena.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 1600 /* as many as a table of Redshift has */

struct table_column {
    struct slice name;
    bool right;   /* aligned so: all its values are numbers */
    size_t width; /* in characters, of what was printed so far */
};

struct table {
    struct table_column *columns;
    size_t column_count;
    struct slice *cells; /* row by row; absent: NULL */
    size_t cell_count;
    size_t cell_capacity;
    bool headed; /* the head is printed */
};

/* Names are copied by reference: they outlive the table. */
void table_init(struct table *table);
void table_clear(struct table *table);
void table_add_column(struct table *table, struct slice name, bool right);
/* Cells in the order of columns; what they point to lives until table_print. */
void table_add_cell(struct table *table, struct slice cell);
/* Rows held. */
size_t table_rows(const struct table *table);
/* Prints what is held, under the head when it is the first part, and lets go of it. */
void table_print(struct table *table, FILE *out);

#endif
