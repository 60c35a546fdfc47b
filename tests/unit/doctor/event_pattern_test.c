/* Patterns as AWS documents them, on an event whose resources and rows are not known. */
#include "tests/support/cmocka.h"

#include "infra/doctor/event_pattern.h"

/* --- fixture ---------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    *state = arena_new(16u << 20);
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

#define EVENT                                                                                      \
    "{\"source\":\"aws.redshift-data\",\"resources\":null,\"number\":7,\"tags\":[\"a\",\"b\"],"    \
    "\"detail\":{\"statementName\":\"ringback/x/1.1\",\"state\":\"FINISHED\",\"rows\":null}}"

static struct json parsed(struct arena *arena, const char *text)
{
    struct json root = {0};
    if (json_parse(arena, slice_from_text(text), &root, NULL) != STATUS_OK) {
        fail_msg("no JSON: %s", text);
    }
    return root;
}

struct pattern_case {
    enum verdict verdict;
    const char *pattern;
};

static void judge_all(struct arena *arena, const struct pattern_case *cases, size_t count)
{
    const struct json event = parsed(arena, EVENT);
    for (size_t i = 0; i < count; i++) {
        const struct json pattern = parsed(arena, cases[i].pattern);
        const enum verdict verdict = event_pattern_judge(arena, pattern, event);
        if (verdict != cases[i].verdict) {
            fail_msg("%d, not %d: %s", verdict, cases[i].verdict, cases[i].pattern);
        }
    }
}

/* The operator on statementName. */
#define ON_NAME(operation) "{\"detail\":{\"statementName\":[" operation "]}}"

/* --- what can be told ------------------------------------------------------------------------- */

static void values_and_fields(void **state)
{
    static const struct pattern_case cases[] = {
        {VERDICT_YES, "{}"},
        {VERDICT_YES, "{\"source\":[\"aws.redshift-data\"]}"},
        {VERDICT_YES, "{\"source\":[\"x\",\"aws.redshift-data\"]}"},
        {VERDICT_NO, "{\"source\":[\"AWS.redshift-data\"]}"},
        {VERDICT_NO, "{\"source\":[]}"},
        {VERDICT_NO, "{\"source\":[7,null,true]}"},
        {VERDICT_NO, "{\"nothing\":[\"x\"]}"},
        {VERDICT_NO, "{\"source\":[\"aws.redshift-data\"],\"detail\":{\"state\":[\"FAILED\"]}}"},
        {VERDICT_NO, "{\"detail\":[\"x\"]}"},
        {VERDICT_YES, "{\"tags\":[\"b\"]}"},
        {VERDICT_NO, "{\"tags\":[\"c\"]}"},
    };
    judge_all(*state, cases, ARRAY_COUNT(cases));
}

static void operators_on_texts(void **state)
{
    static const struct pattern_case cases[] = {
        {VERDICT_YES, ON_NAME("{\"prefix\":\"ringback/\"}")},
        {VERDICT_NO, ON_NAME("{\"prefix\":\"Ringback/\"}")},
        {VERDICT_YES, ON_NAME("{\"prefix\":{\"equals-ignore-case\":\"RINGBACK/\"}}")},
        {VERDICT_NO, ON_NAME("{\"prefix\":{\"equals-ignore-case\":\"ringback/xx\"}}")},
        {VERDICT_YES, ON_NAME("{\"suffix\":\"/1.1\"}")},
        {VERDICT_NO, ON_NAME("{\"suffix\":\"/1.2\"}")},
        {VERDICT_YES, ON_NAME("{\"suffix\":{\"equals-ignore-case\":\"X/1.1\"}}")},
        {VERDICT_YES, ON_NAME("{\"equals-ignore-case\":\"RINGBACK/X/1.1\"}")},
        {VERDICT_YES, ON_NAME("{\"wildcard\":\"ring*/1.*\"}")},
        {VERDICT_NO, ON_NAME("{\"wildcard\":\"ring?ack*\"}")},
        {VERDICT_NO, ON_NAME("{\"wildcard\":\"ringback/\\\\*/1.1\"}")},
        {VERDICT_YES, ON_NAME("{\"anything-but\":\"x\"}")},
        {VERDICT_NO, ON_NAME("{\"anything-but\":[\"x\",\"ringback/x/1.1\"]}")},
        {VERDICT_YES, ON_NAME("{\"anything-but\":7}")},
        {VERDICT_NO, ON_NAME("{\"anything-but\":{\"prefix\":\"ringback\"}}")},
        {VERDICT_NO, ON_NAME("{\"anything-but\":{\"prefix\":[\"x\",\"ring\"]}}")},
        {VERDICT_YES, ON_NAME("{\"anything-but\":{\"suffix\":\".sql\"}}")},
        {VERDICT_NO, ON_NAME("{\"anything-but\":{\"wildcard\":\"*/x/*\"}}")},
        {VERDICT_NO, ON_NAME("{\"anything-but\":{\"equals-ignore-case\":\"RINGBACK/X/1.1\"}}")},
        {VERDICT_NO, ON_NAME("{\"numeric\":[\">\",0]}")},
        {VERDICT_YES, ON_NAME("{\"prefix\":\"x\"},{\"prefix\":\"ring\"}")},
    };
    judge_all(*state, cases, ARRAY_COUNT(cases));
}

static void being_there(void **state)
{
    static const struct pattern_case cases[] = {
        {VERDICT_YES, ON_NAME("{\"exists\":true}")},
        {VERDICT_NO, ON_NAME("{\"exists\":false}")},
        {VERDICT_YES, "{\"detail\":{\"nothing\":[{\"exists\":false}]}}"},
        {VERDICT_YES, "{\"nothing\":{\"below\":[{\"exists\":false}]}}"},
        {VERDICT_NO, "{\"nothing\":{\"below\":[{\"exists\":true}]}}"},
        {VERDICT_NO, "{\"nothing\":[{\"anything-but\":\"x\"}]}"},
    };
    judge_all(*state, cases, ARRAY_COUNT(cases));
}

static void either(void **state)
{
    static const struct pattern_case cases[] = {
        {VERDICT_YES, "{\"$or\":[{\"source\":[\"x\"]},{\"detail\":{\"state\":[\"FINISHED\"]}}]}"},
        {VERDICT_NO, "{\"$or\":[{\"source\":[\"x\"]},{\"source\":[\"y\"]}]}"},
        {VERDICT_NO, "{\"source\":[\"x\"],\"$or\":[{},{}]}"},
        {VERDICT_YES, "{\"detail\":{\"$or\":[{\"state\":[\"x\"]},{\"state\":[\"FINISHED\"]}]}}"},
        {VERDICT_UNKNOWN, "{\"$or\":[{\"source\":[\"x\"]},{\"resources\":[\"y\"]}]}"},
    };
    judge_all(*state, cases, ARRAY_COUNT(cases));
}

/* --- what cannot ------------------------------------------------------------------------------ */

static void what_is_not_known_is_not_judged(void **state)
{
    static const struct pattern_case cases[] = {
        {VERDICT_UNKNOWN, "{\"resources\":[{\"prefix\":\"arn:\"}]}"},
        {VERDICT_UNKNOWN, "{\"detail\":{\"rows\":[{\"numeric\":[\">\",0]}]}}"},
        {VERDICT_UNKNOWN, "{\"detail\":{\"rows\":[{\"exists\":true}]}}"},
        {VERDICT_UNKNOWN, "{\"number\":[7]}"},
        {VERDICT_UNKNOWN, "{\"number\":[{\"numeric\":[\"=\",7]}]}"},
        {VERDICT_UNKNOWN, ON_NAME("{\"cidr\":\"10.0.0.0/8\"}")},
        {VERDICT_UNKNOWN, ON_NAME("{\"sounds-like\":\"x\"}")},
        {VERDICT_UNKNOWN, ON_NAME("{\"anything-but\":{\"sounds-like\":\"x\"}}")},
        {VERDICT_UNKNOWN, ON_NAME("{\"prefix\":\"x\",\"suffix\":\"y\"}")},
        {VERDICT_UNKNOWN, ON_NAME("{\"prefix\":7}")},
        {VERDICT_UNKNOWN, "{\"source\":\"aws.redshift-data\"}"},
        {VERDICT_UNKNOWN, "[]"},
        {VERDICT_NO, "{\"resources\":[\"x\"],\"source\":[\"y\"]}"},
        {VERDICT_YES, ON_NAME("{\"sounds-like\":\"x\"},{\"prefix\":\"ring\"}")},
    };
    judge_all(*state, cases, ARRAY_COUNT(cases));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_and_fields),
        TEST(operators_on_texts),
        TEST(being_there),
        TEST(either),
        TEST(what_is_not_known_is_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
