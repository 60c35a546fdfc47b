#include "infra/cli/usage.h"

/* A flag and what it means are two spaces or more apart. */
static void split_flag(struct slice text, struct usage_line *line)
{
    const size_t end = slice_find(text, SLICE("  "));
    line->kind = USAGE_FLAG;
    line->flag = slice_part(text, 0, end);
    line->text = slice_trim(slice_part(text, end, text.size));
}

bool usage_next(struct slice *rest, struct usage_line *line)
{
    const struct slice whole = *rest;
    const size_t end = slice_find_byte(whole, '\n');
    const struct slice raw = slice_part(whole, 0, end);
    const struct slice text = slice_trim(raw);
    if (whole.size == 0) {
        return false;
    }
    *rest = slice_part(whole, end < whole.size ? end + 1 : end, whole.size);
    *line = (struct usage_line){.kind = USAGE_PROSE, .text = text};
    if (text.size == 0) {
        line->kind = USAGE_BREAK;
    } else if (slice_starts_with(raw, SLICE("  --"))) {
        split_flag(text, line);
    } else if (slice_starts_with(raw, SLICE("  "))) {
        line->kind = USAGE_MORE;
    }
    return true;
}

struct slice usage_flag_name(struct slice flag)
{
    return slice_part(flag, 0, slice_find_byte(flag, ' '));
}
