/* From request to plan: settings, targets, identity, steps, and what is refused there. */
#include "invoker/plan.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW INT64_C(1795178096789)

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct config config;
    struct plan_settings settings;
    struct random_seeded random;
    struct plan_identity identity;
    struct slice sqls[3];
    struct request request;
    struct plan plan;
    char path[32];
    struct error error;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(16u << 20)};
    random_seeded_init(&fixture.random, 1);
    fixture.config = (struct config){
        .statement_prefix = "ringback/", .output = "event", .wait_seconds = 7, .sweep_seconds = 5};
    fixture.settings =
        (struct plan_settings){.prefix = SLICE("ringback/"),
                               .target = {.workgroup_name = SLICE("env"), .database = SLICE("dev")},
                               .has_target = true,
                               .wait_seconds = 7,
                               .sweep_seconds = 5};
    fixture.sqls[0] = SLICE("select 1");
    fixture.sqls[1] = SLICE("select 2");
    fixture.sqls[2] = SLICE("select 3");
    request_init(&fixture.request);
    fixture.request.sqls = fixture.sqls;
    fixture.request.sql_count = 1;
    memset(fixture.request.digest, 'd', SHA256_HEX_BYTES);
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    struct fixture *fixture = *context;
    if (fixture->path[0] != '\0') {
        (void)unlink(fixture->path);
    }
    arena_free(fixture->arena);
    return 0;
}

/* ---- Helpers ---- */

static struct plan_maker maker_of(struct fixture *fixture)
{
    return (struct plan_maker){fixture->arena, &fixture->settings, &fixture->random.random, NOW};
}

static enum status make(struct fixture *fixture)
{
    fixture->error = ERROR_NONE;
    const struct plan_maker maker = maker_of(fixture);
    return plan_make(&maker, &fixture->request, &fixture->identity, &fixture->plan,
                     &fixture->error);
}

static const struct plan *made(struct fixture *fixture)
{
    if (make(fixture) != STATUS_OK) {
        fail_msg("%s", fixture->error.text);
    }
    return &fixture->plan;
}

static void assert_refused(struct fixture *fixture, const char *text)
{
    assert_int_equal(make(fixture), STATUS_REJECTED);
    assert_string_equal(fixture->error.text, text);
}

static void assert_text(struct slice actual, const char *expected)
{
    if (!slice_equals_text(actual, expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_PRINT(actual), expected);
    }
}

static enum status init(struct fixture *fixture)
{
    fixture->error = ERROR_NONE;
    return plan_settings_init(fixture->arena, &fixture->config, &fixture->settings,
                              &fixture->error);
}

static enum status init_with_file(struct fixture *fixture, const char *text)
{
    (void)snprintf(fixture->path, sizeof(fixture->path), "targets-XXXXXX");
    const int fd = mkstemp(fixture->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
    fixture->config.targets_file = fixture->path;
    enum status status = init(fixture);
    assert_int_equal(unlink(fixture->path), 0);
    return status;
}

static const char *expected_id(struct fixture *fixture, const char *kind, struct slice source)
{
    char *id = arena_alloc(fixture->arena, TRACKER_ID_BYTES + 1);
    invocation_id(slice_from_text(kind), source, id);
    return id;
}

static bool retriable(struct fixture *fixture, const char *sql)
{
    fixture->sqls[0] = slice_from_text(sql);
    fixture->request.sql_count = 1;
    fixture->request.mode = REQUEST_SEQUENCE;
    return made(fixture)->steps[0].retriable;
}

/* ---- Success ---- */

static void settings_come_from_the_configuration(void **context)
{
    struct fixture *fixture = *context;
    fixture->config.cluster_identifier = "c";
    fixture->config.database = "d";
    fixture->config.db_user = "u";
    fixture->config.output = "statement";
    assert_int_equal(init(fixture), STATUS_OK);
    assert_true(fixture->settings.has_target);
    assert_text(fixture->settings.target.cluster_identifier, "c");
    assert_text(fixture->settings.target.db_user, "u");
    assert_int_equal(fixture->settings.output, OUTPUT_STATEMENT);
    assert_int_equal(fixture->settings.wait_seconds, 7);
    assert_text(fixture->settings.prefix, "ringback/");
}

static void named_targets_are_loaded_and_found(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(
        init_with_file(fixture,
                       "{\"reports\":{\"clusterIdentifier\":\"c\",\"database\":\"d\"},"
                       "\"etl\":{\"workgroupName\":\"w\",\"database\":\"d\",\"secretArn\":\"s\"}}"),
        STATUS_OK);
    fixture->request.has_target = true;
    fixture->request.target_name = SLICE("etl");
    assert_text(made(fixture)->target.workgroup_name, "w");
    assert_text(fixture->plan.target.secret_arn, "s");
    fixture->request.target_name = SLICE("reports");
    assert_text(made(fixture)->target.cluster_identifier, "c");
}

static void request_without_target_gets_the_environments(void **context)
{
    struct fixture *fixture = *context;
    assert_text(made(fixture)->target.workgroup_name, "env");
    fixture->request.has_target = true;
    fixture->request.target = (struct plan_target){.session_id = SLICE("s")};
    assert_text(made(fixture)->target.session_id, "s");
    assert_null(fixture->plan.target.workgroup_name.data);
}

static void plan_holds_the_request(void **context)
{
    struct fixture *fixture = *context;
    struct plan_parameter parameter = {SLICE("a"), SLICE("b")};
    fixture->request.parameters = &parameter;
    fixture->request.parameter_count = 1;
    fixture->request.request_key = SLICE("key");
    fixture->request.task_token = SLICE("token");
    fixture->request.execution_arn = SLICE("arn");
    address_init(&fixture->request.reply_to, ADDRESS_QUEUE, SLICE("https://q"));
    fixture->request.timeout_seconds = 60;
    fixture->request.heartbeat_seconds = 15;
    fixture->request.keep_running = true;
    fixture->request.output = SLICE("statement");
    fixture->request.session_keep_alive_seconds = 0;
    const struct plan *plan = made(fixture);
    assert_int_equal(plan->created_at_ms, NOW);
    assert_string_equal(plan->digest, fixture->request.digest);
    assert_text(plan->group, "arn");
    assert_int_equal(plan->parameter_count, 1);
    assert_int_equal(plan->session_keep_alive_seconds, 0);
    assert_int_equal(plan->wait_seconds, 7);
    assert_int_equal(plan->deadline_ms, NOW + 60000);
    assert_int_equal(plan->heartbeat_seconds, 15);
    assert_true(plan->keep_running);
    assert_true(plan->keyed);
    assert_int_equal(plan->output, OUTPUT_STATEMENT);
    assert_int_equal(plan->address_count, 2);
    assert_int_equal(plan->addresses[0].kind, ADDRESS_TASK_TOKEN);
    assert_text(plan->addresses[0].target, "token");
    assert_int_equal(plan->addresses[1].kind, ADDRESS_QUEUE);
}

static void defaults_are_none(void **context)
{
    const struct plan *plan = made(*context);
    assert_null(plan->group.data);
    assert_int_equal(plan->deadline_ms, 0);
    assert_int_equal(plan->address_count, 0);
    assert_false(plan->keyed);
    assert_int_equal(plan->output, OUTPUT_EVENT);
    assert_int_equal(plan->session_keep_alive_seconds, -1);
    assert_int_equal(plan->retry.max_attempts, 3);
}

static void sequence_is_a_step_for_each_statement(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.sql_count = 3;
    const struct plan *plan = made(fixture);
    assert_int_equal(plan->step_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(plan->steps[i].sql_count, 1);
        assert_true(slice_equals(plan->steps[i].sqls[0], fixture->sqls[i]));
        assert_false(plan->steps[i].batch);
    }
}

static void transaction_is_one_batch_even_of_one_statement(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.mode = REQUEST_TRANSACTION;
    for (size_t count = 1; count <= 3; count += 2) {
        fixture->request.sql_count = count;
        const struct plan *plan = made(fixture);
        assert_int_equal(plan->step_count, 1);
        assert_int_equal(plan->steps[0].sql_count, count);
        assert_true(plan->steps[0].batch);
        assert_false(plan->steps[0].auto_commit);
        assert_true(plan->steps[0].retriable);
    }
}

static void auto_commit_is_batches_of_forty_that_do_not_stop(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.mode = REQUEST_AUTO_COMMIT;
    fixture->request.sqls = ARENA_ARRAY(fixture->arena, 90, struct slice);
    fixture->request.sql_count = 90;
    for (size_t i = 0; i < 90; i++) {
        fixture->request.sqls[i] =
            slice_from_text(arena_format(fixture->arena, "select %zu", i + 1));
    }
    const struct plan *plan = made(fixture);
    assert_int_equal(plan->step_count, 3);
    assert_int_equal(plan->steps[0].sql_count, 40);
    assert_int_equal(plan->steps[1].sql_count, 40);
    assert_int_equal(plan->steps[2].sql_count, 10);
    assert_text(plan->steps[1].sqls[0], "select 41");
    assert_text(plan->steps[2].sqls[9], "select 90");
    for (size_t i = 0; i < 3; i++) {
        assert_true(plan->steps[i].batch);
        assert_true(plan->steps[i].auto_commit);
        assert_true(plan->steps[i].keep_going);
        assert_false(plan->steps[i].retriable);
    }
}

static void plan_holds_how_it_is_to_run(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.retry = (struct plan_retry){7, SLICE("busy"), 250, 1500};
    fixture->request.result =
        (struct plan_result){PLAN_RESULT_S3, PLAN_FORMAT_CSV, 10, SLICE("s3://bucket")};
    fixture->request.expect_min_rows = 1;
    fixture->request.expect_max_rows = 2;
    const struct plan *plan = made(fixture);
    assert_int_equal(plan->retry.max_attempts, 7);
    assert_text(plan->retry.error_match, "busy");
    assert_int_equal(plan->retry.base_ms, 250);
    assert_int_equal(plan->retry.max_ms, 1500);
    assert_int_equal(plan->result.mode, PLAN_RESULT_S3);
    assert_text(plan->result.uri, "s3://bucket");
    assert_int_equal(plan->expect_min_rows, 1);
    assert_int_equal(plan->expect_max_rows, 2);
}

/* Who names the errors knows that it may be done again. */
static void a_pattern_makes_anything_retriable(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.retry = (struct plan_retry){3, SLICE("busy"), 1, 1};
    assert_true(retriable(fixture, "call p()"));
    fixture->request.session_keep_alive_seconds = 0;
    assert_true(retriable(fixture, "select 1"));
    fixture->request.mode = REQUEST_AUTO_COMMIT;
    assert_true(made(fixture)->steps[0].retriable);
    fixture->request.mode = REQUEST_SEQUENCE;
    fixture->request.session_keep_alive_seconds = -1;
    fixture->request.retry.error_match = SLICE_NONE;
    assert_false(retriable(fixture, "call p()"));
}

static const char *lock_of(struct fixture *fixture)
{
    return arena_format(fixture->arena, "%s", made(fixture)->lock_key);
}

static void only_a_singleton_or_a_session_has_a_lock(void **context)
{
    struct fixture *fixture = *context;
    assert_string_equal(lock_of(fixture), "");
    fixture->request.singleton_key = SLICE("key");
    fixture->request.on_conflict = PLAN_CONFLICT_SKIP;
    assert_int_equal(strlen(lock_of(fixture)), TRACKER_LOCK_KEY_BYTES);
    assert_int_equal(fixture->plan.on_conflict, PLAN_CONFLICT_SKIP);
    fixture->request.singleton_key = SLICE_NONE;
    fixture->request.singleton_sql = true;
    assert_int_equal(strlen(lock_of(fixture)), TRACKER_LOCK_KEY_BYTES);
}

static void a_lock_is_of_its_database_and_its_kind(void **context)
{
    struct fixture *fixture = *context;
    const char *locks[6];
    fixture->request.singleton_key = SLICE("key");
    locks[0] = lock_of(fixture);
    fixture->request.singleton_key = SLICE("other");
    locks[1] = lock_of(fixture);
    fixture->request.singleton_key = SLICE("key");
    fixture->settings.target.database = SLICE("other");
    locks[2] = lock_of(fixture);
    fixture->settings.target =
        (struct plan_target){.cluster_identifier = SLICE("env"), .database = SLICE("dev")};
    locks[3] = lock_of(fixture);
    fixture->request.singleton_key = SLICE_NONE;
    fixture->request.singleton_sql = true;
    locks[4] = lock_of(fixture);
    fixture->request.singleton_sql = false;
    fixture->settings.target = (struct plan_target){.session_id = SLICE("key")};
    locks[5] = lock_of(fixture);
    assert_int_equal(fixture->plan.on_conflict, PLAN_CONFLICT_QUEUE);
    for (size_t i = 0; i < ARRAY_COUNT(locks); i++) {
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(locks[i], locks[k]);
        }
    }
}

static void who_runs_it_is_not_part_of_the_lock(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.singleton_key = SLICE("key");
    const char *lock = lock_of(fixture);
    fixture->settings.target.secret_arn = SLICE("secret");
    assert_string_equal(lock_of(fixture), lock);
}

static void two_spellings_of_one_statement_have_one_lock(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.singleton_sql = true;
    fixture->sqls[0] = SLICE("select  1 -- one\n from t;");
    const char *lock = lock_of(fixture);
    fixture->sqls[0] = SLICE("SELECT 1 FROM t");
    assert_string_equal(lock_of(fixture), lock);
    fixture->sqls[0] = SLICE("SELECT 2 FROM t");
    assert_string_not_equal(lock_of(fixture), lock);
}

static void identity_is_the_first_that_is_there(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.request_key = SLICE("key");
    fixture->request.task_token = SLICE("token");
    fixture->identity = (struct plan_identity){SLICE("sqs"), SLICE("message")};
    assert_string_equal(made(fixture)->id, expected_id(fixture, "request-key", SLICE("key")));
    fixture->request.request_key = SLICE_NONE;
    assert_string_equal(made(fixture)->id, expected_id(fixture, "task-token", SLICE("token")));
    fixture->request.task_token = SLICE_NONE;
    assert_string_equal(made(fixture)->id, expected_id(fixture, "sqs", SLICE("message")));
    fixture->identity.source = SLICE_NONE;
    char first[TRACKER_ID_BYTES + 1];
    memcpy(first, made(fixture)->id, sizeof(first));
    assert_true(invocation_id_valid(slice_from_text(first)));
    assert_string_not_equal(made(fixture)->id, first);
}

static void heartbeat_of_three_sweeps_is_taken(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.heartbeat_seconds = 15;
    assert_int_equal(made(fixture)->heartbeat_seconds, 15);
}

static void refused_plan_tells_its_addresses_and_nothing_else(void **context)
{
    struct fixture *fixture = *context;
    struct request_addresses addresses = {.task_token = SLICE("token")};
    char digest[SHA256_HEX_BYTES + 1];
    address_init(&addresses.reply_to, ADDRESS_QUEUE, SLICE("https://q"));
    const struct plan_maker maker = maker_of(fixture);
    plan_make_refused(&maker, &addresses, SLICE("body"), &fixture->identity, &fixture->plan);
    digest_sha256_hex(SLICE("body"), digest);
    assert_string_equal(fixture->plan.digest, digest);
    assert_string_equal(fixture->plan.id, expected_id(fixture, "task-token", SLICE("token")));
    assert_int_equal(fixture->plan.step_count, 0);
    assert_int_equal(fixture->plan.address_count, 2);
    assert_int_equal(fixture->plan.addresses[1].kind, ADDRESS_QUEUE);
}

/* Fills notify with so many queues. */
static void set_notify(struct fixture *fixture, struct request_notify *notify, size_t count)
{
    notify->addresses = ARENA_ARRAY(fixture->arena, count, struct address);
    notify->count = count;
    for (size_t i = 0; i < count; i++) {
        address_init(&notify->addresses[i], ADDRESS_QUEUE, SLICE("https://n"));
        notify->addresses[i].when = i % 2 == 0 ? ADDRESS_ON_SUCCESS : ADDRESS_ON_FAILURE;
    }
}

static void notify_follows_the_callers_addresses(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.task_token = SLICE("token");
    set_notify(fixture, &fixture->request.notify, 7);
    const struct plan *plan = made(fixture);
    assert_int_equal(plan->address_count, 8);
    assert_int_equal(plan->addresses[0].kind, ADDRESS_TASK_TOKEN);
    assert_int_equal(plan->addresses[0].when, ADDRESS_ALWAYS);
    assert_int_equal(plan->addresses[1].when, ADDRESS_ON_SUCCESS);
    assert_int_equal(plan->addresses[6].when, ADDRESS_ON_FAILURE);
}

static void ninth_address_is_refused_and_the_others_are_told(void **context)
{
    struct fixture *fixture = *context;
    struct request_addresses addresses = {.task_token = SLICE("token")};
    fixture->request.task_token = SLICE("token");
    address_init(&fixture->request.reply_to, ADDRESS_BUS, SLICE("default"));
    set_notify(fixture, &fixture->request.notify, 7);
    assert_refused(fixture, "notify: an invocation has at most 8 addresses with taskToken and "
                            "replyTo, got 9");
    addresses.reply_to = fixture->request.reply_to;
    addresses.notify = fixture->request.notify;
    const struct plan_maker maker = maker_of(fixture);
    plan_make_refused(&maker, &addresses, SLICE("body"), &fixture->identity, &fixture->plan);
    assert_int_equal(fixture->plan.address_count, 8);
    assert_int_equal(fixture->plan.addresses[1].kind, ADDRESS_BUS);
}

/* Promise 2: what must not run twice whatever the error says. */
static void retriable_statements(void **context)
{
    static const char *const sqls[] = {
        "select 1",
        " INSERT into t values (1)",
        "update t set a = 1",
        "COPY t from 's3://b/k'",
        "delete from t",
        "merge into t using s",
        "create table calls (a int)",
        "-- call p()\n(select 1)",
        "callable()",
    };
    for (size_t i = 0; i < ARRAY_COUNT(sqls); i++) {
        if (!retriable(*context, sqls[i])) {
            fail_msg("not retriable: %s", sqls[i]);
        }
    }
}

static void statements_that_run_once(void **context)
{
    static const char *const sqls[] = {
        "CALL p()",
        " \n\tcall p()",
        "UNLOAD ('select 1') to 's3://b'",
        "vacuum",
        "VACUUM FULL t",
        "begin; insert into t values (1); commit",
        "BEGIN",
        "start transaction",
        "COMMIT",
        "end",
        "rollback",
        "abort",
        "-- c\nCALL p()",
        "/* c */ CALL p()",
        "; call p()",
        "((call p()))",
    };
    for (size_t i = 0; i < ARRAY_COUNT(sqls); i++) {
        if (retriable(*context, sqls[i])) {
            fail_msg("retriable: %s", sqls[i]);
        }
    }
}

static void one_such_statement_makes_the_batch_run_once(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.mode = REQUEST_TRANSACTION;
    fixture->request.sql_count = 3;
    fixture->sqls[2] = SLICE("call p()");
    assert_false(made(fixture)->steps[0].retriable);
    fixture->request.mode = REQUEST_SEQUENCE;
    made(fixture);
    assert_true(fixture->plan.steps[1].retriable);
    assert_false(fixture->plan.steps[2].retriable);
}

/* Redshift's TRUNCATE commits: a transaction with one is not undone when it fails afterwards. */
static void a_truncate_makes_the_batch_run_once(void **context)
{
    struct fixture *fixture = *context;
    assert_true(retriable(fixture, "truncate t"));
    fixture->request.mode = REQUEST_TRANSACTION;
    fixture->request.sql_count = 3;
    fixture->sqls[0] = SLICE("insert into t values (1)");
    fixture->sqls[1] = SLICE("-- c\nTRUNCATE TABLE t");
    fixture->sqls[2] = SLICE("insert into t values (2)");
    assert_false(made(fixture)->steps[0].retriable);
    fixture->sqls[1] = SLICE("delete from truncate");
    assert_true(made(fixture)->steps[0].retriable);
}

static void sessions_run_once(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.session_keep_alive_seconds = 0;
    assert_false(retriable(fixture, "select 1"));
    fixture->request.session_keep_alive_seconds = -1;
    fixture->request.has_target = true;
    fixture->request.target = (struct plan_target){.session_id = SLICE("s")};
    assert_false(retriable(fixture, "select 1"));
}

/* ---- Failure ---- */

/* All 32 combinations of the five that say where and who, with and without a database. */
static void exactly_one_way_to_the_database(void **context)
{
    struct error error = ERROR_NONE;
    (void)context;
    for (unsigned bits = 0; bits < 64; bits++) {
        bool cluster = bits & 1;
        bool workgroup = bits & 2;
        bool session = bits & 4;
        bool user = bits & 8;
        bool secret = bits & 16;
        bool database = bits & 32;
        struct plan_target target = {
            .cluster_identifier = cluster ? SLICE("c") : SLICE_NONE,
            .workgroup_name = workgroup ? SLICE("w") : SLICE_NONE,
            .session_id = session ? SLICE("s") : SLICE_NONE,
            .db_user = user ? SLICE("u") : SLICE_NONE,
            .secret_arn = secret ? SLICE("a") : SLICE_NONE,
            .database = database ? SLICE("d") : SLICE_NONE,
        };
        /* aws-facts 1.3: the six rows of the table. */
        bool fine = (cluster && !workgroup && !session && database && !(user && secret)) ||
                    (workgroup && !cluster && !session && database && !user) ||
                    (session && !cluster && !workgroup && !user && !secret && !database);
        enum status status = request_check_target(&target, "target", &error);
        if ((status == STATUS_OK) != fine) {
            fail_msg("combination %u: %s", bits, error.text);
        }
    }
}

static void bad_targets_files_are_named(void **context)
{
    static const char *const rows[][2] = {
        {"", "not JSON at byte 0"},
        {"[]", "request: must be an object of named targets"},
        {"{\"a\":\"b\"}", "a: must be an object"},
        {"{\"a\":1}", "a: must be an object or the name of a target"},
        {"{\"a\":{\"clusterIdentifier\":\"c\"}}", "a.database: is required"},
        {"{\"a\":{\"cluster\":\"c\"}}", "a.cluster: unknown field"},
        {"{\"a\":{\"database\":\"d\"}}",
         "a: exactly one of clusterIdentifier, workgroupName and sessionId is needed"},
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        assert_int_equal(init_with_file(fixture, rows[i][0]), STATUS_REJECTED);
        assert_string_equal(fixture->error.text,
                            arena_format(fixture->arena, "RINGBACK_TARGETS_FILE: %s: %s",
                                         fixture->path, rows[i][1]));
    }
}

static void missing_targets_file_is_named(void **context)
{
    struct fixture *fixture = *context;
    fixture->config.targets_file = "no-such-file.json";
    assert_int_equal(init(fixture), STATUS_REJECTED);
    assert_string_equal(fixture->error.text,
                        "RINGBACK_TARGETS_FILE: cannot open no-such-file.json");
}

static void targets_file_over_1_mb_is_refused(void **context)
{
    struct fixture *fixture = *context;
    char *text = arena_alloc(fixture->arena, (1u << 20) + 2);
    memset(text, ' ', (1u << 20) + 1);
    assert_int_equal(init_with_file(fixture, text), STATUS_REJECTED);
    assert_non_null(strstr(fixture->error.text, "cannot read"));
}

static void bad_target_of_the_environment_stops_the_start(void **context)
{
    struct fixture *fixture = *context;
    fixture->config.cluster_identifier = "c";
    fixture->config.workgroup_name = "w";
    fixture->config.database = "d";
    assert_int_equal(init(fixture), STATUS_REJECTED);
    assert_non_null(strstr(fixture->error.text, "CLUSTER_IDENTIFIER"));
}

static void target_is_required_without_a_default(void **context)
{
    struct fixture *fixture = *context;
    fixture->settings.has_target = false;
    assert_refused(fixture, "target: is needed, since this deployment has no default target");
}

static void unknown_target_is_refused(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.has_target = true;
    fixture->request.target_name = SLICE("nowhere");
    assert_refused(fixture, "target: there is no target of this name in RINGBACK_TARGETS_FILE");
}

static void heartbeat_faster_than_three_sweeps_is_refused(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.heartbeat_seconds = 14;
    assert_refused(fixture,
                   "heartbeatSeconds: must be at least 15, three times the sweep interval");
}

static void singleton_in_a_session_is_refused(void **context)
{
    struct fixture *fixture = *context;
    fixture->request.singleton_key = SLICE("key");
    fixture->request.has_target = true;
    fixture->request.target = (struct plan_target){.session_id = SLICE("s")};
    assert_refused(fixture,
                   "singleton: goes without a session, which runs one statement at a time");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settings_come_from_the_configuration),
        TEST(named_targets_are_loaded_and_found),
        TEST(request_without_target_gets_the_environments),
        TEST(plan_holds_the_request),
        TEST(defaults_are_none),
        TEST(sequence_is_a_step_for_each_statement),
        TEST(transaction_is_one_batch_even_of_one_statement),
        TEST(auto_commit_is_batches_of_forty_that_do_not_stop),
        TEST(plan_holds_how_it_is_to_run),
        TEST(a_pattern_makes_anything_retriable),
        TEST(only_a_singleton_or_a_session_has_a_lock),
        TEST(a_lock_is_of_its_database_and_its_kind),
        TEST(who_runs_it_is_not_part_of_the_lock),
        TEST(two_spellings_of_one_statement_have_one_lock),
        TEST(identity_is_the_first_that_is_there),
        TEST(heartbeat_of_three_sweeps_is_taken),
        TEST(refused_plan_tells_its_addresses_and_nothing_else),
        TEST(notify_follows_the_callers_addresses),
        TEST(ninth_address_is_refused_and_the_others_are_told),
        TEST(retriable_statements),
        TEST(statements_that_run_once),
        TEST(one_such_statement_makes_the_batch_run_once),
        TEST(a_truncate_makes_the_batch_run_once),
        TEST(sessions_run_once),
        TEST(exactly_one_way_to_the_database),
        TEST(bad_targets_files_are_named),
        TEST(missing_targets_file_is_named),
        TEST(targets_file_over_1_mb_is_refused),
        TEST(bad_target_of_the_environment_stops_the_start),
        TEST(target_is_required_without_a_default),
        TEST(unknown_target_is_refused),
        TEST(singleton_in_a_session_is_refused),
        TEST(heartbeat_faster_than_three_sweeps_is_refused),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
