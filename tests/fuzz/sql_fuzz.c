/* The tokens of a text are the whole text, and a rewritten statement refers to given parameters. */
#include "tests/fuzz/fuzz.h"

#include "infra/base/sql_lexer.h"
#include "infra/local/sql_rewrite.h"

static void check_tokens(struct slice sql)
{
    struct slice rest = sql;
    const char *at = sql.data;
    for (;;) {
        struct sql_token token = sql_next(&rest);
        if (token.kind == SQL_END) {
            break;
        }
        FUZZ_CHECK(token.text.data == at && token.text.size > 0);
        at += token.text.size;
    }
    FUZZ_CHECK(at == sql.data + sql.size);
    FUZZ_CHECK(sql_statement_count(sql) <= sql.size);
}

static void check_rewrite(enum sql_dialect dialect, struct slice sql)
{
    static const struct engine_parameter parameters[] = {{SLICE("id"), SLICE("1")},
                                                         {SLICE("name"), SLICE("x")}};
    const struct engine_request request = {
        .sql = sql, .parameters = parameters, .parameter_count = ARRAY_COUNT(parameters)};
    struct sql_rewritten rewritten;
    struct error error = ERROR_NONE;
    if (sql_rewrite(dialect, &request, &rewritten, &error) != STATUS_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
    } else {
        FUZZ_CHECK(rewritten.use_count <= SQL_USES_MAX);
        for (size_t i = 0; i < rewritten.use_count; i++) {
            FUZZ_CHECK(rewritten.uses[i] < ARRAY_COUNT(parameters));
        }
    }
    sql_rewritten_clear(&rewritten);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice sql = fuzz_input(data, size);
    check_tokens(sql);
    check_rewrite(SQL_SQLITE, sql);
    check_rewrite(SQL_POSTGRES, sql);
    return 0;
}
