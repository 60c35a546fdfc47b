/*
 * A script and the values of its variables a and b, a line each before it: statements are parts of
 * the script, and no value begins, ends or moves a string, a name, a comment or a statement.
 */
#include "invoker/sql_script.h"
#include "invoker/sql_template.h"
#include "tests/fuzz/fuzz.h"

#include "infra/base/sql_lexer.h"

static void check_split(struct arena *arena, struct slice text)
{
    struct sql_script script;
    struct error error = ERROR_NONE;
    if (sql_script_split(arena, text, &script, &error) != STATUS_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
        return;
    }
    const char *end = text.data;
    for (size_t i = 0; i < script.count; i++) {
        const struct slice statement = script.statements[i];
        struct slice rest = statement;
        FUZZ_CHECK(statement.size > 0 && statement.data >= end);
        end = statement.data + statement.size;
        FUZZ_CHECK(sql_statement_count(statement) == 1);
        while (sql_next(&rest).kind != SQL_END) {
        }
    }
    FUZZ_CHECK(end <= text.data + text.size);
}

/* Normalised once is normalised for ever. */
static void check_normal(struct slice text)
{
    struct buffer once;
    struct buffer twice;
    buffer_init(&once, text.size);
    buffer_init(&twice, text.size);
    sql_normalise(text, &once);
    FUZZ_CHECK(!once.overflowed);
    sql_normalise(buffer_slice(&once), &twice);
    FUZZ_CHECK(slice_equals(buffer_slice(&once), buffer_slice(&twice)));
    buffer_clear(&once);
    buffer_clear(&twice);
}

static bool is_frame(enum sql_token_kind kind)
{
    return kind == SQL_COMMENT || kind == SQL_QUOTED || kind == SQL_STRING || kind == SQL_DOLLAR ||
           kind == SQL_SEMICOLON || kind == SQL_OPEN || kind == SQL_CLOSE || kind == SQL_END;
}

static struct sql_token next_frame(struct slice *rest)
{
    struct sql_token token = sql_next(rest);
    while (!is_frame(token.kind)) {
        token = sql_next(rest);
    }
    return token;
}

static bool has_variable(struct slice text)
{
    return slice_find(text, SLICE("{a}")) < text.size || slice_find(text, SLICE("{b}")) < text.size;
}

static void check_fill(struct slice script, const struct sql_variable *variables)
{
    struct buffer out;
    struct error error = ERROR_NONE;
    buffer_init(&out, SQL_TEMPLATE_MAX_BYTES);
    if (sql_template_fill(script, variables, 2, &out, &error) != STATUS_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
        buffer_clear(&out);
        return;
    }
    struct slice made = buffer_slice(&out);
    for (;;) {
        struct sql_token before = next_frame(&script);
        struct sql_token after = next_frame(&made);
        FUZZ_CHECK(before.kind == after.kind && before.open == after.open);
        FUZZ_CHECK((before.kind != SQL_COMMENT && has_variable(before.text)) ||
                   slice_equals(before.text, after.text));
        if (before.kind == SQL_END) {
            break;
        }
    }
    buffer_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(FUZZ_ARENA_BYTES);
    struct slice rest = fuzz_input(data, size);
    struct sql_variable variables[2] = {{.name = SLICE("a")}, {.name = SLICE("b")}};
    variables[0].value = fuzz_take(&rest, '\n');
    variables[1].value = fuzz_take(&rest, '\n');
    check_split(arena, rest);
    check_normal(rest);
    check_fill(rest, variables);
    arena_free(arena);
    return 0;
}
