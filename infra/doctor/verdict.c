#include "infra/doctor/verdict.h"

enum verdict verdict_all(enum verdict a, enum verdict b)
{
    return a < b ? a : b;
}

enum verdict verdict_any(enum verdict a, enum verdict b)
{
    return a > b ? a : b;
}

enum verdict verdict_not(enum verdict a)
{
    return a == VERDICT_UNKNOWN ? VERDICT_UNKNOWN : verdict_of(a == VERDICT_NO);
}

enum verdict verdict_of(bool fits)
{
    return fits ? VERDICT_YES : VERDICT_NO;
}

static bool same_byte(char a, char b, bool ignore_case)
{
    return ignore_case ? slice_equals_ignore_case((struct slice){&a, 1}, (struct slice){&b, 1})
                       : a == b;
}

/* Whether the pattern's letter at *at takes the byte; *at moves behind it. */
static bool takes(struct slice pattern, size_t *at, char byte, struct glob_style style)
{
    bool plain = false;
    if (style.backslash && pattern.data[*at] == '\\' && *at + 1 < pattern.size) {
        (*at)++;
        plain = true;
    }
    const char letter = pattern.data[(*at)++];
    return (style.question_mark && !plain && letter == '?') ||
           same_byte(letter, byte, style.ignore_case);
}

bool glob_fits(struct slice pattern, struct slice text, struct glob_style style)
{
    size_t at = 0;
    size_t offset = 0;
    size_t star = pattern.size + 1; /* behind the last star; beyond the end: none yet */
    size_t retry = 0;               /* where the text is tried again behind that star */
    while (offset < text.size) {
        size_t next = at;
        if (at < pattern.size && pattern.data[at] == '*') {
            star = ++at;
            retry = offset;
        } else if (at < pattern.size && takes(pattern, &next, text.data[offset], style)) {
            at = next;
            offset++;
        } else if (star <= pattern.size) {
            at = star;
            offset = ++retry;
        } else {
            return false;
        }
    }
    while (at < pattern.size && pattern.data[at] == '*') {
        at++;
    }
    return at == pattern.size;
}
