/* Token buckets on a clock that the test moves: what a second may see, and how rates adapt. */
#include "tests/support/cmocka.h"

#include "infra/aws/pace.h"
#include "infra/base/random.h"

#include <pthread.h>
#include <string.h>

#define NOW     INT64_C(1000000000)
#define THREADS 4
#define EACH    2000

/* ---- Fixture ---- */

struct fixture {
    struct pace *pace;
    int64_t now_ms;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){.pace = pace_new(false), .now_ms = NOW};
    pace_place(fixture.pace, AWS_REDSHIFT_DATA, SLICE("eu-west-1"), true);
    pace_place(fixture.pace, AWS_STEP_FUNCTIONS, SLICE("eu-west-1"), true);
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    pace_free(((struct fixture *)*context)->pace);
    return 0;
}

/* ---- Helpers ---- */

static const struct pace_terms steady = {
    .per_second = 24, .burst_ms = 250, .floor = 2, .raise = 3, .known = true};

/* How many are sent in this second when 1,000 are asked for in each millisecond of it. */
static size_t sent_in(struct fixture *fixture, enum pace_operation operation, int64_t duration_ms)
{
    size_t count = 0;
    for (int64_t end_ms = fixture->now_ms + duration_ms; fixture->now_ms < end_ms;
         fixture->now_ms++) {
        int64_t wait_ms = 0;
        while (pace_take(fixture->pace, operation, fixture->now_ms, 0, &wait_ms)) {
            count++;
        }
    }
    return count;
}

/* Throttled answers every half a second, as long as it takes. */
static void throttle(struct fixture *fixture, enum pace_operation operation, int times)
{
    for (int i = 0; i < times; i++) {
        fixture->now_ms += PACE_CUT_MS;
        pace_throttled(fixture->pace, operation, fixture->now_ms);
    }
}

static void succeed_for(struct fixture *fixture, enum pace_operation operation, int64_t seconds)
{
    for (int64_t i = 0; i < 10 * seconds; i++) {
        fixture->now_ms += 100;
        pace_succeeded(fixture->pace, operation, fixture->now_ms);
    }
}

static void *take_many(void *context)
{
    const struct fixture *fixture = context;
    size_t *count = test_calloc(1, sizeof(*count));
    for (int i = 0; i < EACH; i++) {
        int64_t wait_ms = 0;
        *count += pace_take(fixture->pace, PACE_DESCRIBE_STATEMENT, NOW, 1000, &wait_ms);
    }
    return count;
}

/* ---- Success ---- */

static void operations_are_found_by_name(void **context)
{
    static const struct {
        enum aws_service service;
        const char *name;
        enum pace_operation operation;
    } rows[] = {
        {AWS_REDSHIFT_DATA, "ExecuteStatement", PACE_EXECUTE_STATEMENT},
        {AWS_REDSHIFT_DATA, "BatchExecuteStatement", PACE_BATCH_EXECUTE_STATEMENT},
        {AWS_REDSHIFT_DATA, "DescribeStatement", PACE_DESCRIBE_STATEMENT},
        {AWS_REDSHIFT_DATA, "CancelStatement", PACE_CANCEL_STATEMENT},
        {AWS_REDSHIFT_DATA, "ListStatements", PACE_LIST_STATEMENTS},
        {AWS_REDSHIFT_DATA, "GetStatementResult", PACE_GET_STATEMENT_RESULT},
        {AWS_STEP_FUNCTIONS, "SendTaskSuccess", PACE_SEND_TASK_SUCCESS},
        {AWS_STEP_FUNCTIONS, "SendTaskFailure", PACE_SEND_TASK_FAILURE},
        {AWS_STEP_FUNCTIONS, "SendTaskHeartbeat", PACE_SEND_TASK_HEARTBEAT},
        {AWS_STEP_FUNCTIONS, "ExecuteStatement", PACE_NONE},
        {AWS_REDSHIFT_DATA, "ListTables", PACE_NONE},
        {AWS_SQS, "SendMessage", PACE_NONE},
    };
    (void)context;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        assert_int_equal(pace_operation_find(rows[i].service, rows[i].name), rows[i].operation);
    }
}

/* The published quotas: no second sees more, after a pause or in full swing, and not much less. */
static void no_second_sees_more_than_the_quota(void **context)
{
    static const struct {
        enum pace_operation operation;
        size_t quota;
        size_t least;
    } rows[] = {
        {PACE_EXECUTE_STATEMENT, 30, 24},   {PACE_BATCH_EXECUTE_STATEMENT, 20, 16},
        {PACE_DESCRIBE_STATEMENT, 100, 80}, {PACE_CANCEL_STATEMENT, 3, 2},
        {PACE_LIST_STATEMENTS, 3, 2},       {PACE_GET_STATEMENT_RESULT, 20, 16},
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        for (int second = 0; second < 5; second++) {
            assert_in_range(sent_in(fixture, rows[i].operation, 1000), rows[i].least,
                            rows[i].quota);
        }
        fixture->now_ms += 10000;
        assert_in_range(sent_in(fixture, rows[i].operation, 1000), rows[i].least, rows[i].quota);
    }
}

static void task_callbacks_have_the_bucket_of_their_region(void **context)
{
    static const struct {
        const char *region;
        size_t bucket;
        size_t refill;
    } rows[] = {{"us-east-1", 3000, 500},
                {"us-west-2", 3000, 500},
                {"eu-west-1", 3000, 500},
                {"eu-central-1", 1500, 300}};
    (void)context;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture = {.pace = pace_new(false), .now_ms = NOW};
        pace_place(fixture.pace, AWS_STEP_FUNCTIONS, slice_from_text(rows[i].region), true);
        assert_in_range(sent_in(&fixture, PACE_SEND_TASK_SUCCESS, 1), rows[i].bucket - 1,
                        rows[i].bucket);
        assert_in_range(sent_in(&fixture, PACE_SEND_TASK_SUCCESS, 1000), rows[i].refill - 1,
                        rows[i].refill + 1);
        assert_in_range(sent_in(&fixture, PACE_SEND_TASK_FAILURE, 1), rows[i].bucket - 1,
                        rows[i].bucket);
        pace_free(fixture.pace);
    }
}

/* Twenty looks at once are spread over the second, each with a slot of its own. */
static void who_waits_gets_a_slot_of_his_own(void **context)
{
    struct fixture *fixture = *context;
    int64_t before_ms = 0;
    (void)sent_in(fixture, PACE_DESCRIBE_STATEMENT, 1000);
    for (int i = 1; i <= 20; i++) {
        int64_t wait_ms = 0;
        assert_true(
            pace_take(fixture->pace, PACE_DESCRIBE_STATEMENT, fixture->now_ms, 1000, &wait_ms));
        assert_in_range(wait_ms - before_ms, i == 1 ? 0 : 12, 13);
        before_ms = wait_ms;
    }
}

/* Nobody comes back at the same time as another. */
static void who_finds_no_slot_gets_a_place_in_the_line(void **context)
{
    struct fixture *fixture = *context;
    int64_t wait_ms = 0;
    int64_t before_ms = 0;
    while (pace_take(fixture->pace, PACE_CANCEL_STATEMENT, NOW, 1000, &wait_ms)) {
    }
    for (int i = 0; i < 50; i++) {
        assert_true(wait_ms > before_ms + 400);
        before_ms = wait_ms;
        assert_false(pace_take(fixture->pace, PACE_CANCEL_STATEMENT, NOW, 1000, &wait_ms));
    }
    assert_in_range(pace_backlog_ms(fixture->pace, PACE_CANCEL_STATEMENT, NOW), 20000, 23000);
    for (int i = 0; i < 1000; i++) {
        (void)pace_take(fixture->pace, PACE_CANCEL_STATEMENT, NOW, 1000, &wait_ms);
    }
    assert_true(wait_ms <= PACE_LINE_MAX_MS);
    assert_int_equal(pace_backlog_ms(fixture->pace, PACE_CANCEL_STATEMENT, NOW + PACE_LINE_MAX_MS),
                     0);
}

static void success_raises_the_rate_to_the_quota_and_no_further(void **context)
{
    struct fixture *fixture = *context;
    throttle(fixture, PACE_EXECUTE_STATEMENT, 2);
    assert_true(pace_rate(fixture->pace, PACE_EXECUTE_STATEMENT) < 6.1);
    succeed_for(fixture, PACE_EXECUTE_STATEMENT, 3);
    const double rate = pace_rate(fixture->pace, PACE_EXECUTE_STATEMENT);
    assert_true(rate > 14 && rate < 16);
    succeed_for(fixture, PACE_EXECUTE_STATEMENT, 60);
    assert_in_range(sent_in(fixture, PACE_EXECUTE_STATEMENT, 10000), 240, 250);
}

/* Five processes, each with buckets of its own, at an account that throttles what is too much. */
static void processes_share_the_quota_without_a_word(void **context)
{
    enum { PROCESSES = 5, SECONDS = 120 };
    struct pace_bucket buckets[PROCESSES];
    size_t taken[PROCESSES] = {0};
    size_t throttled = 0;
    double tokens = 30;
    (void)context;
    for (size_t i = 0; i < PROCESSES; i++) {
        pace_bucket_init(&buckets[i], &steady);
    }
    for (int64_t now_ms = NOW; now_ms < NOW + SECONDS * 1000; now_ms++) {
        tokens = tokens + 0.03 > 30 ? 30 : tokens + 0.03;
        for (size_t i = 0; i < PROCESSES; i++) {
            double wait_ms = 0;
            if (!pace_bucket_take(&buckets[i], now_ms, 0, &wait_ms)) {
                continue;
            }
            if (tokens >= 1) {
                tokens--;
                taken[i]++;
                pace_bucket_succeeded(&buckets[i], now_ms);
            } else {
                throttled++;
                pace_bucket_throttled(&buckets[i], now_ms);
            }
        }
    }
    size_t all = 0;
    for (size_t i = 0; i < PROCESSES; i++) {
        all += taken[i];
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        assert_in_range(taken[i], all / PROCESSES / 2, all / PROCESSES * 2);
    }
    assert_true(all > SECONDS * 30 * 6 / 10);
    assert_true(throttled < all / 5);
}

/* ---- Failure ---- */

static void a_throttled_burst_counts_once(void **context)
{
    struct fixture *fixture = *context;
    fixture->now_ms += PACE_CUT_MS;
    for (int i = 0; i < 50; i++) {
        pace_throttled(fixture->pace, PACE_DESCRIBE_STATEMENT, fixture->now_ms + 9 * i);
    }
    assert_true(pace_rate(fixture->pace, PACE_DESCRIBE_STATEMENT) > 39.9);
    assert_in_range(sent_in(fixture, PACE_DESCRIBE_STATEMENT, 1000), 38, 41);
    assert_in_range(sent_in(fixture, PACE_EXECUTE_STATEMENT, 1000), 24, 30);
}

static void a_rate_never_falls_below_its_floor(void **context)
{
    struct fixture *fixture = *context;
    throttle(fixture, PACE_LIST_STATEMENTS, 100);
    assert_in_range(sent_in(fixture, PACE_LIST_STATEMENTS, 60000), 10, 13);
}

/* What is published about AWS says nothing about another place, until that throttles. */
static void elsewhere_the_first_throttled_answer_begins_it(void **context)
{
    struct fixture fixture = {.pace = pace_new(false), .now_ms = NOW};
    int64_t wait_ms = 0;
    (void)context;
    pace_place(fixture.pace, AWS_REDSHIFT_DATA, SLICE("eu-west-1"), false);
    for (int i = 0; i < 1000; i++) {
        assert_true(pace_take(fixture.pace, PACE_LIST_STATEMENTS, NOW, 0, &wait_ms));
    }
    throttle(&fixture, PACE_LIST_STATEMENTS, 1);
    assert_in_range(sent_in(&fixture, PACE_LIST_STATEMENTS, 10000), 11, 13);
    succeed_for(&fixture, PACE_LIST_STATEMENTS, 20);
    for (int i = 0; i < 1000; i++) {
        assert_true(pace_take(fixture.pace, PACE_LIST_STATEMENTS, fixture.now_ms, 0, &wait_ms));
    }
    pace_free(fixture.pace);
}

static void who_wants_the_quotas_anywhere_gets_them(void **context)
{
    struct fixture fixture = {.pace = pace_new(true), .now_ms = NOW};
    (void)context;
    pace_place(fixture.pace, AWS_REDSHIFT_DATA, SLICE("eu-west-1"), false);
    assert_in_range(sent_in(&fixture, PACE_LIST_STATEMENTS, 1000), 2, 3);
    pace_free(fixture.pace);
}

static void a_bucket_whose_place_is_not_known_lets_all_pass(void **context)
{
    struct pace *pace = pace_new(true);
    int64_t wait_ms = 0;
    (void)context;
    pace_throttled(pace, PACE_EXECUTE_STATEMENT, NOW);
    pace_succeeded(pace, PACE_EXECUTE_STATEMENT, NOW);
    assert_true(pace_take(pace, PACE_EXECUTE_STATEMENT, NOW, 0, &wait_ms));
    assert_true(pace_rate(pace, PACE_EXECUTE_STATEMENT) > 0);
    pace_free(pace);
}

static void threads_get_no_more_than_one_would(void **context)
{
    struct fixture *fixture = *context;
    pthread_t threads[THREADS];
    size_t count = 0;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, fixture), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *taken = NULL;
        assert_int_equal(pthread_join(threads[i], &taken), 0);
        count += *(size_t *)taken;
        test_free(taken);
    }
    assert_in_range(count, 100, 101);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(operations_are_found_by_name),
        TEST(no_second_sees_more_than_the_quota),
        TEST(task_callbacks_have_the_bucket_of_their_region),
        TEST(who_waits_gets_a_slot_of_his_own),
        TEST(who_finds_no_slot_gets_a_place_in_the_line),
        TEST(success_raises_the_rate_to_the_quota_and_no_further),
        TEST(processes_share_the_quota_without_a_word),
        TEST(a_throttled_burst_counts_once),
        TEST(a_rate_never_falls_below_its_floor),
        TEST(elsewhere_the_first_throttled_answer_begins_it),
        TEST(who_wants_the_quotas_anywhere_gets_them),
        TEST(a_bucket_whose_place_is_not_known_lets_all_pass),
        TEST(threads_get_no_more_than_one_would),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
