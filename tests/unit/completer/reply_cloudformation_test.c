/* The answer to a custom resource, byte for byte, and its limit. */
#include "completer/reply_cloudformation.h"
#include "tests/support/cmocka.h"

#include "infra/base/buffer.h"
#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"

#include <string.h>

#define ID   "4oymiquy7qobjgx36tejs35zeqt24qpe"
#define STMT "dd2e1ec9-2ee3-49a0-819f-905fa7d75a4a"
#define HEAD "{\"invocationId\":\"" ID "\",\"outcome\":"
#define TAIL                                                                                       \
    "\"StackId\":\"arn:stack\",\"RequestId\":\"r-1\",\"LogicalResourceId\":\"Table\",\"NoEcho\":"

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct plan_parameter data[4];
    struct plan_resource resource;
    struct plan plan;
    struct step_result results[2];
    struct state state;
    struct slice reply;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    fixture.arena = arena_new(256u << 20);
    fixture.resource = (struct plan_resource){.request_type = SLICE("Create"),
                                              .stack_id = SLICE("arn:stack"),
                                              .request_id = SLICE("r-1"),
                                              .logical_resource_id = SLICE("Table"),
                                              .data = fixture.data};
    fixture.plan =
        (struct plan){.id = ID, .prefix = SLICE("ringback/"), .resource = &fixture.resource};
    fixture.results[0] = (struct step_result){1, 1, ENDING_FINISHED, STMT, 3, 812};
    fixture.state.outcome = OUTCOME_FINISHED;
    fixture.state.results = fixture.results;
    fixture.state.result_count = 1;
    fixture.reply = SLICE(HEAD "\"FINISHED\",\"output\":{\"ringback\":{}}}");
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    arena_free(((struct fixture *)*context)->arena);
    return 0;
}

/* ---- Helpers ---- */

static struct slice render(struct fixture *fixture)
{
    return reply_render_cloudformation(fixture->arena, &fixture->plan, &fixture->state,
                                       fixture->reply);
}

static void assert_body(struct fixture *fixture, const char *expected)
{
    struct slice body = render(fixture);
    if (!slice_equals_text(body, expected)) {
        fail_msg("\n%.*s\n  is not\n%s", SLICE_PRINT(body), expected);
    }
}

/* A failure that the database said this about. */
static void set_failed(struct fixture *fixture, struct slice text)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    buffer_init(&out, 4u << 20);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "invocationId", SLICE(ID));
    json_write_text(&writer, "outcome", SLICE("FAILED"));
    json_write_text(&writer, "error", SLICE("FAILED"));
    json_begin_object(&writer, "cause");
    json_begin_object(&writer, "detail");
    json_write_text(&writer, "error", text);
    json_end_object(&writer);
    json_end_object(&writer);
    json_end_object(&writer);
    fixture->reply = arena_copy(fixture->arena, buffer_slice(&out));
    fixture->state.outcome = OUTCOME_FAILED;
    fixture->results[0].ending = ENDING_FAILED;
}

static struct slice member(struct fixture *fixture, struct slice body, const char *name)
{
    struct json root;
    struct slice text = SLICE_NONE;
    struct error error = ERROR_NONE;
    if (json_parse(fixture->arena, body, &root, &error) != STATUS_OK) {
        fail_msg("%s: %.*s", error.text, SLICE_PRINT(body));
    }
    assert_int_equal(json_find_text(root, name, 0, &text, NULL), STATUS_OK);
    return text;
}

static struct slice repeated(struct fixture *fixture, struct slice piece, size_t count)
{
    char *text = arena_alloc(fixture->arena, piece.size * count + 1);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + i * piece.size, piece.data, piece.size);
    }
    return (struct slice){text, piece.size * count};
}

static void choose(struct fixture *fixture, const char *name)
{
    fixture->data[fixture->resource.data_count++] =
        (struct plan_parameter){slice_from_text(name), slice_from_text(name)};
}

/* The numbers of a property that must not differ between runs. */
static unsigned next_number(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 8;
}

/* ---- Success ---- */

static void create_is_named_by_its_statement(void **context)
{
    assert_body(*context, "{\"Status\":\"SUCCESS\",\"PhysicalResourceId\":\"ringback/" ID
                          "/1.1\"," TAIL "false,\"Data\":{\"StatementId\":\"" STMT
                          "\",\"StatementName\":\"ringback/" ID "/1.1\",\"Status\":\"FINISHED\","
                          "\"ResultRows\":\"3\"}}");
}

static void own_id_and_no_echo_are_kept(void **context)
{
    struct fixture *fixture = *context;
    fixture->resource.physical_resource_id = SLICE("mine");
    fixture->resource.no_echo = true;
    fixture->results[0].rows = -1;
    assert_body(fixture, "{\"Status\":\"SUCCESS\",\"PhysicalResourceId\":\"mine\"," TAIL
                         "true,\"Data\":{\"StatementId\":\"" STMT
                         "\",\"StatementName\":\"ringback/" ID "/1.1\",\"Status\":\"FINISHED\"}}");
}

static void nothing_run_is_a_success(void **context)
{
    struct fixture *fixture = *context;
    fixture->resource.physical_resource_id = fixture->resource.current_physical_id = SLICE("old");
    fixture->state.result_count = 0;
    choose(fixture, "Never");
    assert_body(fixture, "{\"Status\":\"SUCCESS\",\"PhysicalResourceId\":\"old\"," TAIL
                         "false,\"Data\":{\"Status\":\"FINISHED\"}}");
}

static void several_steps_tell_the_last(void **context)
{
    struct fixture *fixture = *context;
    fixture->results[1] = (struct step_result){2, 3, ENDING_FINISHED, "b", 7, 1};
    fixture->state.result_count = 2;
    struct slice body = render(fixture);
    assert_true(slice_find(body, SLICE("\"StatementId\":\"b\",\"StatementName\":\"ringback/" ID
                                       "/2.3\",\"Status\":\"FINISHED\",\"ResultRows\":\"7\"")) <
                body.size);
}

static void chosen_columns_are_data(void **context)
{
    struct fixture *fixture = *context;
    choose(fixture, "Owner");
    choose(fixture, "Gone");
    fixture->reply = SLICE(HEAD "\"FINISHED\",\"output\":{\"ringback\":{\"data\":{\"Owner\":\"\xc3"
                                "\xa4 \\\"q\\\"\",\"Gone\":null}}}}");
    struct slice body = render(fixture);
    assert_true(slice_find(body, SLICE("\"ResultRows\":\"3\",\"Owner\":\"\xc3\xa4 \\\"q\\\"\","
                                       "\"Gone\":\"\"}}")) < body.size);
}

static void failed_create_is_marked(void **context)
{
    struct fixture *fixture = *context;
    fixture->resource.physical_resource_id = SLICE("mine");
    set_failed(fixture, SLICE("relation \"t\" already exists"));
    assert_body(fixture,
                "{\"Status\":\"FAILED\",\"Reason\":\"FAILED: relation \\\"t\\\" already "
                "exists\",\"PhysicalResourceId\":\"ringback:create-failed:" ID "\"," TAIL "false}");
}

static void failed_update_keeps_its_id(void **context)
{
    struct fixture *fixture = *context;
    fixture->resource.physical_resource_id = SLICE("new");
    fixture->resource.current_physical_id = SLICE("old");
    set_failed(fixture, SLICE("no"));
    assert_body(
        fixture,
        "{\"Status\":\"FAILED\",\"Reason\":\"FAILED: no\",\"PhysicalResourceId\":\"old\"," TAIL
        "false}");
}

static void reason_without_the_databases_text(void **context)
{
    struct fixture *fixture = *context;
    fixture->state.outcome = OUTCOME_TIMED_OUT;
    fixture->reply = SLICE(HEAD "\"TIMED_OUT\",\"error\":\"TIMED_OUT\",\"cause\":{}}");
    assert_string_equal(arena_text(fixture->arena, member(fixture, render(fixture), "Reason")),
                        "TIMED_OUT: there was no ending before the deadline");
    fixture->state.outcome = OUTCOME_REJECTED;
    fixture->state.error_text = SLICE("ResourceProperties.create: must not be empty");
    assert_string_equal(arena_text(fixture->arena, member(fixture, render(fixture), "Reason")),
                        "REJECTED: ResourceProperties.create: must not be empty");
}

static void details_that_are_gone_do_not_matter(void **context)
{
    struct fixture *fixture = *context;
    fixture->reply = SLICE_NONE;
    assert_string_equal(arena_text(fixture->arena, member(fixture, render(fixture), "Status")),
                        "SUCCESS");
}

/* ---- Limits ---- */

static void hundred_kilobytes_of_error_fit(void **context)
{
    struct fixture *fixture = *context;
    set_failed(fixture, repeated(fixture, SLICE("0123456789"), 10240));
    struct slice body = render(fixture);
    assert_int_equal(body.size, REPLY_CLOUDFORMATION_MAX_BYTES);
    assert_true(slice_starts_with(member(fixture, body, "Reason"), SLICE("FAILED: 0123456789")));
}

static void characters_are_not_cut(void **context)
{
    struct fixture *fixture = *context;
    for (size_t shift = 0; shift < 4; shift++) {
        struct slice text = repeated(fixture, SLICE("\xf0\x9f\x98\x80"), 2000);
        set_failed(fixture, slice_from_text(arena_format(fixture->arena, "%.*s%.*s", (int)shift,
                                                         "abc", SLICE_PRINT(text))));
        struct slice body = render(fixture);
        struct slice reason = member(fixture, body, "Reason");
        assert_true(body.size <= REPLY_CLOUDFORMATION_MAX_BYTES);
        assert_true(body.size > REPLY_CLOUDFORMATION_MAX_BYTES - 4);
        assert_true(slice_is_utf8(reason));
        assert_int_equal((reason.size - strlen("FAILED: ") - shift) % 4, 0);
    }
}

static void any_text_fits(void **context)
{
    static const struct slice pieces[] = {
        {"a", 1},        {"\x01", 1},         {"\"", 1}, {"\\", 1},
        {"\xc3\xa4", 2}, {"\xe2\x82\xac", 3}, {"\n", 1}, {"\xf0\x9f\x98\x80", 4}};
    struct fixture *fixture = *context;
    unsigned seed = 7;
    for (size_t round = 0; round < 400; round++) {
        CLEANUP(buffer_clear) struct buffer text;
        size_t count = next_number(&seed) % 5000;
        buffer_init(&text, 1u << 20);
        for (size_t i = 0; i < count; i++) {
            buffer_append(&text, pieces[next_number(&seed) % (1 + round % ARRAY_COUNT(pieces))]);
        }
        set_failed(fixture, buffer_slice(&text));
        struct slice body = render(fixture);
        assert_true(body.size > 0 && body.size <= REPLY_CLOUDFORMATION_MAX_BYTES);
        assert_string_equal(arena_text(fixture->arena, member(fixture, body, "Status")), "FAILED");
        if (body.size < REPLY_CLOUDFORMATION_MAX_BYTES - 6) {
            assert_int_equal(member(fixture, body, "Reason").size,
                             strlen("FAILED: ") + text.size + (text.size == 0 ? 20 : 0));
        }
    }
}

static void longest_ids_leave_room(void **context)
{
    struct fixture *fixture = *context;
    fixture->resource.stack_id = repeated(fixture, SLICE("s"), 512);
    fixture->resource.request_id = repeated(fixture, SLICE("r"), 128);
    fixture->resource.logical_resource_id = repeated(fixture, SLICE("l"), 255);
    fixture->resource.physical_resource_id = repeated(fixture, SLICE("p"), 1024);
    fixture->resource.current_physical_id = fixture->resource.physical_resource_id;
    assert_string_equal(arena_text(fixture->arena, member(fixture, render(fixture), "Status")),
                        "SUCCESS");
    set_failed(fixture, repeated(fixture, SLICE("\x01"), 5000));
    struct slice body = render(fixture);
    assert_true(body.size > REPLY_CLOUDFORMATION_MAX_BYTES - 6);
    assert_true(member(fixture, body, "Reason").size > 300);
}

/* ---- Failure ---- */

static void missing_column_fails(void **context)
{
    struct fixture *fixture = *context;
    choose(fixture, "Owner");
    struct slice body = render(fixture);
    assert_string_equal(arena_text(fixture->arena, member(fixture, body, "Reason")),
                        "FAILED: Data.Owner: the result has no such column, or no row");
    assert_string_equal(arena_text(fixture->arena, member(fixture, body, "PhysicalResourceId")),
                        "ringback/" ID "/1.1");
}

static void columns_that_do_not_fit_fail(void **context)
{
    struct fixture *fixture = *context;
    struct slice text = repeated(fixture, SLICE("x"), 4096);
    choose(fixture, "Owner");
    fixture->reply = slice_from_text(
        arena_format(fixture->arena,
                     HEAD "\"FINISHED\",\"output\":{\"ringback\":{\"data\":{\"Owner\":\"%.*s\"}}}}",
                     SLICE_PRINT(text)));
    assert_string_equal(arena_text(fixture->arena, member(fixture, render(fixture), "Reason")),
                        "FAILED: Data: the chosen columns do not fit into an answer of 4096 bytes");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(create_is_named_by_its_statement),
        TEST(own_id_and_no_echo_are_kept),
        TEST(nothing_run_is_a_success),
        TEST(several_steps_tell_the_last),
        TEST(chosen_columns_are_data),
        TEST(failed_create_is_marked),
        TEST(failed_update_keeps_its_id),
        TEST(reason_without_the_databases_text),
        TEST(details_that_are_gone_do_not_matter),
        TEST(hundred_kilobytes_of_error_fit),
        TEST(characters_are_not_cut),
        TEST(any_text_fits),
        TEST(longest_ids_leave_room),
        TEST(missing_column_fails),
        TEST(columns_that_do_not_fit_fail),
    };
    return cmocka_run_group_tests_name("reply_cloudformation", tests, NULL, NULL);
}
