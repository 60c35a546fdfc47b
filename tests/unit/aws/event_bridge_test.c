/* PutEvents as it goes out, and its answer, in which entries may have failed. */
#include "tests/support/cmocka.h"

#include "infra/aws/event_bridge.h"
#include "infra/base/compiler.h"

#include <string.h>

#define BUS "arn:aws:events:ap-south-1:123456789012:event-bus/orders"

/* Fixture. */

static int setup(void **state)
{
    *state = arena_new(64u << 20);
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* Helpers. */

static void assert_slice(struct slice is, const char *should)
{
    if (!slice_equals_text(is, should)) {
        fail_msg("\"%.*s\" should be \"%s\"", SLICE_PRINT(is), should);
    }
}

static enum status read(struct arena *arena, const char *reply, struct event_bridge_result *results,
                        size_t count, struct error *error)
{
    const struct aws_call call = {.operation = "PutEvents", .reply = slice_from_text(reply)};
    return event_bridge_read_put(arena, &call, results, count, error);
}

/* Success. */

static void entry_with_a_named_bus(void **state)
{
    struct aws_call call = {.region = SLICE("left-over-1")};
    const struct event_bridge_entry entry = {SLICE("orders"), SLICE("ringback"), SLICE("Outcome"),
                                             SLICE("{\"a\":\"\xc3\xa4\"}")};
    event_bridge_build_put(*state, &entry, 1, &call);
    assert_int_equal(call.service, AWS_EVENTBRIDGE);
    assert_string_equal(call.operation, "PutEvents");
    assert_null(call.region.data);
    assert_slice(call.body,
                 "{\"Entries\":[{\"Source\":\"ringback\",\"DetailType\":\"Outcome\","
                 "\"Detail\":\"{\\\"a\\\":\\\"\xc3\xa4\\\"}\",\"EventBusName\":\"orders\"}]}");
}

static void bus_by_arn_goes_to_its_region(void **state)
{
    struct aws_call call = {0};
    const struct event_bridge_entry entries[] = {{SLICE(BUS), SLICE("s"), SLICE("t"), SLICE("{}")},
                                                 {SLICE_NONE, SLICE("s"), SLICE("t"), SLICE("{}")}};
    event_bridge_build_put(*state, entries, ARRAY_COUNT(entries), &call);
    assert_slice(call.region, "ap-south-1");
    assert_slice(call.body,
                 "{\"Entries\":[{\"Source\":\"s\",\"DetailType\":\"t\",\"Detail\":\"{}\","
                 "\"EventBusName\":\"" BUS "\"},"
                 "{\"Source\":\"s\",\"DetailType\":\"t\",\"Detail\":\"{}\"}]}");
}

static void largest_detail_goes_out_whole(void **state)
{
    static char detail[EVENT_BRIDGE_ENTRY_MAX_BYTES];
    struct aws_call call = {0};
    memset(detail, '"', sizeof(detail));
    const struct event_bridge_entry entry = {
        SLICE_NONE, SLICE("s"), SLICE("t"), {detail, sizeof(detail)}};
    event_bridge_build_put(*state, &entry, 1, &call);
    assert_true(call.body.size > 2 * sizeof(detail));
    assert_true(slice_ends_with(call.body, SLICE("\\\"\"}]}")));
}

static void each_entry_has_its_result(void **state)
{
    struct event_bridge_result results[2];
    struct error error = ERROR_NONE;
    assert_int_equal(read(*state,
                          "{\"FailedEntryCount\":1,\"Entries\":[{\"EventId\":\"11710aed\"},"
                          "{\"ErrorCode\":\"InternalFailure\",\"ErrorMessage\":\"why\"}]}",
                          results, 2, &error),
                     STATUS_OK);
    assert_slice(results[0].event_id, "11710aed");
    assert_null(results[0].error_code.data);
    assert_null(results[1].event_id.data);
    assert_slice(results[1].error_code, "InternalFailure");
    assert_slice(results[1].error_message, "why");
}

/* Failure. */

static void answers_that_break_the_contract(void **state)
{
    static const char *const replies[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"Entries\":[]}",
        "{\"Entries\":[{}]}",
        "{\"Entries\":[{\"EventId\":\"\"}]}",
        "{\"Entries\":[{\"EventId\":7}]}",
        "{\"Entries\":[7]}",
        "{\"Entries\":{}}",
        "{\"Entries\":[{\"EventId\":\"a\"},{\"EventId\":\"b\"}]}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        struct event_bridge_result result;
        struct error error = ERROR_NONE;
        if (read(*state, replies[i], &result, 1, &error) != STATUS_INTERNAL) {
            fail_msg("taken: %s", replies[i]);
        }
        assert_true(strncmp(error.text, "eventbridge.PutEvents: ", 23) == 0);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entry_with_a_named_bus),          TEST(bus_by_arn_goes_to_its_region),
        TEST(largest_detail_goes_out_whole),   TEST(each_entry_has_its_result),
        TEST(answers_that_break_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
