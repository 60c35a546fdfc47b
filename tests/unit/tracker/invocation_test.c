/* Identity: invocation ids, statement names, client tokens and address digests. */
#include "tests/unit/tracker/invocation_fixture.h"

#include <string.h>

/* ---- Helpers ---- */

static enum status parse(const char *name, unsigned *step, unsigned *attempt)
{
    char id[TRACKER_ID_BYTES + 1];
    struct error error = ERROR_NONE;
    enum status status =
        invocation_parse_name(slice_from_text(name), PREFIX, id, step, attempt, &error);
    if (status == STATUS_OK) {
        assert_string_equal(id, ID);
    }
    return status;
}

/* ---- Success ---- */

/* printf 'task-token\0token-1' | sha256sum | head -c 40 | xxd -r -p | base32 | tr A-Z a-z */
static void id_is_base32_of_the_first_160_bits_of_sha256(void **context)
{
    char id[TRACKER_ID_BYTES + 1];
    (void)context;
    invocation_id(SLICE("task-token"), SLICE("token-1"), id);
    assert_string_equal(id, "rpvfeqax2jssq4kadtdgcgddd3cdelzn");
    invocation_id(SLICE("request-key"), SLICE(""), id);
    assert_string_equal(id, "sdrzi47zytxpde6opvtunaprykoh44ir");
}

static void id_keeps_kind_and_source_apart(void **context)
{
    char id[TRACKER_ID_BYTES + 1];
    char other[TRACKER_ID_BYTES + 1];
    (void)context;
    invocation_id(SLICE("ab"), SLICE("c"), id);
    invocation_id(SLICE("a"), SLICE("bc"), other);
    assert_string_not_equal(id, other);
    assert_true(invocation_id_valid(slice_from_text(id)));
}

/* printf 'ringback/4oy.../1.1' | sha256sum */
static void client_token_is_the_hex_sha256_of_the_name(void **context)
{
    char token[SHA256_HEX_BYTES + 1];
    (void)context;
    invocation_client_token(SLICE("ringback/" ID "/1.1"), token);
    assert_string_equal(token, "5c726d62bc1d3ec982ff2f4efb3eb29efc9531a427f7e3333024b20d88f540cb");
}

static void name_is_built_and_parsed_back(void **context)
{
    struct fixture *fixture = *context;
    unsigned step = 0;
    unsigned attempt = 0;
    struct slice name = invocation_statement_name(fixture->arena, &fixture->plan, 256, 1000);
    assert_slice(name, SLICE("ringback/" ID "/256.1000"));
    assert_int_equal(parse(name.data, &step, &attempt), STATUS_OK);
    assert_int_equal(step, 256);
    assert_int_equal(attempt, 1000);
}

static void address_digest_tells_kind_and_target(void **context)
{
    struct address token;
    struct address same;
    struct address queue;
    (void)context;
    address_init(&token, ADDRESS_TASK_TOKEN, SLICE("x"));
    address_init(&same, ADDRESS_TASK_TOKEN, SLICE("x"));
    address_init(&queue, ADDRESS_QUEUE, SLICE("x"));
    assert_string_equal(token.digest, same.digest);
    assert_string_not_equal(token.digest, queue.digest);
    assert_int_equal(strlen(token.digest), ADDRESS_DIGEST_BYTES);
}

/* ---- Failure ---- */

static void hostile_names_are_refused(void **context)
{
    static const char *const names[] = {
        "ringback/",
        "ringback/x",
        "ringback/" ID,
        "ringback/" ID "/",
        "ringback/" ID "/1",
        "ringback/" ID "/1.",
        "ringback/" ID "/.1",
        "ringback/" ID "/1.1.1",
        "ringback/" ID "/1.1 ",
        "ringback/" ID "/ 1.1",
        "ringback/" ID "/+1.1",
        "ringback/" ID "/-1.1",
        "ringback/" ID "/01.1",
        "ringback/" ID "/1.01",
        "ringback/" ID "/0.1",
        "ringback/" ID "/1.0",
        "ringback/" ID "/1000001.1",
        "ringback/" ID "/1.4294967297",
        "ringback/" ID "/1.18446744073709551617",
        "ringback/" ID "/1e0.1",
        "ringback/" ID ".1.1",
        "ringback/" ID "//1.1",
        "ringback/4OYMIQUY7QOBJGX36TEJS35ZEQT24QPE/1.1",
        "ringback/4oymiquy7qobjgx36tejs35zeqt24qp0/1.1",
        "ringback/4oymiquy7qobjgx36tejs35zeqt24qp/1.1",
        "ringback/../../../../../../../etc/passwd/1.1",
        "ringback/t/AAAAKgAAAAIAAAAAAAAAAd",
    };
    (void)context;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        unsigned step = 0;
        unsigned attempt = 0;
        if (parse(names[i], &step, &attempt) != STATUS_REJECTED) {
            fail_msg("taken for one of ours: %s", names[i]);
        }
    }
}

static void name_with_an_inner_nul_is_refused(void **context)
{
    static const char name[] = "ringback/" ID "/1.1\0x";
    char id[TRACKER_ID_BYTES + 1];
    unsigned number = 0;
    (void)context;
    assert_int_equal(invocation_parse_name((struct slice){name, sizeof(name) - 1}, PREFIX, id,
                                           &number, &number, NULL),
                     STATUS_REJECTED);
}

static void names_of_others_are_foreign(void **context)
{
    static const char *const names[] = {
        "",  "ringback", "ringback-prod/" ID "/1.1", "RINGBACK/" ID "/1.1",
        "x", "QS2-1",    " ringback/" ID "/1.1",
    };
    (void)context;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        unsigned step = 0;
        unsigned attempt = 0;
        assert_int_equal(parse(names[i], &step, &attempt), STATUS_NOT_FOUND);
    }
}

static void invalid_ids_are_told(void **context)
{
    (void)context;
    assert_true(invocation_id_valid(SLICE(ID)));
    assert_false(invocation_id_valid(SLICE_NONE));
    assert_false(invocation_id_valid(SLICE("")));
    assert_false(invocation_id_valid(SLICE(ID "a")));
    assert_false(invocation_id_valid(SLICE("4oymiquy7qobjgx36tejs35zeqt24qp1")));
    assert_false(invocation_id_valid(SLICE("4oymiquy7qobjgx36tejs35zeqt24q/e")));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(id_is_base32_of_the_first_160_bits_of_sha256),
        TEST(id_keeps_kind_and_source_apart),
        TEST(client_token_is_the_hex_sha256_of_the_name),
        TEST(name_is_built_and_parsed_back),
        TEST(address_digest_tells_kind_and_target),
        TEST(hostile_names_are_refused),
        TEST(name_with_an_inner_nul_is_refused),
        TEST(names_of_others_are_foreign),
        TEST(invalid_ids_are_told),
    };
    return cmocka_run_group_tests_name("invocation", tests, NULL, NULL);
}
