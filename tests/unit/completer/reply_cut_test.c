/* A reply that is too large for an address is cut, always in the same way. */
#include "completer/reply.h"
#include "tests/support/cmocka.h"

#include <string.h>

#define ID "4oymiquy7qobjgx36tejs35zeqt24qpe"

/* ---- Fixture ---- */

static int set_up(void **context)
{
    *context = arena_new(16u << 20);
    return 0;
}

static int tear_down(void **context)
{
    arena_free(*context);
    return 0;
}

/* ---- Helpers ---- */

static void assert_cut(struct arena *arena, const char *reply, size_t max_bytes, const char *cut)
{
    const struct slice is = reply_cut(arena, slice_from_text(reply), max_bytes);
    if (!slice_equals_text(is, cut)) {
        fail_msg("\n%.*s\n  is not\n%s", SLICE_PRINT(is), cut);
    }
    const struct slice again = reply_cut(arena, slice_from_text(reply), max_bytes);
    assert_true(slice_equals(again, is));
}

/* ---- Success ---- */

static void what_fits_is_left_alone(void **context)
{
    const char *reply = "{\"invocationId\":\"" ID "\",\"outcome\":\"FINISHED\",\"output\":{}}";
    assert_cut(*context, reply, strlen(reply), reply);
}

static void success_keeps_ids_and_outcome(void **context)
{
    assert_cut(*context,
               "{\"invocationId\":\"" ID
               "\",\"outcome\":\"FINISHED\",\"output\":{\"version\":\"0\","
               "\"detail\":{\"rows\":3},\"ringback\":{\"invocationId\":\"" ID
               "\",\"outcome\":\"FINISHED\",\"learnedFrom\":\"event\",\"steps\":[{\"step\":1}],"
               "\"stepsOmitted\":7,\"sessionId\":\"s\",\"result\":{\"rows\":[[1]]}}}}",
               100,
               "{\"invocationId\":\"" ID "\",\"outcome\":\"FINISHED\",\"truncated\":true,"
               "\"output\":{\"ringback\":{\"invocationId\":\"" ID
               "\",\"outcome\":\"FINISHED\",\"learnedFrom\":\"event\",\"sessionId\":\"s\"}}}");
}

static void failure_keeps_its_error(void **context)
{
    assert_cut(*context,
               "{\"invocationId\":\"" ID "\",\"outcome\":\"FAILED\",\"error\":\"FAILED\","
               "\"cause\":{\"detail\":{\"error\":\"long\"},\"ringback\":{\"outcome\":\"FAILED\","
               "\"errorType\":\"X\",\"steps\":[]}}}",
               100,
               "{\"invocationId\":\"" ID "\",\"outcome\":\"FAILED\",\"error\":\"FAILED\","
               "\"truncated\":true,\"cause\":{\"ringback\":{\"outcome\":\"FAILED\","
               "\"errorType\":\"X\"}}}");
}

/* ---- Failure ---- */

static void long_texts_are_left_out(void **context)
{
    struct arena *arena = *context;
    char *text = arena_alloc(arena, 514);
    memset(text, 'x', 513);
    assert_cut(arena,
               arena_format(arena,
                            "{\"outcome\":\"FINISHED\",\"output\":{\"ringback\":{\"a\":\"%s\","
                            "\"b\":\"%s\"}}}",
                            text, text + 1),
               100,
               arena_format(arena,
                            "{\"outcome\":\"FINISHED\",\"truncated\":true,\"output\":{"
                            "\"ringback\":{\"b\":\"%s\"}}}",
                            text + 1));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_fits_is_left_alone),
        TEST(success_keeps_ids_and_outcome),
        TEST(failure_keeps_its_error),
        TEST(long_texts_are_left_out),
    };
    return cmocka_run_group_tests_name("reply_cut", tests, NULL, NULL);
}
