#include "infra/base/json_parse.h"

#include "infra/base/json_plain.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX      64
#define EXACT_DIGITS   15 /* an integer of so many is exact in a double */
#define SURROGATE      0xD800u
#define SURROGATE_LOW  0xDC00u
#define SURROGATE_PAST 0xE000u

struct parser {
    struct slice text;
    size_t at;
    struct arena *arena;
    char *texts; /* where the next one goes: none is longer than what is written */
};

/* NUL, which is allowed nowhere, at the end. */
static char peek(const struct parser *parser)
{
    if (parser->at == parser->text.size) {
        return '\0';
    }
    return parser->text.data[parser->at];
}

static bool is_next(const struct parser *parser, char byte)
{
    return parser->at < parser->text.size && parser->text.data[parser->at] == byte;
}

static bool take(struct parser *parser, char byte)
{
    const bool is_there = is_next(parser, byte);

    parser->at += is_there ? 1 : 0;
    return is_there;
}

static void skip_space(struct parser *parser)
{
    while (is_next(parser, ' ') || is_next(parser, '\n') || is_next(parser, '\t') ||
           is_next(parser, '\r')) {
        parser->at++;
    }
}

/* ---- Texts ---------------------------------------------------------------------------------- */

static bool take_hex(struct parser *parser, unsigned *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++, parser->at++) {
        const char byte = peek(parser);
        const char letter = (char)(byte | 0x20);

        if (byte >= '0' && byte <= '9') {
            *value = *value << 4 | (unsigned)(byte - '0');
        } else if (letter >= 'a' && letter <= 'f') {
            *value = *value << 4 | (unsigned)(letter - 'a' + 10);
        } else {
            return false;
        }
    }
    return true;
}

static char *append_utf8(char *end, unsigned point)
{
    if (point < 0x80) {
        *end++ = (char)point;
        return end;
    }
    if (point < 0x800) {
        *end++ = (char)(0xC0 | point >> 6);
    } else if (point < 0x10000) {
        *end++ = (char)(0xE0 | point >> 12);
        *end++ = (char)(0x80 | (point >> 6 & 0x3F));
    } else {
        *end++ = (char)(0xF0 | point >> 18);
        *end++ = (char)(0x80 | (point >> 12 & 0x3F));
        *end++ = (char)(0x80 | (point >> 6 & 0x3F));
    }
    *end++ = (char)(0x80 | (point & 0x3F));
    return end;
}

/* Behind "\u": one character, which may be a pair of surrogates. */
static bool take_point(struct parser *parser, char **end)
{
    unsigned point = 0;
    unsigned low = 0;

    if (!take_hex(parser, &point) || point == 0 ||
        (point >= SURROGATE_LOW && point < SURROGATE_PAST)) {
        return false;
    }
    if (point >= SURROGATE && point < SURROGATE_LOW) {
        if (!take(parser, '\\') || !take(parser, 'u') || !take_hex(parser, &low) ||
            low < SURROGATE_LOW || low >= SURROGATE_PAST) {
            return false;
        }
        point = 0x10000 + ((point - SURROGATE) << 10) + (low - SURROGATE_LOW);
    }
    *end = append_utf8(*end, point);
    return true;
}

/* Behind the backslash. */
static bool take_escape(struct parser *parser, char **end)
{
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t"; /* written, meant, ... */
    const char byte = peek(parser);

    if (byte == 'u') {
        parser->at++;
        return take_point(parser, end);
    }
    for (size_t i = 0; i + 1 < sizeof(escapes); i += 2) {
        if (escapes[i] == byte) {
            *(*end)++ = escapes[i + 1];
            parser->at++;
            return true;
        }
    }
    return false;
}

/* From the opening quote to behind the closing one. An escape is at fault at its backslash. */
static bool take_text(struct parser *parser, struct slice *out)
{
    char *const begin = parser->texts;
    char *end = begin;

    if (!take(parser, '"')) {
        return false;
    }
    for (;;) {
        const size_t run = json_plain_run(parser->text, parser->at);

        memcpy(end, parser->text.data + parser->at, run);
        end += run;
        parser->at += run;
        if (take(parser, '"')) {
            break;
        }
        const size_t escape = parser->at;
        if (!take(parser, '\\') || !take_escape(parser, &end)) {
            parser->at = escape;
            return false;
        }
    }
    *end = '\0';
    *out = (struct slice){begin, (size_t)(end - begin)};
    parser->texts = end + 1;
    return true;
}

/* ---- Values --------------------------------------------------------------------------------- */

static bool take_digits(struct parser *parser)
{
    const size_t start = parser->at;

    while (parser->at < parser->text.size && parser->text.data[parser->at] >= '0' &&
           parser->text.data[parser->at] <= '9') {
        parser->at++;
    }
    return parser->at > start;
}

static double small_integer(struct slice digits, bool negative)
{
    int64_t value = 0;

    for (size_t i = 0; i < digits.size; i++) {
        value = value * 10 + (digits.data[i] - '0');
    }
    return negative ? -(double)value : (double)value;
}

static bool take_number(struct parser *parser, double *number)
{
    const size_t start = parser->at;
    const bool negative = take(parser, '-');
    const size_t first = parser->at;

    if (!take(parser, '0') && !take_digits(parser)) {
        parser->at = start;
        return false;
    }
    const struct slice whole = slice_part(parser->text, first, parser->at - first);
    bool valid = whole.data[0] != '0' || !take_digits(parser); /* 01 is no number */
    bool is_whole = true;
    if (valid && take(parser, '.')) {
        is_whole = false;
        valid = take_digits(parser);
    }
    if (valid && (take(parser, 'e') || take(parser, 'E'))) {
        is_whole = false;
        (void)(take(parser, '+') || take(parser, '-'));
        valid = take_digits(parser);
    }
    const size_t size = parser->at - start;
    if (!valid) {
        parser->at = start;
    } else if (is_whole && whole.size <= EXACT_DIGITS) {
        *number = small_integer(whole, negative);
    } else {
        memcpy(parser->texts, parser->text.data + start, size);
        parser->texts[size] = '\0';
        *number = strtod(parser->texts, NULL);
    }
    return valid;
}

static bool take_word(struct parser *parser, struct slice word)
{
    const bool is_there =
        slice_starts_with(slice_part(parser->text, parser->at, parser->text.size), word);

    parser->at += is_there ? word.size : 0;
    return is_there;
}

/* A member's name and its colon. */
static bool take_name(struct parser *parser, struct slice *name)
{
    if (!take_text(parser, name)) {
        return false;
    }
    skip_space(parser);
    if (!take(parser, ':')) {
        return false;
    }
    skip_space(parser);
    return true;
}

static struct json_node *take_value(struct parser *parser, size_t depth);

/* Behind the opening bracket, up to behind the closing one. */
static bool take_children(struct parser *parser, struct json_node *parent, size_t depth)
{
    const bool is_object = parent->kind == JSON_OBJECT;
    const char bracket = is_object ? '}' : ']';
    struct json_node **end = &parent->child;

    skip_space(parser);
    if (take(parser, bracket)) {
        return true;
    }
    do {
        struct slice name = SLICE_NONE;
        skip_space(parser);
        if (is_object && !take_name(parser, &name)) {
            return false;
        }
        *end = take_value(parser, depth);
        if (*end == NULL) {
            return false;
        }
        (*end)->name = name;
        end = &(*end)->next;
        skip_space(parser);
    } while (take(parser, ','));
    return take(parser, bracket);
}

static bool take_container(struct parser *parser, struct json_node *node, size_t depth)
{
    if (depth == DEPTH_MAX) {
        return false;
    }
    node->kind = parser->text.data[parser->at++] == '{' ? JSON_OBJECT : JSON_ARRAY;
    return take_children(parser, node, depth + 1);
}

/* NULL: the byte at parser->at is at fault. */
static struct json_node *take_value(struct parser *parser, size_t depth)
{
    struct json_node *node = ARENA_NEW(parser->arena, struct json_node);
    const char byte = peek(parser);
    bool valid = false;

    switch (byte) {
    case '{':
    case '[': valid = take_container(parser, node, depth); break;
    case '"':
        node->kind = JSON_TEXT;
        valid = take_text(parser, &node->text);
        break;
    case 't':
    case 'f':
        node->kind = JSON_BOOL;
        node->truth = byte == 't';
        valid = take_word(parser, byte == 't' ? SLICE("true") : SLICE("false"));
        break;
    case 'n':
        node->kind = JSON_NULL;
        valid = take_word(parser, SLICE("null"));
        break;
    default: node->kind = JSON_NUMBER; valid = take_number(parser, &node->number);
    }
    return valid ? node : NULL;
}

const struct json_node *json_parse_tree(struct arena *arena, struct slice text, size_t *misfit)
{
    struct parser parser = {
        .text = text, .arena = arena, .texts = arena_alloc(arena, text.size + 1)};
    struct json_node *root = NULL;

    skip_space(&parser);
    root = take_value(&parser, 0);
    if (root != NULL) {
        skip_space(&parser);
    }
    *misfit = parser.at;
    return root != NULL && parser.at == text.size ? root : NULL;
}
