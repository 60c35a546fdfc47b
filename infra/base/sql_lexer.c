#include "infra/base/sql_lexer.h"

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

/* Behind the first byte a name may have dollar signs too. */
static size_t after_name(struct slice text)
{
    size_t at = 1;
    while (at < text.size && (is_word_byte(text.data[at]) || text.data[at] == '$')) {
        at++;
    }
    return at;
}

static size_t after_words(struct slice text, size_t at)
{
    while (at < text.size && is_word_byte(text.data[at])) {
        at++;
    }
    return at;
}

/* Each finder of an end answers where the token ends; *open when its end is missing. */

/* Past the closing quote; a doubled one is part of the text, and so is what a backslash escapes. */
static size_t after_quote(struct slice text, char quote, bool backslash, bool *open)
{
    size_t at = 1;
    while (at < text.size) {
        const char byte = text.data[at];
        const bool doubled = at + 1 < text.size && text.data[at + 1] == quote;
        if (byte == quote && !doubled) {
            return at + 1;
        }
        at += byte == quote || (backslash && byte == '\\') ? 2 : 1;
    }
    *open = true;
    return text.size;
}

/* Block comments nest. */
static size_t after_block_comment(struct slice text, bool *open)
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
    *open = true;
    return text.size;
}

/* 0: no comment starts here. A carriage return ends a line too. */
static size_t after_comment(struct slice text, bool *open)
{
    if (slice_starts_with(text, SLICE("/*"))) {
        return after_block_comment(text, open);
    }
    if (!slice_starts_with(text, SLICE("--"))) {
        return 0;
    }
    size_t at = 2;
    while (at < text.size && text.data[at] != '\n' && text.data[at] != '\r') {
        at++;
    }
    return at;
}

static size_t after_space(struct slice text)
{
    size_t at = 0;
    while (at < text.size && is_space(text.data[at])) {
        at++;
    }
    return at;
}

/* $tag$...$tag$; 0: not one. */
static size_t after_dollar_quote(struct slice text, bool *open)
{
    size_t tag_end = after_words(text, 1);
    if (tag_end >= text.size || text.data[tag_end] != '$' || is_digit(text.data[1])) {
        return 0;
    }
    struct slice tag = slice_part(text, 0, tag_end + 1);
    struct slice body = slice_part(text, tag.size, text.size);
    size_t end = slice_find(body, tag);
    *open = end == body.size;
    return *open ? text.size : tag.size + end + tag.size;
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

static size_t after_digits(struct slice text, size_t at)
{
    while (at < text.size && is_digit(text.data[at])) {
        at++;
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

static enum sql_token_kind scan_dollar(struct slice text, size_t *size, bool *open)
{
    size_t end = after_dollar_quote(text, open);
    *size = end > 0 ? end : after_digits(text, 1);
    return end > 0 ? SQL_DOLLAR : SQL_OTHER;
}

static enum sql_token_kind scan_mark(struct slice text, size_t *size, bool *open)
{
    *size = 1;
    switch (text.data[0]) {
    case '\'': *size = after_quote(text, '\'', true, open); return SQL_STRING;
    case '"': *size = after_quote(text, '"', false, open); return SQL_QUOTED;
    case ':': return scan_colon(text, size);
    case ';': return SQL_SEMICOLON;
    case '(': return SQL_OPEN;
    case ')': return SQL_CLOSE;
    case '.': return SQL_DOT;
    case '$': return scan_dollar(text, size, open);
    default: return SQL_OTHER;
    }
}

static enum sql_token_kind scan(struct slice text, size_t *size, bool *open)
{
    const char first = text.data[0];
    if (is_space(first)) {
        *size = after_space(text);
        return SQL_SPACE;
    }
    *size = after_comment(text, open);
    if (*size > 0) {
        return SQL_COMMENT;
    }
    if (is_digit(first) || (first == '.' && text.size > 1 && is_digit(text.data[1]))) {
        *size = after_number(text);
        return SQL_NUMBER;
    }
    if (is_word_byte(first)) {
        *size = after_name(text);
        return SQL_WORD;
    }
    return scan_mark(text, size, open);
}

struct sql_token sql_next(struct slice *rest)
{
    if (rest->size == 0) {
        return (struct sql_token){.kind = SQL_END, .text = SLICE("")};
    }
    size_t size = 0;
    struct sql_token token = {0};
    token.kind = scan(*rest, &size, &token.open);
    token.text = slice_part(*rest, 0, size);
    *rest = slice_part(*rest, size, rest->size);
    return token;
}

struct sql_token sql_next_solid(struct slice *rest)
{
    for (;;) {
        struct sql_token token = sql_next(rest);
        if (token.kind != SQL_SPACE && token.kind != SQL_COMMENT) {
            return token;
        }
    }
}

/* Takes tokens up to the semicolon or the end; whether there was anything but blanks. */
static bool take_statement(struct slice *rest, struct slice *statement)
{
    const struct slice whole = *rest;
    size_t depth = 0;
    size_t size = 0;
    bool solid = false;
    for (;;) {
        struct sql_token token = sql_next(rest);
        if (token.kind == SQL_END || (token.kind == SQL_SEMICOLON && depth == 0)) {
            break;
        }
        size += token.text.size;
        solid = solid || (token.kind != SQL_SPACE && token.kind != SQL_COMMENT);
        if (token.kind == SQL_OPEN) {
            depth++;
        } else if (token.kind == SQL_CLOSE && depth > 0) {
            depth--;
        }
    }
    *statement = slice_trim(slice_part(whole, 0, size));
    return solid;
}

bool sql_next_statement(struct slice *rest, struct slice *statement)
{
    while (rest->size > 0) {
        if (take_statement(rest, statement)) {
            return true;
        }
    }
    return false;
}

size_t sql_statement_count(struct slice sql)
{
    size_t count = 0;
    struct slice statement;
    while (sql_next_statement(&sql, &statement)) {
        count++;
    }
    return count;
}

size_t sql_line_of(struct slice text, const char *place)
{
    size_t line = 1;
    for (const char *at = text.data; at < place; at++) {
        line += *at == '\n';
    }
    return line;
}

bool sql_token_is(struct sql_token token, const char *word)
{
    return token.kind == SQL_WORD && slice_equals_ignore_case(token.text, slice_from_text(word));
}

/* Every byte of `doubled` twice. */
static void append_doubled(struct buffer *out, struct slice text, const char *doubled)
{
    size_t start = 0;
    for (size_t at = 0; at < text.size; at++) {
        if (text.data[at] == doubled[0] || text.data[at] == doubled[1]) {
            buffer_append(out, slice_part(text, start, at + 1 - start));
            start = at;
        }
    }
    buffer_append(out, slice_part(text, start, text.size));
}

void sql_append_literal_part(struct buffer *out, struct slice text)
{
    append_doubled(out, text, "'\\");
}

void sql_append_literal(struct buffer *out, struct slice text)
{
    buffer_append_byte(out, '\'');
    sql_append_literal_part(out, text);
    buffer_append_byte(out, '\'');
}

void sql_append_name_part(struct buffer *out, struct slice name)
{
    append_doubled(out, name, "\"\"");
}

void sql_append_name(struct buffer *out, struct slice name)
{
    buffer_append_byte(out, '"');
    sql_append_name_part(out, name);
    buffer_append_byte(out, '"');
}
