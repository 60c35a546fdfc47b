#include "tests/support/cmocka.h"

#include "infra/cli/queue_message.h"

#define URL   "https://sqs.eu-west-1.amazonaws.com/123456789012/ringback-events"
#define ARN   "arn:aws:sqs:eu-west-1:123456789012:ringback-events"
#define EVENT "{\"source\":\"aws.redshift-data\",\"detail\":{}}"

/* --- fixture ---------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    *state = arena_new(1u << 20);
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static const char *source_of(struct arena *arena, const char *queue, const char *original)
{
    return arena_text(arena, queue_message_source(arena, slice_from_text(queue), SLICE("m-1"),
                                                  slice_from_text(original)));
}

static bool is_event(struct arena *arena, const char *name, const char *body)
{
    const struct service service = {
        .config = {.event_queue_url = URL, .request_queue_url = "https://x/1/ringback-requests"}};
    return queue_message_is_event(&service, arena, slice_from_text(name), slice_from_text(body));
}

/* --- success ---------------------------------------------------------------------------------- */

static void a_queue_has_one_name(void **state)
{
    (void)state;
    assert_true(slice_equals_text(queue_name(SLICE(URL)), "ringback-events"));
    assert_true(slice_equals_text(queue_name(SLICE(ARN)), "ringback-events"));
    assert_true(slice_equals_text(queue_name(SLICE("plain")), "plain"));
    assert_int_equal(queue_name(SLICE_NONE).size, 0);
}

/* A function and a daemon on one queue take one message for the same. */
static void a_message_has_one_source(void **state)
{
    assert_string_equal(source_of(*state, URL, NULL), "123456789012/ringback-events/m-1");
    assert_string_equal(source_of(*state, ARN, NULL), "123456789012/ringback-events/m-1");
    assert_string_equal(source_of(*state, NULL, NULL), "//m-1");
}

static void a_redriven_message_keeps_its_first_source(void **state)
{
    assert_string_equal(source_of(*state, URL, "1/q/first"), "1/q/first");
}

static void the_queue_says_what_a_message_is(void **state)
{
    assert_true(is_event(*state, "ringback-events", "no json"));
    assert_false(is_event(*state, "ringback-requests", EVENT));
}

static void elsewhere_its_looks_do(void **state)
{
    assert_true(is_event(*state, NULL, EVENT));
    assert_true(is_event(*state, "dead-letters", EVENT));
    assert_false(is_event(*state, NULL, "{\"source\":\"my\",\"detail\":{\"sqlStatement\":\"x\"}}"));
}

/* --- failure ---------------------------------------------------------------------------------- */

static void what_looks_like_nothing_is_no_event(void **state)
{
    assert_false(is_event(*state, NULL, "no json"));
    assert_false(is_event(*state, NULL, ""));
    assert_false(is_event(*state, "", "{\"source\":\"aws.redshift-data\"}"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_queue_has_one_name),
        TEST(a_message_has_one_source),
        TEST(a_redriven_message_keeps_its_first_source),
        TEST(the_queue_says_what_a_message_is),
        TEST(elsewhere_its_looks_do),
        TEST(what_looks_like_nothing_is_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
