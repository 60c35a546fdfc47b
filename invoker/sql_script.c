#include "invoker/sql_script.h"

#include "infra/aws/redshift_data.h"
#include "infra/base/sql_lexer.h"

#include <string.h>

/* ---- Splitting ------------------------------------------------------------------------------ */

static const char *name_of(enum sql_token_kind kind)
{
    switch (kind) {
    case SQL_COMMENT: return "comment";
    case SQL_QUOTED: return "quoted name";
    case SQL_DOLLAR: return "dollar-quoted text";
    case SQL_OPEN: return "parenthesis";
    default: return "string";
    }
}

/* Everything that begins must end. */
MUST_CHECK static enum status check_closed(struct slice text, struct error *error)
{
    struct slice rest = text;
    struct sql_token begun = {.kind = SQL_END};
    size_t depth = 0;
    for (;;) {
        struct sql_token token = sql_next(&rest);
        if (token.kind == SQL_END) {
            break;
        }
        if (token.kind == SQL_OPEN && depth++ == 0) {
            begun = token;
        } else if (token.kind == SQL_CLOSE && depth > 0) {
            depth--;
        }
        if (token.open) {
            begun = token;
            depth = 1;
            break;
        }
    }
    if (depth == 0) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_REJECTED, "line %zu: the %s that begins here does not end",
                     sql_line_of(text, begun.text.data), name_of(begun.kind));
}

MUST_CHECK static enum status check_text(struct slice text, struct error *error)
{
    if (text.size > SQL_SCRIPT_MAX_BYTES) {
        return error_set(error, STATUS_REJECTED, "must be at most %u bytes, got %zu",
                         SQL_SCRIPT_MAX_BYTES, text.size);
    }
    if (!slice_is_utf8(text)) {
        return error_set(error, STATUS_REJECTED, "must be UTF-8");
    }
    size_t nul = slice_find_byte(text, '\0');
    if (nul < text.size) {
        return error_set(error, STATUS_REJECTED, "line %zu: must not hold a NUL byte",
                         sql_line_of(text, text.data + nul));
    }
    return check_closed(text, error);
}

MUST_CHECK static enum status take_statements(struct slice text, struct sql_script *script,
                                              struct error *error)
{
    struct slice rest = text;
    for (size_t i = 0; i < script->count; i++) {
        struct slice *statement = &script->statements[i];
        if (!sql_next_statement(&rest, statement)) {
            return error_set(error, STATUS_INTERNAL, "statement %zu is not found again", i + 1);
        }
        if (statement->size > REDSHIFT_DATA_SQL_MAX_BYTES) {
            return error_set(error, STATUS_REJECTED,
                             "statement %zu, line %zu: must be at most %u bytes, got %zu", i + 1,
                             sql_line_of(text, statement->data), REDSHIFT_DATA_SQL_MAX_BYTES,
                             statement->size);
        }
    }
    return STATUS_OK;
}

enum status sql_script_split(struct arena *arena, struct slice text, struct sql_script *script,
                             struct error *error)
{
    *script = (struct sql_script){0};
    /* Some editors put a byte order mark first, which would become part of the first word. */
    if (slice_starts_with(text, SLICE("\xEF\xBB\xBF"))) {
        text = slice_part(text, 3, text.size);
    }
    enum status status = check_text(text, error);
    if (status != STATUS_OK) {
        return status;
    }
    script->count = sql_statement_count(text);
    if (script->count == 0) {
        return error_set(error, STATUS_REJECTED, "must hold a statement");
    }
    script->statements = ARENA_ARRAY(arena, script->count, struct slice);
    return take_statements(text, script, error);
}

/* ---- What a statement is -------------------------------------------------------------------- */

struct slice sql_first_word(struct slice statement)
{
    struct sql_token token;
    do {
        token = sql_next_solid(&statement);
    } while (token.kind == SQL_SEMICOLON || token.kind == SQL_OPEN);
    return token.kind == SQL_WORD ? token.text : SLICE_NONE;
}

static bool is_among(struct slice word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equals_ignore_case(word, slice_from_text(words[i]))) {
            return true;
        }
    }
    return false;
}

bool sql_runs_once_only(struct slice statement)
{
    static const char *const words[] = {"call",   "unload", "vacuum", "begin",   "start",
                                        "commit", "end",    "abort",  "rollback"};
    const struct slice first = sql_first_word(statement);
    return first.data == NULL || is_among(first, words, ARRAY_COUNT(words));
}

bool sql_commits(struct slice statement)
{
    return slice_equals_ignore_case(sql_first_word(statement), SLICE("truncate"));
}

enum sql_control sql_control_of(struct slice statement)
{
    static const struct {
        const char *word;
        enum sql_control control;
    } verbs[] = {
        {"begin", SQL_CONTROL_BEGIN},       {"start", SQL_CONTROL_BEGIN},
        {"commit", SQL_CONTROL_COMMIT},     {"end", SQL_CONTROL_COMMIT},
        {"rollback", SQL_CONTROL_ROLLBACK}, {"abort", SQL_CONTROL_ROLLBACK},
    };
    static const char *const options[] = {"work",  "transaction",  "isolation",  "level",
                                          "read",  "serializable", "committed",  "uncommitted",
                                          "write", "only",         "repeatable", "snapshot"};
    struct sql_token token = sql_next_solid(&statement);
    enum sql_control control = SQL_NO_CONTROL;
    for (size_t i = 0; i < ARRAY_COUNT(verbs); i++) {
        if (sql_token_is(token, verbs[i].word)) {
            control = verbs[i].control;
        }
    }
    bool starts = sql_token_is(token, "start");
    for (token = sql_next_solid(&statement); token.kind != SQL_END && control != SQL_NO_CONTROL;
         token = sql_next_solid(&statement)) {
        bool option = token.kind == SQL_WORD && is_among(token.text, options, ARRAY_COUNT(options));
        bool comma = slice_equals_text(token.text, ",") || token.kind == SQL_SEMICOLON;
        if ((!option && !comma) || (starts && !sql_token_is(token, "transaction"))) {
            control = SQL_NO_CONTROL;
        }
        starts = false;
    }
    return starts ? SQL_NO_CONTROL : control;
}

enum status sql_script_drop_control(struct sql_script *script, struct error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < script->count; i++) {
        enum sql_control control = sql_control_of(script->statements[i]);
        if (control == SQL_CONTROL_ROLLBACK) {
            return error_set(error, STATUS_REJECTED,
                             "statement %zu: a rollback cannot be part of a script that runs as "
                             "one transaction",
                             i + 1);
        }
        if (control == SQL_NO_CONTROL) {
            script->statements[kept++] = script->statements[i];
        }
    }
    if (kept == 0) {
        return error_set(error, STATUS_REJECTED,
                         "must hold a statement besides those that begin or end a transaction");
    }
    script->count = kept;
    return STATUS_OK;
}

/* ---- Sameness ------------------------------------------------------------------------------- */

static char lower(char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (char)(byte - 'A' + 'a');
    }
    return byte;
}

static void append_lower(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        buffer_append_byte(out, lower(text.data[i]));
    }
}

/* Without the semicolons and blanks that close it. */
static struct slice without_end(struct slice statement)
{
    struct slice rest = statement;
    size_t size = 0;
    size_t solid_size = 0;
    for (;;) {
        struct sql_token token = sql_next(&rest);
        if (token.kind == SQL_END) {
            return slice_part(statement, 0, solid_size);
        }
        size += token.text.size;
        if (token.kind != SQL_SPACE && token.kind != SQL_COMMENT && token.kind != SQL_SEMICOLON) {
            solid_size = size;
        }
    }
}

static bool has_line_break(struct slice text)
{
    return slice_find_byte(text, '\n') < text.size || slice_find_byte(text, '\r') < text.size;
}

/* The next token that is neither space nor comment, and what was before it. */
static struct sql_token next_behind_blank(struct slice *rest, bool *blank, bool *line_break)
{
    *blank = false;
    *line_break = false;
    for (;;) {
        struct sql_token token = sql_next(rest);
        if (token.kind != SQL_SPACE && token.kind != SQL_COMMENT) {
            return token;
        }
        *blank = true;
        *line_break = *line_break || (token.kind == SQL_SPACE && has_line_break(token.text));
    }
}

void sql_normalise(struct slice statement, struct buffer *out)
{
    struct slice rest = without_end(statement);
    enum sql_token_kind last = SQL_END;
    for (;;) {
        bool blank = false;
        bool line_break = false;
        struct sql_token token = next_behind_blank(&rest, &blank, &line_break);
        if (token.kind == SQL_END) {
            return;
        }
        if (blank && last != SQL_END) {
            /* With a line break between them two strings are one. */
            bool joined = line_break && last == SQL_STRING && token.kind == SQL_STRING;
            buffer_append_byte(out, joined ? '\n' : ' ');
        }
        if (token.kind == SQL_WORD || token.kind == SQL_NUMBER) {
            append_lower(out, token.text);
        } else {
            buffer_append(out, token.text);
        }
        last = token.kind;
    }
}

void sql_normal_digest(struct slice statement, char out[SHA256_HEX_BYTES + 1])
{
    CLEANUP(buffer_clear) struct buffer text;
    /* A comment of no blank around it becomes one, so the text never grows. */
    buffer_init(&text, statement.size);
    sql_normalise(statement, &text);
    digest_sha256_hex(buffer_slice(&text), out);
    buffer_wipe(&text);
}
