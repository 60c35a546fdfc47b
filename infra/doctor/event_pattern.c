#include "infra/doctor/event_pattern.h"

static struct slice text_of(struct json value)
{
    struct slice text = SLICE_NONE;
    return json_text(value, &text, NULL) == STATUS_OK ? text : SLICE_NONE;
}

/* ---- What is asked of a text ---------------------------------------------------------------- */

enum comparison { IS_EQUAL, IS_EQUAL_IGNORING_CASE, IS_PREFIX, IS_SUFFIX, IS_WILDCARD, IS_UNKNOWN };

static enum comparison comparison_of(struct slice name)
{
    static const struct {
        const char *name;
        enum comparison comparison;
    } names[] = {{"equals-ignore-case", IS_EQUAL_IGNORING_CASE},
                 {"prefix", IS_PREFIX},
                 {"suffix", IS_SUFFIX},
                 {"wildcard", IS_WILDCARD}};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (slice_equals_text(name, names[i].name)) {
            return names[i].comparison;
        }
    }
    return IS_UNKNOWN;
}

static enum verdict compare(enum comparison comparison, struct slice wanted, struct slice text)
{
    const struct glob_style wildcard = {.backslash = true};
    switch (comparison) {
    case IS_EQUAL: return verdict_of(slice_equals(wanted, text));
    case IS_EQUAL_IGNORING_CASE: return verdict_of(slice_equals_ignore_case(wanted, text));
    case IS_PREFIX: return verdict_of(slice_starts_with(text, wanted));
    case IS_SUFFIX: return verdict_of(slice_ends_with(text, wanted));
    case IS_WILDCARD: return verdict_of(glob_fits(wanted, text, wildcard));
    case IS_UNKNOWN: break;
    }
    return VERDICT_UNKNOWN;
}

/* {"prefix": {"equals-ignore-case": "x"}}, and the same of a suffix. */
static enum verdict compare_end(enum comparison comparison, struct json wanted, struct slice text)
{
    const struct slice end = text_of(json_member(wanted, "equals-ignore-case"));
    if (end.data == NULL || json_count(wanted) != 1 ||
        (comparison != IS_PREFIX && comparison != IS_SUFFIX)) {
        return VERDICT_UNKNOWN;
    }
    const size_t offset =
        comparison == IS_PREFIX || end.size > text.size ? 0 : text.size - end.size;
    return verdict_of(slice_equals_ignore_case(slice_part(text, offset, end.size), end));
}

/* One value, or any of a list. A number or a flag is no text. */
static enum verdict compare_any(enum comparison comparison, struct json wanted, struct slice text)
{
    enum verdict verdict = VERDICT_NO;
    struct json item = json_element(wanted, 0);
    switch (json_kind(wanted)) {
    case JSON_TEXT: return compare(comparison, text_of(wanted), text);
    case JSON_OBJECT: return compare_end(comparison, wanted, text);
    case JSON_ARRAY:
        for (; json_kind(item) != JSON_ABSENT; item = json_next(item)) {
            verdict = verdict_any(verdict, compare_any(comparison, item, text));
        }
        return verdict;
    case JSON_NUMBER:
    case JSON_BOOL:
    case JSON_NULL:
    case JSON_ABSENT: break;
    }
    return comparison == IS_EQUAL ? VERDICT_NO : VERDICT_UNKNOWN;
}

static enum verdict anything_but(struct json wanted, struct slice text)
{
    struct slice name = SLICE_NONE;
    if (json_kind(wanted) != JSON_OBJECT) {
        return verdict_not(compare_any(IS_EQUAL, wanted, text));
    }
    const struct json inner = json_member_at(wanted, 0, &name);
    return json_count(wanted) == 1 ? verdict_not(compare_any(comparison_of(name), inner, text))
                                   : VERDICT_UNKNOWN;
}

/* {"operator": wanted} of a value that is there. */
static enum verdict judge_operator(struct slice name, struct json wanted, struct json value)
{
    const struct slice text = text_of(value);
    if (json_kind(value) == JSON_OBJECT) {
        return VERDICT_NO;
    }
    if (text.data == NULL) {
        return VERDICT_UNKNOWN;
    }
    if (slice_equals_text(name, "anything-but")) {
        return anything_but(wanted, text);
    }
    if (slice_equals_text(name, "numeric")) {
        return VERDICT_NO;
    }
    return compare_any(comparison_of(name), wanted, text);
}

/* ---- What is asked of a value --------------------------------------------------------------- */

static enum verdict judge_alternative(struct json wanted, struct json value)
{
    const bool is_there = json_kind(value) != JSON_ABSENT;
    struct slice name = SLICE_NONE;
    if (json_kind(wanted) != JSON_OBJECT) {
        const struct slice text = text_of(value);
        return text.data == NULL && is_there && json_kind(value) != JSON_OBJECT
                   ? VERDICT_UNKNOWN
                   : verdict_of(is_there && json_kind(wanted) == JSON_TEXT &&
                                slice_equals(text_of(wanted), text));
    }
    const struct json inner = json_member_at(wanted, 0, &name);
    if (json_count(wanted) != 1) {
        return VERDICT_UNKNOWN;
    }
    if (slice_equals_text(name, "exists")) {
        bool exists = false;
        return json_find_bool(wanted, "exists", &exists, NULL) == STATUS_OK
                   ? verdict_of(exists == is_there)
                   : VERDICT_UNKNOWN;
    }
    return is_there ? judge_operator(name, inner, value) : VERDICT_NO;
}

/* Any of the list's alternatives; of an array in the event, any of its elements. */
static enum verdict judge_leaf(struct json alternatives, struct json value)
{
    enum verdict verdict = VERDICT_NO;
    struct json wanted = json_element(alternatives, 0);
    for (; json_kind(wanted) != JSON_ABSENT; wanted = json_next(wanted)) {
        if (json_kind(value) != JSON_ARRAY) {
            verdict = verdict_any(verdict, judge_alternative(wanted, value));
            continue;
        }
        struct json element = json_element(value, 0);
        for (; json_kind(element) != JSON_ABSENT; element = json_next(element)) {
            verdict = verdict_any(verdict, judge_alternative(wanted, element));
        }
    }
    return verdict;
}

static enum verdict judge_either(struct arena *arena, struct json patterns, struct json event)
{
    enum verdict verdict = VERDICT_NO;
    struct json pattern = json_element(patterns, 0);
    for (; json_kind(pattern) != JSON_ABSENT; pattern = json_next(pattern)) {
        verdict = verdict_any(verdict, event_pattern_judge(arena, pattern, event));
    }
    return verdict;
}

static enum verdict judge_member(struct arena *arena, struct json wanted, struct json value)
{
    if (json_kind(value) == JSON_NULL) {
        return VERDICT_UNKNOWN;
    }
    switch (json_kind(wanted)) {
    case JSON_ARRAY: return judge_leaf(wanted, value);
    case JSON_OBJECT: return event_pattern_judge(arena, wanted, value);
    case JSON_TEXT:
    case JSON_NUMBER:
    case JSON_BOOL:
    case JSON_NULL:
    case JSON_ABSENT: break;
    }
    return VERDICT_UNKNOWN;
}

enum verdict event_pattern_judge(struct arena *arena, struct json pattern, struct json event)
{
    enum verdict verdict = json_kind(pattern) == JSON_OBJECT ? VERDICT_YES : VERDICT_UNKNOWN;
    for (size_t i = 0; i < json_count(pattern); i++) {
        struct slice name = SLICE_NONE;
        const struct json wanted = json_member_at(pattern, i, &name);
        const struct json value = json_member(event, arena_text(arena, name));
        const bool either = slice_equals_text(name, "$or") && json_kind(wanted) == JSON_ARRAY;
        verdict = verdict_all(verdict, either ? judge_either(arena, wanted, event)
                                              : judge_member(arena, wanted, value));
    }
    return verdict;
}
