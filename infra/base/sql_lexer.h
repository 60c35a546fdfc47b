/*
 * The lexical rules of Redshift's SQL: enough to tell statements, strings, names and comments
 * apart. They are PostgreSQL's with one difference. In every '...' a backslash takes the next
 * character with it, as Redshift (grown from PostgreSQL 8.0) has it and as PostgreSQL has it with
 * standard_conforming_strings off: '\'' is a whole string, '\' is not. E'...' needs no rule of its
 * own then.
 */
#ifndef RINGBACK_INFRA_BASE_SQL_LEXER_H
#define RINGBACK_INFRA_BASE_SQL_LEXER_H

#include "infra/base/buffer.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum sql_token_kind {
    SQL_END,
    SQL_SPACE,
    SQL_COMMENT, /* -- to the end of its line (without the line break), or nesting */
    SQL_WORD,
    SQL_QUOTED, /* "identifier" */
    SQL_STRING, /* 'text' */
    SQL_DOLLAR, /* $$text$$ or $tag$text$tag$ */
    SQL_NUMBER,
    SQL_PARAMETER, /* :name */
    SQL_CAST,      /* :: */
    SQL_SEMICOLON,
    SQL_OPEN,
    SQL_CLOSE,
    SQL_DOT,
    SQL_OTHER, /* one byte, or a positional parameter such as $1 */
};

struct sql_token {
    enum sql_token_kind kind;
    bool open; /* the text ends before what the token began with is closed */
    struct slice text;
};

/* Takes the next token off rest. The tokens of a text, one after the other, are the whole text. */
struct sql_token sql_next(struct slice *rest);
/* The next token that is neither space nor comment. */
struct sql_token sql_next_solid(struct slice *rest);

/*
 * Takes the next statement off rest, without its semicolon and the blanks around it; false: there
 * is none. What holds nothing but blanks and comments is no statement. As in PostgreSQL a semicolon
 * inside parentheses does not end one.
 */
bool sql_next_statement(struct slice *rest, struct slice *statement);
size_t sql_statement_count(struct slice sql);

/* The line, from 1, of a place in the text. */
size_t sql_line_of(struct slice text, const char *place);

/* Whether the word is this one, in any case; names in quotes are never keywords. */
bool sql_token_is(struct sql_token token, const char *word);

/*
 * The text as a string literal or as a quoted name. Right under Redshift's reading of backslashes,
 * and under the standard's still one literal, though with two backslashes for each. The _part
 * functions leave out the quotes around it.
 */
void sql_append_literal(struct buffer *out, struct slice text);
void sql_append_literal_part(struct buffer *out, struct slice text);
void sql_append_name(struct buffer *out, struct slice name);
void sql_append_name_part(struct buffer *out, struct slice name);

#endif
