#include "tests/support/cmocka.h"

#include "infra/base/json_reader.h"
#include "infra/doctor/findings.h"

#include <string.h>

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct arena *arena;
    struct findings findings;
    struct buffer out;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.arena = arena_new(64u << 20);
    findings_init(&fixture.findings, fixture.arena);
    buffer_init(&fixture.out, 16u << 20);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    buffer_clear(&fixture->out);
    arena_free(fixture->arena);
    return 0;
}

/* --- success ---------------------------------------------------------------------------------- */

static void a_fine_one_is_one_line_and_others_three(void **state)
{
    struct fixture *fixture = *state;
    findings_add(&fixture->findings, FOUND_FINE, "region", "%s", "eu-west-1");
    findings_add(&fixture->findings, FOUND_QUEUE_FIFO, "queue", "it is one");
    findings_print(&fixture->findings, &fixture->out);
    assert_string_equal(fixture->out.data,
                        "ok       region: eu-west-1\n"
                        "warning  queue: it is one\n"
                        "         why: a message that has to wait holds up those behind it\n"
                        "         fix: use a standard queue\n");
    assert_false(fixture->findings.has_problem);
}

static void the_document_has_it_all(void **state)
{
    struct fixture *fixture = *state;
    struct json root;
    struct slice text = SLICE_NONE;
    bool healthy = true;
    findings_add(&fixture->findings, FOUND_FINE, "region", "eu-west-1");
    findings_add(&fixture->findings, FOUND_REGION, "region", "none");
    findings_print_json(&fixture->findings, &fixture->out);
    assert_int_equal(json_parse(fixture->arena, buffer_slice(&fixture->out), &root, NULL),
                     STATUS_OK);
    assert_int_equal(json_find_bool(root, "healthy", &healthy, NULL), STATUS_OK);
    assert_false(healthy);
    const struct json first = json_element(json_member(root, "findings"), 0);
    assert_false(json_exists(json_member(first, "why")));
    assert_int_equal(json_get_text(json_next(first), "finding", 0, &text, NULL), STATUS_OK);
    assert_true(slice_equals_text(text, "region"));
    assert_int_equal(json_get_text(json_next(first), "severity", 0, &text, NULL), STATUS_OK);
    assert_true(slice_equals_text(text, "problem"));
}

static void every_kind_says_why_and_what_to_do(void **state)
{
    (void)state;
    for (unsigned kind = FOUND_FINE + 1; kind < FINDING_KIND_COUNT; kind++) {
        const struct finding_facts *facts = finding_facts(kind);
        assert_true(facts->severity != FINDING_OK);
        assert_true(strlen(facts->why) > 10 && strlen(facts->fix) > 10);
        assert_null(strpbrk(facts->why, "|\n"));
        assert_null(strpbrk(facts->fix, "|\n"));
        for (unsigned other = 0; other < kind; other++) {
            assert_string_not_equal(facts->name, finding_facts(other)->name);
        }
    }
}

/* --- failure ---------------------------------------------------------------------------------- */

static void names_of_others_do_not_speak_to_the_terminal(void **state)
{
    struct fixture *fixture = *state;
    findings_add(&fixture->findings, FOUND_FINE, "state \x1b[2J", "a\nb");
    findings_print(&fixture->findings, &fixture->out);
    assert_string_equal(fixture->out.data, "ok       state ?[2J: a?b\n");
}

static void too_many_are_counted(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < FINDINGS_MAX + 3; i++) {
        findings_add(&fixture->findings, FOUND_FINE, "it", "%d", i);
    }
    findings_add(&fixture->findings, FOUND_REGION, "region", "none");
    assert_int_equal(fixture->findings.count, FINDINGS_MAX);
    assert_int_equal(fixture->findings.left_out, 4);
    assert_true(fixture->findings.has_problem);
    findings_print(&fixture->findings, &fixture->out);
    assert_non_null(strstr(fixture->out.data, "\nwarning  4 more findings are left out\n"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fine_one_is_one_line_and_others_three),
        TEST(the_document_has_it_all),
        TEST(every_kind_says_why_and_what_to_do),
        TEST(names_of_others_do_not_speak_to_the_terminal),
        TEST(too_many_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
