#include "invoker/sql_template.h"

#include "infra/base/sql_lexer.h"

#include <string.h>

struct filler {
    struct slice script;
    const struct sql_variable *variables;
    size_t count;
    struct buffer *out;
    const struct sql_variable *last; /* filled in last; NULL: none yet */
    struct error *error;
};

/* ---- Values --------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* A word at the start of the text; its size, 0: none. */
static size_t word_size(struct slice text)
{
    size_t size = 0;
    if (text.size > 0 && is_letter(text.data[0])) {
        do {
            size++;
        } while (size < text.size && (is_letter(text.data[size]) || is_digit(text.data[size])));
    }
    return size;
}

static bool is_plain_name(struct slice value)
{
    for (;;) {
        size_t size = word_size(value);
        if (size == 0) {
            return false;
        }
        if (size == value.size) {
            return true;
        }
        if (value.data[size] != '.') {
            return false;
        }
        value = slice_part(value, size + 1, value.size);
    }
}

static size_t take_digits(struct slice *text)
{
    size_t size = 0;
    while (size < text->size && is_digit(text->data[size])) {
        size++;
    }
    *text = slice_part(*text, size, text->size);
    return size;
}

static bool take_byte(struct slice *text, const char *among)
{
    if (text->size == 0 || text->data[0] == '\0' || strchr(among, text->data[0]) == NULL) {
        return false;
    }
    *text = slice_part(*text, 1, text->size);
    return true;
}

/* As JSON has it: -1.5e3. */
static bool is_number(struct slice value)
{
    (void)take_byte(&value, "-");
    if (take_digits(&value) == 0) {
        return false;
    }
    if (take_byte(&value, ".") && take_digits(&value) == 0) {
        return false;
    }
    if (take_byte(&value, "eE")) {
        (void)take_byte(&value, "+-");
        if (take_digits(&value) == 0) {
            return false;
        }
    }
    return value.size == 0;
}

bool sql_value_is_plain(struct slice value)
{
    return is_number(value) || is_plain_name(value);
}

/* ---- Variables ------------------------------------------------------------------------------ */

static enum status reject(const struct filler *filler, const struct sql_variable *variable,
                          const char *place, const char *rule)
{
    return error_set(filler->error, STATUS_REJECTED, "variables.%.*s: %s, line %zu",
                     SLICE_PRINT(variable->name), rule, sql_line_of(filler->script, place));
}

/* The declared variable that text begins with; NULL: none. */
static const struct sql_variable *variable_at(const struct filler *filler, struct slice text)
{
    if (text.size < 3 || text.data[0] != '{') {
        return NULL;
    }
    size_t size = word_size(slice_part(text, 1, SQL_TEMPLATE_NAME_MAX_BYTES + 1));
    if (size == 0 || size + 1 >= text.size || text.data[size + 1] != '}') {
        return NULL;
    }
    struct slice name = slice_part(text, 1, size);
    for (size_t i = 0; i < filler->count; i++) {
        if (slice_equals(filler->variables[i].name, name)) {
            return &filler->variables[i];
        }
    }
    return NULL;
}

static struct slice behind(struct slice text, const struct sql_variable *variable)
{
    return slice_part(text, variable->name.size + 2, text.size);
}

MUST_CHECK static enum status check_variables(const struct filler *filler)
{
    if (filler->count > SQL_TEMPLATE_VARIABLES_MAX) {
        return error_set(filler->error, STATUS_REJECTED, "variables: must be at most %d, got %zu",
                         SQL_TEMPLATE_VARIABLES_MAX, filler->count);
    }
    for (size_t i = 0; i < filler->count; i++) {
        const struct slice name = filler->variables[i].name;
        if (name.size > SQL_TEMPLATE_NAME_MAX_BYTES || name.size == 0 ||
            word_size(name) != name.size) {
            return error_set(filler->error, STATUS_REJECTED,
                             "variables: name %zu must be a letter or _, then letters, digits and "
                             "_, at most %d bytes",
                             i + 1, SQL_TEMPLATE_NAME_MAX_BYTES);
        }
        if (slice_find_byte(filler->variables[i].value, '\0') < filler->variables[i].value.size) {
            return error_set(filler->error, STATUS_REJECTED,
                             "variables.%.*s: must not hold a NUL byte", SLICE_PRINT(name));
        }
    }
    return STATUS_OK;
}

/* ---- Places --------------------------------------------------------------------------------- */

/* A number behind a minus would begin a comment, and so would a backslash escape what follows. */
MUST_CHECK static enum status append_plain(struct filler *filler,
                                           const struct sql_variable *variable, const char *place,
                                           const char *rule)
{
    const struct slice made = buffer_slice(filler->out);
    if (!sql_value_is_plain(variable->value)) {
        return reject(filler, variable, place, rule);
    }
    if (variable->value.data[0] == '-' && slice_ends_with(made, SLICE("-"))) {
        return reject(filler, variable, place, "must not be negative behind a minus");
    }
    buffer_append(filler->out, variable->value);
    filler->last = variable;
    return STATUS_OK;
}

/* An odd number of backslashes before the place would take the value's first character, or the
 * quote that escapes it, out of the count. */
static bool is_escaped(struct slice token, const char *place)
{
    size_t count = 0;
    while (place - count > token.data && *(place - count - 1) == '\\') {
        count++;
    }
    return count % 2 == 1;
}

MUST_CHECK static enum status append_quoted(struct filler *filler, struct sql_token token,
                                            const struct sql_variable *variable, const char *place)
{
    if (token.kind == SQL_STRING && is_escaped(token.text, place)) {
        return reject(filler, variable, place, "must not stand behind a backslash");
    }
    if (token.kind == SQL_STRING) {
        sql_append_literal_part(filler->out, variable->value);
    } else {
        sql_append_name_part(filler->out, variable->value);
    }
    filler->last = variable;
    return STATUS_OK;
}

/* A string, a quoted name or a dollar-quoted body. */
MUST_CHECK static enum status fill_inside(struct filler *filler, struct sql_token token)
{
    struct slice rest = token.text;
    while (rest.size > 0) {
        size_t brace = slice_find_byte(rest, '{');
        buffer_append(filler->out, slice_part(rest, 0, brace));
        rest = slice_part(rest, brace, rest.size);
        const struct sql_variable *variable = variable_at(filler, rest);
        enum status status = STATUS_OK;
        if (variable == NULL) {
            buffer_append(filler->out, slice_part(rest, 0, 1));
            rest = slice_part(rest, 1, rest.size);
        } else if (token.kind == SQL_DOLLAR) {
            status = append_plain(filler, variable, rest.data,
                                  "must be a number or a plain name where it stands between "
                                  "dollar quotes");
            rest = behind(rest, variable);
        } else {
            status = append_quoted(filler, token, variable, rest.data);
            rest = behind(rest, variable);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* The next piece of the script, which is a token or a variable outside of tokens, goes to *out. */
MUST_CHECK static enum status fill_next(struct filler *filler, struct slice *rest,
                                        struct sql_token *token)
{
    const struct sql_variable *variable = variable_at(filler, *rest);
    if (variable != NULL) {
        const char *place = rest->data;
        *token = (struct sql_token){.kind = SQL_WORD};
        *rest = behind(*rest, variable);
        return append_plain(filler, variable, place,
                            "must be a number or a plain name where it stands outside of quotes");
    }
    *token = sql_next(rest);
    switch (token->kind) {
    case SQL_STRING:
    case SQL_QUOTED:
    case SQL_DOLLAR: return fill_inside(filler, *token);
    default: buffer_append(filler->out, token->text); return STATUS_OK;
    }
}

/* ---- Proof ---------------------------------------------------------------------------------- */

/* What no value may begin, end or move. */
static bool is_frame(enum sql_token_kind kind)
{
    switch (kind) {
    case SQL_END:
    case SQL_COMMENT:
    case SQL_QUOTED:
    case SQL_STRING:
    case SQL_DOLLAR:
    case SQL_SEMICOLON:
    case SQL_OPEN:
    case SQL_CLOSE: return true;
    default: return false;
    }
}

static struct sql_token next_frame(struct slice *rest)
{
    struct sql_token token;
    do {
        token = sql_next(rest);
    } while (!is_frame(token.kind));
    return token;
}

/* Whether the next of the frame in made_rest is the token, whose text became `expected`. */
static bool frame_holds(struct slice *made_rest, struct sql_token token, struct slice expected)
{
    struct sql_token found = next_frame(made_rest);
    if (found.kind != token.kind || found.open != token.open) {
        return false;
    }
    return found.kind == SQL_END ||
           (found.text.data == expected.data && found.text.size == expected.size);
}

/*
 * Reads what was made again: its frame must be the script's, token by token and in the same places.
 * This catches what no single value shows, such as $a{tag}$ becoming a dollar quote.
 */
MUST_CHECK static enum status check_frame(const struct filler *filler, struct slice made)
{
    CLEANUP(buffer_clear) struct buffer piece;
    struct filler again = *filler;
    struct slice rest = filler->script;
    struct slice made_rest = made;
    struct sql_token token = {.kind = SQL_WORD};
    size_t at = 0;
    buffer_init(&piece, SQL_TEMPLATE_MAX_BYTES);
    again.out = &piece;
    while (token.kind != SQL_END) {
        const char *place = rest.data;
        buffer_reset(&piece);
        enum status status = fill_next(&again, &rest, &token);
        if (status != STATUS_OK) {
            return status;
        }
        if (is_frame(token.kind) &&
            !frame_holds(&made_rest, token, slice_part(made, at, piece.size))) {
            return reject(filler, again.last, place,
                          "would change where a string, a comment or a statement ends");
        }
        at += piece.size;
    }
    return STATUS_OK;
}

enum status sql_template_fill(struct slice script, const struct sql_variable *variables,
                              size_t count, struct buffer *out, struct error *error)
{
    struct filler filler = {
        .script = script, .variables = variables, .count = count, .out = out, .error = error};
    const size_t start = out->size;
    if (script.size > SQL_TEMPLATE_MAX_BYTES) {
        return error_set(error, STATUS_REJECTED, "script: must be at most %u bytes, got %zu",
                         SQL_TEMPLATE_MAX_BYTES, script.size);
    }
    enum status status = check_variables(&filler);
    struct slice rest = script;
    struct sql_token token = {.kind = SQL_WORD};
    while (status == STATUS_OK && token.kind != SQL_END) {
        status = fill_next(&filler, &rest, &token);
        if (status == STATUS_OK &&
            (out->overflowed || out->size - start > SQL_TEMPLATE_MAX_BYTES)) {
            return error_set(error, STATUS_REJECTED,
                             "variables: the script with its variables filled in must be at most "
                             "%u bytes",
                             SQL_TEMPLATE_MAX_BYTES);
        }
    }
    if (status != STATUS_OK || filler.last == NULL) {
        return status;
    }
    return check_frame(&filler, slice_part(buffer_slice(out), start, out->size));
}
