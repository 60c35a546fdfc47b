#include "tests/support/cmocka.h"
#include "tests/unit/local/exchange.h"

#include "infra/local/service.h"

#define DRAWS 2000

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct local_faults *faults;
    struct error error;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.faults = local_faults_new()};
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    local_faults_free(f->faults);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void set(struct fixture *f, const char *text)
{
    assert_int_equal(STATUS_OK, local_faults_set(f->faults, slice_from_text(text), &f->error));
}

static void refuse(struct fixture *f, const char *text, const char *reason)
{
    assert_int_equal(STATUS_REJECTED,
                     local_faults_set(f->faults, slice_from_text(text), &f->error));
    assert_string_equal(reason, f->error.text);
}

static unsigned count_faults(struct fixture *f, const char *operation, enum local_fault fault)
{
    unsigned count = 0;
    int64_t delay_ms = 0;
    for (int i = 0; i < DRAWS; i++) {
        count += local_faults_draw(f->faults, slice_from_text(operation), &delay_ms) == fault;
    }
    return count;
}

static int control(struct fixture *f, const char *method, const char *body)
{
    struct exchange exchange;
    exchange_init(&exchange, method, "/_ringback/faults", slice_from_text(body));
    local_faults_control(f->faults, &exchange.request, &exchange.response);
    const int code = exchange.response.code;
    exchange_clear(&exchange);
    return code;
}

/* --- success ---------------------------------------------------------------------------------- */

static void without_settings_nothing_fails(void **state)
{
    assert_int_equal(DRAWS, count_faults(*state, "SendMessage", LOCAL_FAULT_NONE));
}

static void a_rate_is_kept(void **state)
{
    set(*state, "seed=7,throttle=0.25");
    assert_in_range(count_faults(*state, "SendMessage", LOCAL_FAULT_THROTTLE), DRAWS * 22 / 100,
                    DRAWS * 28 / 100);
}

static void failures_come_before_and_after_the_work(void **state)
{
    set(*state, "5xx=1");
    assert_in_range(count_faults(*state, "SendMessage", LOCAL_FAULT_5XX), DRAWS * 45 / 100,
                    DRAWS * 55 / 100);
    set(*state, "reset=1");
    assert_in_range(count_faults(*state, "SendMessage", LOCAL_FAULT_RESET_AFTER), DRAWS * 45 / 100,
                    DRAWS * 55 / 100);
}

static void an_operation_beats_the_general_rate(void **state)
{
    set(*state, "throttle.ExecuteStatement=1,throttle=0");
    assert_int_equal(DRAWS, count_faults(*state, "ExecuteStatement", LOCAL_FAULT_THROTTLE));
    assert_int_equal(0, count_faults(*state, "DescribeStatement", LOCAL_FAULT_THROTTLE));
}

static void the_same_seed_draws_the_same(void **state)
{
    struct fixture *f = *state;
    enum local_fault first[50];
    int64_t delays_ms[50];
    int64_t delay_ms = 0;
    const char *settings = "seed=3,throttle=0.3,5xx=0.3,delay-ms=0-200";
    set(f, settings);
    for (int i = 0; i < 50; i++) {
        first[i] = local_faults_draw(f->faults, SLICE("SendMessage"), &delays_ms[i]);
    }
    set(f, settings);
    for (int i = 0; i < 50; i++) {
        local_faults_draw(f->faults, SLICE("ReceiveMessage"), &delay_ms); /* shifts nothing */
        assert_int_equal(first[i], local_faults_draw(f->faults, SLICE("SendMessage"), &delay_ms));
        assert_int_equal(delays_ms[i], delay_ms);
    }
}

static void delays_stay_in_their_range(void **state)
{
    struct fixture *f = *state;
    int64_t least_ms = INT64_MAX;
    int64_t most_ms = 0;
    set(f, "delay-ms=5-8");
    for (int i = 0; i < DRAWS; i++) {
        int64_t delay_ms = 0;
        local_faults_draw(f->faults, SLICE("SendMessage"), &delay_ms);
        least_ms = delay_ms < least_ms ? delay_ms : least_ms;
        most_ms = delay_ms > most_ms ? delay_ms : most_ms;
    }
    assert_int_equal(5, least_ms);
    assert_int_equal(8, most_ms);
}

static void events_are_dropped_and_doubled(void **state)
{
    struct fixture *f = *state;
    unsigned copies[3] = {0};
    int64_t delays_ms[2];
    set(f, "drop-events=0.1,duplicate-events=0.2,delay-events-ms=30");
    for (int i = 0; i < DRAWS; i++) {
        copies[local_faults_draw_event(f->faults, delays_ms)]++;
        assert_int_equal(30, delays_ms[0]);
        assert_int_equal(30, delays_ms[1]);
    }
    assert_in_range(copies[0], DRAWS * 7 / 100, DRAWS * 13 / 100);
    assert_in_range(copies[2], DRAWS * 14 / 100, DRAWS * 22 / 100);
}

static void copies_of_an_event_have_delays_of_their_own(void **state)
{
    struct fixture *f = *state;
    unsigned apart = 0;
    set(f, "duplicate-events=1,delay-events-ms=0-999");
    for (int i = 0; i < DRAWS; i++) {
        int64_t delays_ms[2];
        assert_int_equal(2, local_faults_draw_event(f->faults, delays_ms));
        apart += delays_ms[0] != delays_ms[1];
    }
    assert_in_range(apart, DRAWS * 9 / 10, DRAWS);
}

static void control_tells_what_was_injected(void **state)
{
    struct fixture *f = *state;
    struct exchange exchange;
    int64_t delay_ms = 0;
    int64_t delays_ms[2];
    set(f, "throttle.A=1,5xx.B=1,reset.C=1,drop-events=1");
    for (int i = 0; i < 3; i++) {
        local_faults_draw(f->faults, SLICE("A"), &delay_ms);
    }
    local_faults_draw(f->faults, SLICE("B"), &delay_ms);
    local_faults_draw(f->faults, SLICE("C"), &delay_ms);
    local_faults_draw(f->faults, SLICE("D"), &delay_ms);
    local_faults_draw_event(f->faults, delays_ms);
    set(f, "duplicate-events=1"); /* what has been counted stays */
    local_faults_draw_event(f->faults, delays_ms);
    exchange_init(&exchange, "GET", "/_ringback/faults", SLICE_NONE);
    local_faults_control(f->faults, &exchange.request, &exchange.response);
    assert_true(exchange_body_has(&exchange, "{\"injected\":{\"throttle\":3,\"5xx\":1,\"reset\":1,"
                                             "\"drop-events\":1,\"duplicate-events\":1}}"));
    exchange_clear(&exchange);
}

static void control_replaces_what_was_set(void **state)
{
    struct fixture *f = *state;
    int64_t delay_ms = 0;
    set(f, "throttle=1");
    assert_int_equal(200, control(f, "PUT", "{\"reset\":0.0,\"delay-ms\":\"7-7\",\"seed\":9}"));
    assert_int_equal(LOCAL_FAULT_NONE,
                     local_faults_draw(f->faults, SLICE("SendMessage"), &delay_ms));
    assert_int_equal(7, delay_ms);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void nonsense_is_refused_by_name(void **state)
{
    refuse(*state, "thruttle=1", "thruttle: unknown fault");
    refuse(*state, "throttle=1.5", "throttle: must be between 0 and 1");
    refuse(*state, "throttle=", "throttle: must be between 0 and 1");
    refuse(*state, "5xx=nan", "5xx: must be between 0 and 1");
    refuse(*state, "drop-events.SendMessage=1", "drop-events.SendMessage: takes no such operation");
    refuse(*state, "throttle.=1", "throttle.: takes no such operation");
}

static void a_range_must_rise(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(STATUS_REJECTED,
                     local_faults_set(f->faults, SLICE("delay-ms=9-3"), &f->error));
}

static void a_refused_text_changes_nothing(void **state)
{
    struct fixture *f = *state;
    set(f, "throttle=1");
    assert_int_equal(STATUS_REJECTED,
                     local_faults_set(f->faults, SLICE("throttle=0,what=1"), &f->error));
    assert_int_equal(DRAWS, count_faults(f, "SendMessage", LOCAL_FAULT_THROTTLE));
}

static void control_refuses_what_is_not_its_own(void **state)
{
    assert_int_equal(400, control(*state, "PUT", "{\"what\":1}"));
    assert_int_equal(400, control(*state, "PUT", "[]"));
    assert_int_equal(400, control(*state, "PUT", "{"));
    assert_int_equal(405, control(*state, "POST", "{}"));
}

/* --- limits ----------------------------------------------------------------------------------- */

static void a_rate_holds_in_any_second(void **state)
{
    struct fixture *f = *state;
    set(f, "tps.ExecuteStatement=3");
    const struct slice operation = SLICE("ExecuteStatement");
    assert_false(local_faults_over_rate(f->faults, operation, 1000));
    assert_false(local_faults_over_rate(f->faults, operation, 1500));
    assert_false(local_faults_over_rate(f->faults, operation, 1999));
    assert_true(local_faults_over_rate(f->faults, operation, 1999));
    assert_false(local_faults_over_rate(f->faults, operation, 2000));
    assert_true(local_faults_over_rate(f->faults, operation, 2499));
    assert_false(local_faults_over_rate(f->faults, operation, 2500));
    for (int i = 0; i < 100; i++) {
        assert_false(local_faults_over_rate(f->faults, SLICE("DescribeStatement"), 1000));
    }
}

static void limits_are_off_unless_they_are_set(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(local_faults_active_max(f->faults), 0);
    set(f, "active-statements=5,tps=1");
    assert_int_equal(local_faults_active_max(f->faults), 5);
    assert_false(local_faults_over_rate(f->faults, SLICE("A"), 1000));
    assert_true(local_faults_over_rate(f->faults, SLICE("A"), 1000));
    set(f, "");
    assert_int_equal(local_faults_active_max(f->faults), 0);
    assert_false(local_faults_over_rate(f->faults, SLICE("A"), 1000));
}

static void a_limit_is_a_number(void **state)
{
    refuse(*state, "tps.A=0", "tps.A: must be between 1 and 10000, got 0");
    refuse(*state, "active-statements.A=1", "active-statements.A: takes no such operation");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(without_settings_nothing_fails),
        TEST(a_rate_is_kept),
        TEST(failures_come_before_and_after_the_work),
        TEST(an_operation_beats_the_general_rate),
        TEST(the_same_seed_draws_the_same),
        TEST(delays_stay_in_their_range),
        TEST(events_are_dropped_and_doubled),
        TEST(copies_of_an_event_have_delays_of_their_own),
        TEST(control_tells_what_was_injected),
        TEST(control_replaces_what_was_set),
        TEST(a_rate_holds_in_any_second),
        TEST(limits_are_off_unless_they_are_set),
        TEST(a_limit_is_a_number),
        TEST(nonsense_is_refused_by_name),
        TEST(a_range_must_rise),
        TEST(a_refused_text_changes_nothing),
        TEST(control_refuses_what_is_not_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
