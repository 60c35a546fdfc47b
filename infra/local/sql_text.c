#include "infra/local/sql_text.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes above ASCII belong to words: identifiers may be UTF-8. */
static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c) ||
           (unsigned char)c >= 0x80;
}

static size_t after_words(struct slice text, size_t at)
{
    while (at < text.size && is_word_byte(text.data[at])) {
        at++;
    }
    return at;
}

/* Past the closing quote; a doubled one is part of the text. */
static size_t after_quote(struct slice text, char quote)
{
    for (size_t at = 1; at < text.size; at++) {
        if (text.data[at] != quote) {
            continue;
        }
        if (at + 1 < text.size && text.data[at + 1] == quote) {
            at++;
            continue;
        }
        return at + 1;
    }
    return text.size;
}

/* Block comments nest. */
static size_t after_block_comment(struct slice text)
{
    size_t depth = 0;
    for (size_t at = 0; at + 1 < text.size; at++) {
        if (text.data[at] == '/' && text.data[at + 1] == '*') {
            depth++;
            at++;
        } else if (text.data[at] == '*' && text.data[at + 1] == '/') {
            depth--;
            at++;
        }
        if (depth == 0) {
            return at + 1;
        }
    }
    return text.size;
}

/* Length of white space and comments at the start; 0: none. */
static size_t after_space(struct slice text)
{
    if (is_space(text.data[0])) {
        size_t at = 1;
        while (at < text.size && is_space(text.data[at])) {
            at++;
        }
        return at;
    }
    if (slice_starts_with(text, SLICE("--"))) {
        return slice_find_byte(text, '\n');
    }
    return slice_starts_with(text, SLICE("/*")) ? after_block_comment(text) : 0;
}

/* $tag$...$tag$; 0: not one. */
static size_t after_dollar_quote(struct slice text)
{
    size_t tag_end = after_words(text, 1);
    if (tag_end >= text.size || text.data[tag_end] != '$' ||
        (tag_end > 1 && is_digit(text.data[1]))) {
        return 0;
    }
    struct slice tag = slice_part(text, 0, tag_end + 1);
    struct slice body = slice_part(text, tag.size, text.size);
    size_t end = slice_find(body, tag);
    return end == body.size ? text.size : tag.size + end + tag.size;
}

static size_t after_number(struct slice text)
{
    size_t at = 0;
    while (at < text.size && (is_word_byte(text.data[at]) || text.data[at] == '.')) {
        bool exponent = text.data[at] == 'e' || text.data[at] == 'E';
        at++;
        if (exponent && at + 1 < text.size && (text.data[at] == '-' || text.data[at] == '+') &&
            is_digit(text.data[at + 1])) {
            at++;
        }
    }
    return at;
}

static enum sql_token_kind scan_colon(struct slice text, size_t *size)
{
    if (text.size > 1 && text.data[1] == ':') {
        *size = 2;
        return SQL_CAST;
    }
    *size = after_words(text, 1);
    return *size > 1 ? SQL_PARAMETER : SQL_OTHER;
}

static enum sql_token_kind scan_mark(struct slice text, size_t *size)
{
    *size = 1;
    switch (text.data[0]) {
    case '\'': *size = after_quote(text, '\''); return SQL_STRING;
    case '"': *size = after_quote(text, '"'); return SQL_QUOTED;
    case ':': return scan_colon(text, size);
    case ';': return SQL_SEMICOLON;
    case '(': return SQL_OPEN;
    case ')': return SQL_CLOSE;
    case '.': return SQL_DOT;
    case '$': {
        size_t end = after_dollar_quote(text);
        *size = end ? end : 1;
        return end ? SQL_STRING : SQL_OTHER;
    }
    default: return SQL_OTHER;
    }
}

struct sql_token sql_next(struct slice *rest)
{
    if (rest->size == 0) {
        return (struct sql_token){SQL_END, SLICE("")};
    }
    enum sql_token_kind kind = SQL_SPACE;
    size_t size = after_space(*rest);
    bool fraction = rest->size > 1 && rest->data[0] == '.' && is_digit(rest->data[1]);
    if (size == 0 && (is_digit(rest->data[0]) || fraction)) {
        kind = SQL_NUMBER;
        size = after_number(*rest);
    } else if (size == 0 && is_word_byte(rest->data[0])) {
        kind = SQL_WORD;
        size = after_words(*rest, 0);
    } else if (size == 0) {
        kind = scan_mark(*rest, &size);
    }
    struct sql_token token = {kind, slice_part(*rest, 0, size)};
    *rest = slice_part(*rest, size, rest->size);
    return token;
}

size_t sql_statement_count(struct slice sql)
{
    size_t count = 0;
    bool inside = false;
    for (;;) {
        struct sql_token token = sql_next(&sql);
        if (token.kind == SQL_END) {
            return count;
        }
        if (token.kind == SQL_SEMICOLON) {
            inside = false;
        } else if (token.kind != SQL_SPACE && !inside) {
            inside = true;
            count++;
        }
    }
}
