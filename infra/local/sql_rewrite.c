#include "infra/local/sql_rewrite.h"

#include "infra/base/sql_lexer.h"

#include <string.h>

#define REWRITE_DEPTH_MAX 256
#define REWRITE_MAX_BYTES (1024UL * 1024)

struct rewriter {
    enum sql_dialect dialect;
    const struct engine_request *request;
    struct sql_rewritten *out;
    struct slice rest;
    size_t open_starts[REWRITE_DEPTH_MAX]; /* per open parenthesis: where its operand began */
    size_t case_starts[REWRITE_DEPTH_MAX]; /* per open CASE */
    size_t depth;
    size_t case_depth;
    size_t operand;        /* where in the output the operand before the cursor began */
    struct sql_token last; /* the last token that was no space */
};

struct replacement {
    const char *word;
    const char *text;
};

static const struct replacement sqlite_functions[] = {
    {"left", "strleft"},
    {"len", "length"},
    {"nvl", "coalesce"},
    {"right", "strright"},
};

static const struct replacement postgres_functions[] = {
    {"len", "length"},
    {"nvl", "coalesce"},
};

/* Redshift's types in SQLite: what goes before and after the operand. */
static const struct {
    const char *type;
    const char *before;
    const char *after;
} sqlite_casts[] = {
    {"bigint", "rs_integer(", ")"},
    {"bool", "rs_boolean(", ")"},
    {"boolean", "rs_boolean(", ")"},
    {"char", "CAST(", " AS TEXT)"},
    {"character", "CAST(", " AS TEXT)"},
    {"date", "date(", ")"},
    {"decimal", "rs_float(", ")"},
    {"double", "rs_float(", ")"},
    {"float", "rs_float(", ")"},
    {"float4", "rs_float(", ")"},
    {"float8", "rs_float(", ")"},
    {"int", "rs_integer(", ")"},
    {"int2", "rs_integer(", ")"},
    {"int4", "rs_integer(", ")"},
    {"int8", "rs_integer(", ")"},
    {"integer", "rs_integer(", ")"},
    {"numeric", "rs_float(", ")"},
    {"real", "rs_float(", ")"},
    {"smallint", "rs_integer(", ")"},
    {"text", "CAST(", " AS TEXT)"},
    {"time", "time(", ")"},
    {"timestamp", "datetime(", ")"},
    {"timestamptz", "datetime(", ")"},
    {"varchar", "CAST(", " AS TEXT)"},
};

/* Words after which a parenthesis or operand begins anew instead of belonging to the word. */
static const char *const keywords[] = {
    "all",    "and",  "as",     "between", "by",        "distinct",  "else",
    "except", "from", "having", "in",      "intersect", "is",        "like",
    "limit",  "not",  "offset", "on",      "or",        "returning", "select",
    "set",    "then", "union",  "using",   "values",    "when",      "where",
};

static bool is_keyword(struct sql_token token)
{
    for (size_t i = 0; i < ARRAY_COUNT(keywords); i++) {
        if (sql_token_is(token, keywords[i])) {
            return true;
        }
    }
    return false;
}

/* The next token that is neither space nor comment, without taking it. */
static struct sql_token peek(struct slice rest)
{
    return sql_next_solid(&rest);
}

static void append(struct rewriter *rewriter, struct slice text)
{
    buffer_append(&rewriter->out->text, text);
}

static size_t here(const struct rewriter *rewriter)
{
    return rewriter->out->text.size;
}

static enum status write_parameter(struct rewriter *rewriter, struct slice name,
                                   struct error *error)
{
    struct sql_rewritten *out = rewriter->out;
    const struct engine_request *request = rewriter->request;
    for (size_t i = 0; i < request->parameter_count; i++) {
        if (!slice_equals(request->parameters[i].name, name)) {
            continue;
        }
        if (out->use_count == SQL_USES_MAX) {
            return error_set(error, STATUS_REJECTED, "more than %d parameter places", SQL_USES_MAX);
        }
        out->uses[out->use_count++] = i;
        buffer_append_byte(&out->text, rewriter->dialect == SQL_SQLITE ? '?' : '$');
        buffer_append_int64(&out->text, (int64_t)out->use_count);
        return STATUS_OK;
    }
    return error_set(error, STATUS_REJECTED, "no value for parameter \"%.*s\"", SLICE_PRINT(name));
}

/* Takes "(10)" or "(10, 2)" if it is there; *scale is the second number. */
static void take_type_size(struct slice *rest, struct slice *scale)
{
    if (peek(*rest).kind != SQL_OPEN) {
        return;
    }
    struct slice cursor = *rest;
    (void)sql_next_solid(&cursor);
    size_t numbers = 0;
    for (struct sql_token token = sql_next_solid(&cursor); token.kind != SQL_END;
         token = sql_next_solid(&cursor)) {
        if (token.kind == SQL_CLOSE) {
            *rest = cursor;
            return;
        }
        if (token.kind == SQL_NUMBER && ++numbers == 2) {
            *scale = token.text;
        }
    }
}

static void take_type_tail(struct slice *rest)
{
    static const char *const words[] = {"precision", "varying", "with", "without", "time", "zone"};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (sql_token_is(peek(*rest), words[i])) {
            (void)sql_next_solid(rest);
        }
    }
}

/* The operand that begins at `operand` gets these around it. */
static void wrap_operand(struct rewriter *rewriter, struct slice before, struct slice after)
{
    struct buffer *text = &rewriter->out->text;
    size_t tail = text->size - rewriter->operand;
    append(rewriter, before);
    if (!text->overflowed) {
        char *start = text->data + rewriter->operand;
        memmove(start + before.size, start, tail);
        memcpy(start, before.data, before.size);
    }
    append(rewriter, after);
}

/* operand::type becomes what SQLite has for it. */
static void write_cast(struct rewriter *rewriter)
{
    struct slice scale = SLICE_NONE;
    struct sql_token type = sql_next_solid(&rewriter->rest);
    take_type_tail(&rewriter->rest);
    take_type_size(&rewriter->rest, &scale);
    take_type_tail(&rewriter->rest);
    for (size_t i = 0; i < ARRAY_COUNT(sqlite_casts); i++) {
        if (!sql_token_is(type, sqlite_casts[i].type)) {
            continue;
        }
        wrap_operand(rewriter, slice_from_text(sqlite_casts[i].before),
                     slice_from_text(sqlite_casts[i].after));
        if (scale.data) {
            wrap_operand(rewriter, SLICE("round("), SLICE(", "));
            append(rewriter, scale);
            append(rewriter, SLICE(")"));
        }
        return;
    }
    wrap_operand(rewriter, SLICE("CAST("), SLICE(" AS "));
    append(rewriter, type.text);
    append(rewriter, SLICE(")"));
}

static bool write_function(struct rewriter *rewriter, struct sql_token word)
{
    bool sqlite = rewriter->dialect == SQL_SQLITE;
    const struct replacement *table = sqlite ? sqlite_functions : postgres_functions;
    size_t count = sqlite ? ARRAY_COUNT(sqlite_functions) : ARRAY_COUNT(postgres_functions);
    for (size_t i = 0; i < count; i++) {
        if (sql_token_is(word, table[i].word)) {
            append(rewriter, slice_from_text(table[i].text));
            return true;
        }
    }
    return false;
}

/* dateadd(day, ...): the date part is a bare word in Redshift and a text in the engines. */
static void write_date_part(struct rewriter *rewriter)
{
    struct slice cursor = rewriter->rest;
    (void)sql_next_solid(&cursor);
    struct sql_token part = sql_next_solid(&cursor);
    if (part.kind != SQL_WORD) {
        return;
    }
    rewriter->open_starts[rewriter->depth++] = rewriter->operand;
    append(rewriter, SLICE("('"));
    append(rewriter, part.text);
    append(rewriter, SLICE("'"));
    rewriter->rest = cursor;
}

/* A word before a parenthesis. */
static void write_call(struct rewriter *rewriter, struct sql_token word)
{
    if (!write_function(rewriter, word)) {
        append(rewriter, word.text);
    }
    bool has_part = sql_token_is(word, "dateadd") || sql_token_is(word, "datediff") ||
                    sql_token_is(word, "date_add") || sql_token_is(word, "date_diff");
    if (has_part && rewriter->depth < REWRITE_DEPTH_MAX) {
        write_date_part(rewriter);
    }
}

static void write_word(struct rewriter *rewriter, struct sql_token word)
{
    bool dotted = rewriter->last.kind == SQL_DOT;
    struct sql_token next = peek(rewriter->rest);
    if (!dotted) {
        rewriter->operand = here(rewriter);
    }
    if (sql_token_is(word, "case") && rewriter->case_depth < REWRITE_DEPTH_MAX) {
        rewriter->case_starts[rewriter->case_depth++] = here(rewriter);
    }
    if (sql_token_is(word, "end") && rewriter->case_depth > 0) {
        rewriter->operand = rewriter->case_starts[--rewriter->case_depth];
    }
    if (!dotted && next.kind == SQL_OPEN) {
        write_call(rewriter, word);
    } else if (!dotted && sql_token_is(word, "sysdate")) {
        append(rewriter, SLICE("getdate()"));
    } else if (rewriter->dialect == SQL_SQLITE && next.kind == SQL_DOT && !dotted &&
               sql_token_is(word, "public")) {
        append(rewriter, SLICE("main"));
    } else {
        append(rewriter, word.text);
    }
}

static void write_open(struct rewriter *rewriter, struct slice text)
{
    bool call = (rewriter->last.kind == SQL_WORD && !is_keyword(rewriter->last)) ||
                rewriter->last.kind == SQL_QUOTED;
    if (rewriter->depth < REWRITE_DEPTH_MAX) {
        rewriter->open_starts[rewriter->depth++] = call ? rewriter->operand : here(rewriter);
    }
    append(rewriter, text);
}

static void write_close(struct rewriter *rewriter, struct slice text)
{
    if (rewriter->depth > 0) {
        rewriter->operand = rewriter->open_starts[--rewriter->depth];
    }
    append(rewriter, text);
}

/* SQLite answers NULL where Redshift fails; a literal zero is what can be seen from here. */
static void write_number(struct rewriter *rewriter, struct slice text)
{
    bool divisor = slice_equals_text(rewriter->last.text, "/") && slice_equals_text(text, "0");
    rewriter->operand = here(rewriter);
    append(rewriter,
           divisor && rewriter->dialect == SQL_SQLITE ? SLICE("rs_divide_by_zero()") : text);
}

/* Takes what a backslash stands before off rest. */
static char take_escape(struct slice *rest)
{
    static const char letters[] = "bfnrt";
    static const char bytes[] = "\b\f\n\r\t";
    char byte = rest->data[0];
    size_t size = 0;
    int octal = 0;
    while (size < 3 && size < rest->size && rest->data[size] >= '0' && rest->data[size] <= '7') {
        octal = octal * 8 + (rest->data[size++] - '0');
    }
    const char *letter = strchr(letters, byte);
    if (size > 0) {
        byte = (char)octal;
    } else if (byte != '\0' && letter != NULL) {
        byte = bytes[letter - letters];
    }
    *rest = slice_part(*rest, size > 0 ? size : 1, rest->size);
    return byte;
}

/* SQLite knows no backslash escapes. */
static void write_string(struct rewriter *rewriter, struct slice text)
{
    if (rewriter->dialect != SQL_SQLITE) {
        append(rewriter, text);
        return;
    }
    for (;;) {
        size_t plain = slice_find_byte(text, '\\');
        append(rewriter, slice_part(text, 0, plain));
        text = slice_part(text, plain + 1, text.size);
        if (text.size == 0) {
            return;
        }
        char byte = take_escape(&text);
        if (byte == '\'') {
            append(rewriter, SLICE("'"));
        }
        buffer_append_byte(&rewriter->out->text, byte);
    }
}

static enum status write_token(struct rewriter *rewriter, struct sql_token token,
                               struct error *error)
{
    switch (token.kind) {
    case SQL_WORD: write_word(rewriter, token); break;
    case SQL_OPEN: write_open(rewriter, token.text); break;
    case SQL_CLOSE: write_close(rewriter, token.text); break;
    case SQL_NUMBER: write_number(rewriter, token.text); break;
    case SQL_CAST:
        if (rewriter->dialect == SQL_SQLITE) {
            write_cast(rewriter);
            return STATUS_OK;
        }
        append(rewriter, token.text);
        break;
    case SQL_PARAMETER:
        rewriter->operand = here(rewriter);
        return write_parameter(rewriter, slice_part(token.text, 1, token.text.size), error);
    case SQL_QUOTED:
        if (rewriter->last.kind != SQL_DOT) {
            rewriter->operand = here(rewriter);
        }
        append(rewriter, token.text);
        break;
    case SQL_STRING:
        rewriter->operand = here(rewriter);
        write_string(rewriter, token.text);
        break;
    case SQL_DOLLAR:
        rewriter->operand = here(rewriter);
        append(rewriter, token.text);
        break;
    case SQL_SEMICOLON: /* one statement: what is behind it is comment at most */
    case SQL_DOT:
    case SQL_SPACE:
    case SQL_COMMENT:
    case SQL_OTHER:
    case SQL_END: append(rewriter, token.text); break;
    }
    return STATUS_OK;
}

void sql_rewritten_clear(struct sql_rewritten *rewritten)
{
    buffer_clear(&rewritten->text);
}

enum status sql_rewrite(enum sql_dialect dialect, const struct engine_request *request,
                        struct sql_rewritten *rewritten, struct error *error)
{
    struct rewriter rewriter = {
        .dialect = dialect, .request = request, .out = rewritten, .rest = request->sql};
    rewritten->use_count = 0;
    buffer_init(&rewritten->text, REWRITE_MAX_BYTES);
    for (;;) {
        struct sql_token token = sql_next(&rewriter.rest);
        if (token.kind == SQL_END) {
            break;
        }
        enum status status = write_token(&rewriter, token, error);
        if (status != STATUS_OK) {
            return status;
        }
        if (token.kind != SQL_SPACE && token.kind != SQL_COMMENT) {
            rewriter.last = token;
        }
    }
    if (rewritten->text.overflowed) {
        return error_set(error, STATUS_REJECTED, "statement too long");
    }
    buffer_append_text(&rewritten->text, "");
    return STATUS_OK;
}
