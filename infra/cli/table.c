#include "infra/cli/table.h"

#include "infra/base/buffer.h"
#include "infra/base/memory.h"

#include <stdlib.h>
#include <string.h>

#define CELL_MAX_BYTES (4u << 20)

void table_init(struct table *table)
{
    *table = (struct table){0};
}

void table_clear(struct table *table)
{
    free(table->columns);
    free(table->cells);
    *table = (struct table){0};
}

void table_add_column(struct table *table, struct slice name, bool right)
{
    if (table->column_count == TABLE_COLUMNS_MAX) {
        return;
    }
    table->columns =
        memory_resize(table->columns, (table->column_count + 1) * sizeof(struct table_column));
    table->columns[table->column_count++] = (struct table_column){.name = name, .right = right};
}

void table_add_cell(struct table *table, struct slice cell)
{
    if (table->cell_count == table->cell_capacity) {
        table->cell_capacity = table->cell_capacity > 0 ? table->cell_capacity * 2 : 256;
        table->cells = memory_resize(table->cells, table->cell_capacity * sizeof(struct slice));
    }
    table->cells[table->cell_count++] = cell;
}

size_t table_rows(const struct table *table)
{
    return table->column_count > 0 ? table->cell_count / table->column_count : 0;
}

/* A terminal must not be told anything by data: control characters, C1 included, are escaped. */
static void append_cell(struct slice cell, struct buffer *out)
{
    for (size_t i = 0; i < cell.size; i++) {
        const unsigned char byte = (unsigned char)cell.data[i];
        const unsigned char next = i + 1 < cell.size ? (unsigned char)cell.data[i + 1] : 0;
        if (byte == '\n') {
            buffer_append_text(out, "\\n");
        } else if (byte == '\t') {
            buffer_append_text(out, "\\t");
        } else if (byte == '\r') {
            buffer_append_text(out, "\\r");
        } else if (byte < 0x20 || byte == 0x7f) {
            buffer_append_format(out, "\\x%02x", byte);
        } else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
            buffer_append_format(out, "\\u%04x", next);
            i++;
        } else {
            buffer_append_byte(out, (char)byte);
        }
    }
}

static struct slice shown(struct slice cell, struct buffer *scratch)
{
    if (cell.data == NULL) {
        return SLICE("NULL");
    }
    buffer_reset(scratch);
    append_cell(cell, scratch);
    return buffer_slice(scratch);
}

/* Characters: bytes that do not continue one. */
static size_t width_of(struct slice text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.size; i++) {
        width += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    }
    return width;
}

static void widen(struct table_column *column, struct slice text)
{
    const size_t width = width_of(text);
    column->width = width > column->width ? width : column->width;
}

static void print_cell(const struct table *table, size_t index, struct slice text, bool right,
                       FILE *out)
{
    const size_t width = width_of(text);
    const int pad = (int)(table->columns[index].width - width);
    const bool last = index + 1 == table->column_count;
    if (index > 0) {
        (void)fputs("  ", out);
    }
    if (right) {
        (void)fprintf(out, "%*s", pad, "");
    }
    (void)fwrite(text.data, 1, text.size, out);
    if (!right && !last) {
        (void)fprintf(out, "%*s", pad, "");
    }
    if (last) {
        (void)fputc('\n', out);
    }
}

static void print_head(struct table *table, struct buffer *scratch, FILE *out)
{
    for (size_t i = 0; i < table->column_count; i++) {
        print_cell(table, i, shown(table->columns[i].name, scratch), table->columns[i].right, out);
    }
    for (size_t i = 0; i < table->column_count; i++) {
        for (size_t k = 0; k < table->columns[i].width; k++) {
            (void)fputc('-', out);
        }
        (void)fputs(i + 1 < table->column_count ? "  " : "\n", out);
    }
    table->headed = true;
}

void table_print(struct table *table, FILE *out)
{
    CLEANUP(buffer_clear) struct buffer scratch;
    buffer_init(&scratch, CELL_MAX_BYTES);
    for (size_t i = 0; i < table->column_count; i++) {
        widen(&table->columns[i], shown(table->columns[i].name, &scratch));
    }
    const size_t cells = table_rows(table) * table->column_count;
    for (size_t i = 0; i < cells; i++) {
        widen(&table->columns[i % table->column_count], shown(table->cells[i], &scratch));
    }
    if (!table->headed) {
        print_head(table, &scratch, out);
    }
    for (size_t i = 0; i < cells; i++) {
        const size_t column = i % table->column_count;
        print_cell(table, column, shown(table->cells[i], &scratch), table->columns[column].right,
                   out);
    }
    table->cell_count = 0;
}
