/* The sales-etl example, as its requests have it, through the Data API on both engines. */
#include "tests/support/cmocka.h"
#include "tests/support/data_api.h"
#include "tests/support/postgres.h"

#include <stdio.h>
#include <string.h>

#define FOLDER SOURCE_ROOT "/docs/examples/sales-etl/requests/"

/* Fixture */

static struct data_api api;
static struct postgres postgres;
static bool installed;

static int start_server(void **state)
{
    (void)state;
    installed = postgres_start(&postgres);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    if (installed) {
        postgres_stop(&postgres);
    }
    return 0;
}

/* Helpers */

static struct json read_request(const char *name)
{
    char path[512];
    char text[64UL * 1024];
    struct json request = {0};
    (void)snprintf(path, sizeof(path), FOLDER "%s.json", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    struct slice bytes = arena_copy(api.arena, (struct slice){text, size});
    assert_int_equal(json_parse(api.arena, bytes, &request, NULL), STATUS_OK);
    return request;
}

/* Runs a stage as one batch; the description of the ended statement. */
static struct json run_stage(const char *name)
{
    struct json request = read_request(name);
    CLEANUP(buffer_clear) struct buffer sqls;
    buffer_init(&sqls, 128UL * 1024);
    json_print(json_member(request, "sqlStatements"), &sqls);
    bool transaction = strcmp(data_api_text(&api, request, "mode"), "transaction") == 0;
    struct json answer = data_api_call(
        &api, "BatchExecuteStatement",
        "{\"Sqls\":%.*s,\"ClusterIdentifier\":\"c1\",\"Database\":\"dev\",\"ExecutionMode\":\"%s\"}",
        SLICE_PRINT(buffer_slice(&sqls)), transaction ? "TRANSACTION" : "AUTO_COMMIT");
    struct json described = data_api_await(&api, data_api_text(&api, answer, "Id"));
    assert_string_equal(data_api_text(&api, described, "Error"), "");
    assert_string_equal(data_api_text(&api, described, "Status"), "FINISHED");
    return described;
}

/* Every stage twice: they say that they may be repeated. */
static void run_example(const char *engine)
{
    static const char *const stages[] = {"01-setup", "02-dim-product-scd1", "03-dim-customer-scd2",
                                         "04-fact-sales", "05-validate"};
    data_api_open(&api, engine);
    for (size_t i = 0; i < ARRAY_COUNT(stages); i++) {
        run_stage(stages[i]);
        run_stage(stages[i]);
    }
    assert_string_equal(data_api_cell(&api, "SELECT count(*) FROM demo_dim_customer"
                                            " WHERE is_current AND customer_key > 0"),
                        "longValue:200");
    data_api_close(&api);
}

/* Success */

static void it_runs_on_sqlite(void **state)
{
    (void)state;
    run_example("sqlite::memory:");
}

static void it_runs_on_postgres(void **state)
{
    (void)state;
    if (!installed) {
        skip();
    }
    run_example(postgres.url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_runs_on_sqlite),
        cmocka_unit_test_setup_teardown(it_runs_on_postgres, start_server, stop_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
