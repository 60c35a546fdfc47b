#include "completer/batch.h"

#include "infra/base/buffer.h"

/* More of them say no more. */
#define TOLD_MAX 10

static size_t statements_before(const struct plan *plan, unsigned step)
{
    size_t count = 0;
    for (size_t i = 0; i + 1 < step && i < plan->step_count; i++) {
        count += plan->steps[i].sql_count;
    }
    return count;
}

static bool tells(const struct redshift_data_sub_statement *sub)
{
    return sub->status == REDSHIFT_DATA_FAILED && sub->error.size > 0;
}

struct slice batch_error(struct arena *arena, const struct plan *plan, unsigned step,
                         const struct redshift_data_description *description)
{
    CLEANUP(buffer_clear) struct buffer text;
    const size_t before = statements_before(plan, step);
    size_t told = 0;
    size_t failed = 0;
    buffer_init(&text, 4 * INVOCATION_ERROR_TEXT_MAX_BYTES);
    for (size_t i = 0; i < description->sub_count; i++) {
        const struct slice error = description->subs[i].error;
        const bool full = told == TOLD_MAX || text.size >= INVOCATION_ERROR_TEXT_MAX_BYTES;
        failed += tells(&description->subs[i]);
        if (!tells(&description->subs[i]) || full) {
            continue;
        }
        buffer_append_format(&text, "%sstatement %zu: %.*s", told > 0 ? "\n" : "", before + i + 1,
                             SLICE_PRINT(slice_cut_utf8(error, INVOCATION_ERROR_TEXT_MAX_BYTES)));
        told++;
    }
    if (failed > told) {
        buffer_append_format(&text, "\nand %zu more", failed - told);
    }
    return told > 0 ? arena_copy(arena, buffer_slice(&text)) : description->error;
}

int64_t batch_rows(const struct redshift_data_description *description)
{
    const struct redshift_data_sub_statement *found = NULL;
    for (size_t i = 0; i < description->sub_count; i++) {
        const struct redshift_data_sub_statement *sub = &description->subs[i];
        if (sub->has_result_set || found == NULL || !found->has_result_set) {
            found = sub;
        }
    }
    return description->result_rows < 0 && found != NULL ? found->result_rows
                                                         : description->result_rows;
}
