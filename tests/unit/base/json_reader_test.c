#include "tests/support/cmocka.h"

#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* --- fixture --- */

struct fixture {
    struct arena *arena;
    struct error error;
    struct buffer out;
};

static int setup(void **state)
{
    static struct fixture fixture;

    fixture.arena = arena_new(1 << 20);
    fixture.error = ERROR_NONE;
    buffer_init(&fixture.out, 1 << 20);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    arena_free(fixture->arena);
    buffer_clear(&fixture->out);
    return 0;
}

/* --- helpers --- */

static struct json parse(struct fixture *fixture, const char *text)
{
    struct json root = {0};

    assert_int_equal(json_parse(fixture->arena, slice_from_text(text), &root, &fixture->error),
                     STATUS_OK);
    return root;
}

/* Parses a copy that ends where its memory ends, so that reading past it is seen. */
static enum status parse_tight(struct fixture *fixture, struct slice text)
{
    char *copy = malloc(text.size > 0 ? text.size : 1);
    struct json root = {0};
    enum status status = STATUS_OK;

    assert_non_null(copy);
    memcpy(copy, text.data, text.size);
    status = json_parse(fixture->arena, (struct slice){copy, text.size}, &root, &fixture->error);
    free(copy);
    return status;
}

static const char *printed(struct fixture *fixture, const char *text)
{
    buffer_reset(&fixture->out);
    json_print(parse(fixture, text), &fixture->out);
    return fixture->out.data;
}

static void assert_rejected(struct fixture *fixture, enum status status, const char *text)
{
    assert_int_equal(status, STATUS_REJECTED);
    assert_int_equal(fixture->error.status, STATUS_REJECTED);
    assert_string_equal(fixture->error.text, text);
}

static char *nested(size_t depth)
{
    char *text = calloc(1, 2 * depth + 1);

    assert_non_null(text);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return text;
}

/* --- success: parsing --- */

static void test_every_kind(void **state)
{
    struct json root =
        parse(*state, "{\"a\":null,\"b\":true,\"c\":1,\"d\":\"x\",\"e\":[],\"f\":{}}");

    assert_int_equal(json_kind(root), JSON_OBJECT);
    assert_int_equal(json_kind(json_member(root, "a")), JSON_NULL);
    assert_int_equal(json_kind(json_member(root, "b")), JSON_BOOL);
    assert_int_equal(json_kind(json_member(root, "c")), JSON_NUMBER);
    assert_int_equal(json_kind(json_member(root, "d")), JSON_TEXT);
    assert_int_equal(json_kind(json_member(root, "e")), JSON_ARRAY);
    assert_int_equal(json_kind(json_member(root, "f")), JSON_OBJECT);
    assert_int_equal(json_kind(json_member(root, "g")), JSON_ABSENT);
    assert_false(json_exists(json_member(root, "a")));
    assert_false(json_exists(json_member(root, "g")));
    assert_true(json_exists(json_member(root, "f")));
}

static void test_a_text_need_not_end_in_nul(void **state)
{
    static const char *const good[] = {"1", "\"x\"", "{}", "[1,2]", " true ", "-0.5e+3", "null"};

    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        assert_int_equal(parse_tight(*state, slice_from_text(good[i])), STATUS_OK);
    }
}

static void test_depth_of_64_is_read(void **state)
{
    char *text = nested(64);

    (void)parse(*state, text);
    free(text);
}

static void test_texts_are_unescaped(void **state)
{
    struct fixture *fixture = *state;
    struct slice text = SLICE_NONE;

    assert_int_equal(json_text(parse(fixture, "\"a\\n\\\"\\u20ac\\ud83d\\ude00\\\\u0000\""), &text,
                               &fixture->error),
                     STATUS_OK);
    assert_true(slice_equals_text(text, "a\n\"\xE2\x82\xAC\xF0\x9F\x98\x80\\u0000"));
}

static void test_a_number_has_63_bytes(void **state)
{
    char text[65];

    memset(text, '1', sizeof(text));
    assert_int_equal(parse_tight(*state, (struct slice){text, 63}), STATUS_OK);
    assert_rejected(*state, parse_tight(*state, (struct slice){text, 64}), "not JSON at byte 0");
    text[0] = '[';
    assert_rejected(*state, parse_tight(*state, (struct slice){text, 65}), "not JSON at byte 1");
}

/* --- success: memory --- */

/* "[0,0,...,0]" of so many bytes, an even number, behind which nothing is. */
static struct slice zeros(struct arena *arena, size_t size, char last)
{
    char *text = arena_alloc(arena, size);

    for (size_t i = 0; i < size; i++) {
        text[i] = i % 2 == 0 ? ',' : '0';
    }
    text[0] = '[';
    text[size - 1] = last;
    return (struct slice){text, size};
}

/* Either way: what cJSON took for a text that it then refuses is not lost, and not freed twice. */
static void test_a_large_text_has_memory_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    const size_t size = (100u << 10) + 1;
    struct json root = {0};

    for (int i = 0; i < 3; i++) {
        const struct slice good = zeros(fixture->arena, size, ']');
        const struct slice bad = zeros(fixture->arena, size, '}');
        const size_t used = arena_used_bytes(fixture->arena);

        assert_int_equal(json_parse(fixture->arena, good, &root, NULL), STATUS_OK);
        assert_int_equal(json_count(root), size / 2);
        assert_int_equal(json_parse(fixture->arena, bad, &root, NULL), STATUS_REJECTED);
        assert_true(arena_used_bytes(fixture->arena) - used < 1024);
        arena_reset(fixture->arena);
    }
}

/* The first block of an arena is kept, so that its memory may be looked at. */
static void test_texts_are_overwritten_with_the_arena(void **state)
{
    static const char zero[6];
    struct fixture *fixture = *state;
    struct json root = parse(fixture, "{\"secret\":\"\\u0074oken\"}");
    struct slice name = SLICE_NONE;
    struct slice text = SLICE_NONE;

    assert_int_equal(json_text(json_member_at(root, 0, &name), &text, NULL), STATUS_OK);
    assert_string_equal(name.data, "secret");
    assert_string_equal(text.data, "token");
    arena_reset(fixture->arena);
    assert_memory_equal(name.data, zero, 6);
    assert_memory_equal(text.data, zero, 5);
}

/* --- success: threads --- */

struct reading {
    pthread_t thread;
    pthread_barrier_t *start;
    size_t seed;
    size_t misread;
};

/* Texts of its own, small and large, right and wrong, into an arena of its own. */
static void *read_many(void *context)
{
    struct reading *reading = context;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(4u << 20);

    (void)pthread_barrier_wait(reading->start);
    for (size_t i = 0; i < 400; i++) {
        const size_t size = i % 50 == 0 ? (70u << 10) + 1 : 2 * (i + reading->seed) + 3;
        const char last = i % 3 == 0 ? '}' : ']';
        const enum status expected = last == ']' ? STATUS_OK : STATUS_REJECTED;
        const struct slice text = zeros(arena, size, last);
        struct json root = {0};
        const enum status status = json_parse(arena, text, &root, NULL);

        reading->misread +=
            status != expected || (status == STATUS_OK && json_count(root) != size / 2) ? 1 : 0;
        if (i % 7 == 0) {
            arena_reset(arena);
        }
    }
    return NULL;
}

static void test_threads_parse_at_once(void **state)
{
    struct reading readings[2] = {{.seed = 0}, {.seed = 100}};
    pthread_barrier_t start;

    (void)state;
    assert_int_equal(pthread_barrier_init(&start, NULL, ARRAY_COUNT(readings)), 0);
    for (size_t i = 0; i < ARRAY_COUNT(readings); i++) {
        readings[i].start = &start;
        assert_int_equal(pthread_create(&readings[i].thread, NULL, read_many, &readings[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_COUNT(readings); i++) {
        assert_int_equal(pthread_join(readings[i].thread, NULL), 0);
        assert_int_equal(readings[i].misread, 0);
    }
    assert_int_equal(pthread_barrier_destroy(&start), 0);
}

/* --- success: walking --- */

static void test_members_are_case_sensitive_and_in_order(void **state)
{
    struct json root = parse(*state, "{\"b\":1,\"B\":2,\"a\":3}");
    struct slice name = SLICE_NONE;
    int64_t number = 0;

    assert_int_equal(json_get_int64(root, "B", 0, 9, &number, NULL), STATUS_OK);
    assert_int_equal(number, 2);
    assert_int_equal(json_count(root), 3);
    assert_true(json_exists(json_member_at(root, 2, &name)));
    assert_true(slice_equals_text(name, "a"));
    assert_false(json_exists(json_member_at(root, 3, &name)));
    assert_null(name.data);
}

static void test_elements_are_walked(void **state)
{
    struct json array = parse(*state, "[1,2,3]");
    struct json element = json_element(array, 0);
    int64_t sum = 0;

    for (; json_exists(element); element = json_next(element)) {
        int64_t number = 0;

        assert_int_equal(json_int64(element, 0, 9, &number, NULL), STATUS_OK);
        sum = sum * 10 + number;
    }
    assert_int_equal(sum, 123);
    assert_int_equal(json_count(array), 3);
    assert_false(json_exists(json_element(array, 3)));
    assert_false(json_exists(json_next(element)));
}

static void test_the_wrong_kind_has_no_children(void **state)
{
    struct json root = parse(*state, "{\"a\":[1],\"b\":\"x\"}");
    struct json absent = json_member(root, "z");

    assert_false(json_exists(json_member(json_member(root, "a"), "x")));
    assert_false(json_exists(json_element(root, 0)));
    assert_false(json_exists(json_member(absent, "x")));
    assert_false(json_exists(json_element(absent, 0)));
    assert_int_equal(json_count(json_member(root, "b")), 0);
    assert_int_equal(json_count(absent), 0);
}

/* --- success: typed access --- */

static void test_find_leaves_the_default(void **state)
{
    struct json root = parse(*state, "{\"n\":null}");
    struct slice text = SLICE("default");
    int64_t number = 7;
    double real = 1.5;
    bool flag = true;
    struct json member = root;

    assert_int_equal(json_find_text(root, "n", 0, &text, NULL), STATUS_OK);
    assert_int_equal(json_find_text(root, "z", 0, &text, NULL), STATUS_OK);
    assert_int_equal(json_find_int64(root, "n", 1, 2, &number, NULL), STATUS_OK);
    assert_int_equal(json_find_double(root, "n", &real, NULL), STATUS_OK);
    assert_int_equal(json_find_bool(root, "z", &flag, NULL), STATUS_OK);
    assert_int_equal(json_find_object(root, "n", &member, NULL), STATUS_OK);
    assert_true(slice_equals_text(text, "default"));
    assert_int_equal(number, 7);
    assert_true(real == 1.5);
    assert_true(flag);
    assert_int_equal(json_kind(member), JSON_ABSENT);
}

static void test_find_reads_what_is_there(void **state)
{
    struct json root =
        parse(*state, "{\"t\":\"abc\",\"n\":-5,\"r\":0.25,\"f\":false,\"o\":{\"x\":1},\"a\":[1]}");
    struct slice text = SLICE_NONE;
    int64_t number = 0;
    double real = 0;
    bool flag = true;
    struct json object = {0};
    struct json array = {0};

    assert_int_equal(json_find_text(root, "t", 3, &text, NULL), STATUS_OK);
    assert_int_equal(json_find_int64(root, "n", -5, 0, &number, NULL), STATUS_OK);
    assert_int_equal(json_find_double(root, "r", &real, NULL), STATUS_OK);
    assert_int_equal(json_find_bool(root, "f", &flag, NULL), STATUS_OK);
    assert_int_equal(json_find_object(root, "o", &object, NULL), STATUS_OK);
    assert_int_equal(json_find_array(root, "a", &array, NULL), STATUS_OK);
    assert_true(slice_equals_text(text, "abc"));
    assert_int_equal(number, -5);
    assert_true(real == 0.25);
    assert_false(flag);
    assert_int_equal(json_count(object), 1);
    assert_int_equal(json_count(array), 1);
}

static void test_only_known_members(void **state)
{
    static const char *const names[] = {"a", "b"};

    assert_int_equal(json_only_members(parse(*state, "{\"b\":1}"), names, 2, NULL), STATUS_OK);
    assert_int_equal(json_only_members(parse(*state, "{}"), names, 2, NULL), STATUS_OK);
}

/* --- success: printing --- */

static void test_printing_reads_the_same(void **state)
{
    static const char *const texts[] = {
        "{\"a\":[1,-2.5,true,false,null,\"x\\n\\\"\"],\"b\":{\"c\":{}},\"d\":[]}",
        "[9007199254740992,-9007199254740992,0.1,1e+300]", "\"\xE2\x82\xAC\"", "null"};

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        assert_string_equal(printed(*state, texts[i]), texts[i]);
    }
    assert_string_equal(printed(*state, " { \"a\" : [ 1 , 2e3 ] } "), "{\"a\":[1,2000]}");
}

static void test_printing_nothing(void **state)
{
    struct fixture *fixture = *state;

    json_print((struct json){0}, &fixture->out);
    assert_string_equal(fixture->out.data, "null");
}

/* --- failure: parsing --- */

static void test_malformed_text_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "{",
                                      "}",
                                      "[1,]",
                                      "{\"a\":}",
                                      "{\"a\"}",
                                      "{a:1}",
                                      "'a'",
                                      "\"a",
                                      "\"",
                                      "01",
                                      "1.",
                                      ".5",
                                      "-",
                                      "+1",
                                      "1e",
                                      "1e+",
                                      "0x1",
                                      "NaN",
                                      "tru",
                                      "[1 2]",
                                      "{}{}",
                                      "1 2",
                                      "{} x",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\u12\",\"",
                                      "\"\\uzzzz\"",
                                      "\"\\u00/0\"",
                                      "\"\\ud800\"",
                                      "\"a\nb\"",
                                      "\"\\",
                                      "[\v1]",
                                      "\xEF\xBB\xBF{}",
                                      "nulll",
                                      "[\x7F]",
                                      "\"\\u0000\"",
                                      "{\"\\u0000\":1}",
                                      "\"\xFF\"",
                                      "\"\xED\xA0\x80\"",
                                      "\"\xC3",
                                      "--1",
                                      "1-2"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_int_equal(parse_tight(fixture, slice_from_text(bad[i])), STATUS_REJECTED);
        assert_memory_equal(fixture->error.text, "not JSON at byte ", 17);
    }
    assert_int_equal(parse_tight(fixture, SLICE("{}\0")), STATUS_REJECTED);
    assert_int_equal(parse_tight(fixture, SLICE("\"a\0\"")), STATUS_REJECTED);
    assert_int_equal(parse_tight(fixture, SLICE("1\0 2")), STATUS_REJECTED);
}

static void test_the_byte_at_fault_is_named(void **state)
{
    struct fixture *fixture = *state;

    assert_rejected(fixture, parse_tight(fixture, SLICE("{\"a\":01}")), "not JSON at byte 5");
    assert_rejected(fixture, parse_tight(fixture, SLICE("[\"x\\u0000\"]")), "not JSON at byte 3");
    assert_rejected(fixture, parse_tight(fixture, SLICE("{} ,")), "not JSON at byte 3");
}

static void test_depth_of_65_is_refused(void **state)
{
    char *text = nested(65);

    assert_rejected(*state, parse_tight(*state, slice_from_text(text)), "not JSON at byte 64");
    free(text);
}

static void test_every_cut_and_flip_is_survived(void **state)
{
    static const char text[] = "{\"a\":[1,-2.5e3,{\"b\":\"x\\u20ac\\n\xE2\x82\xAC\"}],\"c\":null}";
    struct fixture *fixture = *state;
    char copy[sizeof(text)];

    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        assert_int_equal(parse_tight(fixture, (struct slice){text, i}), STATUS_REJECTED);
        for (int bit = 0; bit < 8; bit++) {
            memcpy(copy, text, sizeof(text));
            copy[i] = (char)(copy[i] ^ (1 << bit));
            (void)!parse_tight(fixture, (struct slice){copy, sizeof(text) - 1});
        }
        arena_reset(fixture->arena);
    }
}

/* --- failure: typed access --- */

static void test_errors_name_path_and_rule(void **state)
{
    struct fixture *fixture = *state;
    struct json root =
        parse(fixture, "{\"target\":{\"database\":5},\"steps\":[{},{},{\"sql\":null}],\"n\":1.5}");
    struct json step = json_element(json_member(root, "steps"), 2);
    struct slice text = SLICE_NONE;
    int64_t number = 0;
    struct error *error = &fixture->error;

    assert_rejected(fixture,
                    json_find_text(json_member(root, "target"), "database", 0, &text, error),
                    "target.database: must be a string, got a number");
    assert_rejected(fixture, json_get_text(step, "sql", 0, &text, error),
                    "steps[2].sql: must be a string, got null");
    assert_rejected(fixture, json_get_text(step, "name", 0, &text, error),
                    "steps[2].name: is required");
    assert_rejected(fixture, json_get_text(root, "name", 0, &text, error), "name: is required");
    assert_rejected(fixture, json_text(root, &text, error),
                    "request: must be a string, got an object");
    assert_rejected(fixture, json_reject(step, error, "is %s", "odd"), "steps[2]: is odd");
    assert_rejected(fixture, json_get_int64(root, "n", 1, 9, &number, error),
                    "n: must be an integer between 1 and 9");
    assert_rejected(fixture, json_get_text(json_member(root, "zzz"), "x", 0, &text, error),
                    "x: is required");
}

static void test_limits_are_kept(void **state)
{
    struct fixture *fixture = *state;
    struct json root = parse(fixture, "{\"t\":\"abcd\",\"n\":-1,\"big\":1e300,\"past\":"
                                      "9007199254740994,\"inf\":1e999}");
    struct slice text = SLICE_NONE;
    int64_t number = 42;
    double real = 0;
    struct error *error = &fixture->error;

    assert_rejected(fixture, json_find_text(root, "t", 3, &text, error),
                    "t: must be at most 3 bytes, got 4");
    assert_null(text.data);
    assert_rejected(fixture, json_find_int64(root, "n", 1, 86400, &number, error),
                    "n: must be between 1 and 86400, got -1");
    assert_int_equal(json_find_int64(root, "big", INT64_MIN, INT64_MAX, &number, error),
                     STATUS_REJECTED);
    assert_int_equal(json_find_int64(root, "past", INT64_MIN, INT64_MAX, &number, error),
                     STATUS_REJECTED);
    assert_int_equal(json_find_int64(root, "inf", INT64_MIN, INT64_MAX, &number, error),
                     STATUS_REJECTED);
    assert_int_equal(json_find_double(root, "inf", &real, error), STATUS_REJECTED);
    assert_int_equal(number, 42);
}

static void test_wrong_types_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct json root = parse(fixture, "{\"x\":\"1\",\"y\":1}");
    struct error *error = &fixture->error;
    struct json member = root;
    int64_t number = 0;
    double real = 0;
    bool flag = false;

    assert_rejected(fixture, json_find_int64(root, "x", 0, 9, &number, error),
                    "x: must be a number, got a string");
    assert_rejected(fixture, json_find_double(root, "x", &real, error),
                    "x: must be a number, got a string");
    assert_rejected(fixture, json_find_bool(root, "y", &flag, error),
                    "y: must be a boolean, got a number");
    assert_rejected(fixture, json_find_object(root, "x", &member, error),
                    "x: must be an object, got a string");
    assert_int_equal(json_kind(member), JSON_ABSENT);
    assert_rejected(fixture, json_find_array(root, "y", &member, error),
                    "y: must be an array, got a number");
}

static void test_unknown_members_are_named(void **state)
{
    static const char *const names[] = {"database"};
    struct fixture *fixture = *state;
    struct json root = parse(fixture, "{\"target\":{\"database\":\"x\",\"databse\":1}}");

    assert_rejected(fixture,
                    json_only_members(json_member(root, "target"), names, 1, &fixture->error),
                    "target.databse: unknown field");
}

static void test_long_paths_are_cut(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(buffer_clear) struct buffer text;

    buffer_init(&text, 100000);
    for (int i = 0; i < 60; i++) {
        buffer_append_format(&text, "{\"%0100d\":", i);
    }
    buffer_append_text(&text, "1");
    for (int i = 0; i < 60; i++) {
        buffer_append_byte(&text, '}');
    }
    struct json value = parse(fixture, text.data);
    for (int i = 0; i < 60; i++) {
        struct slice name;

        value = json_member_at(value, 0, &name);
    }
    assert_int_equal(json_reject(value, &fixture->error, "is wrong"), STATUS_REJECTED);
    assert_non_null(strstr(fixture->error.text, ": is wrong"));
}

static void test_members_are_copied_but_those_named(void **state)
{
    static const char *const left_out[] = {"a", "d"};
    struct fixture *fixture = *state;
    struct json_writer writer;

    json_writer_init(&writer, &fixture->out);
    json_begin_object(&writer, NULL);
    json_write_int64(&writer, "a", 7);
    json_copy_members(parse(fixture, "{\"a\":1,\"b\":[2,null],\"c\\\"\":\"x\",\"d\":{}}"), left_out,
                      ARRAY_COUNT(left_out), &writer);
    json_write_int64(&writer, "e", 8);
    json_end_object(&writer);
    assert_true(slice_equals_text(buffer_slice(&fixture->out),
                                  "{\"a\":7,\"b\":[2,null],\"c\\\"\":\"x\",\"e\":8}"));
}

static void test_only_objects_have_members_to_copy(void **state)
{
    struct fixture *fixture = *state;
    struct json_writer writer;

    json_writer_init(&writer, &fixture->out);
    json_begin_object(&writer, NULL);
    json_copy_members(parse(fixture, "[1,2]"), NULL, 0, &writer);
    json_copy_members((struct json){0}, NULL, 0, &writer);
    json_end_object(&writer);
    assert_true(slice_equals_text(buffer_slice(&fixture->out), "{}"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_kind),
        TEST(test_a_text_need_not_end_in_nul),
        TEST(test_depth_of_64_is_read),
        TEST(test_texts_are_unescaped),
        TEST(test_a_number_has_63_bytes),
        TEST(test_a_large_text_has_memory_of_its_own),
        TEST(test_texts_are_overwritten_with_the_arena),
        TEST(test_threads_parse_at_once),
        TEST(test_members_are_case_sensitive_and_in_order),
        TEST(test_elements_are_walked),
        TEST(test_members_are_copied_but_those_named),
        TEST(test_only_objects_have_members_to_copy),
        TEST(test_the_wrong_kind_has_no_children),
        TEST(test_find_leaves_the_default),
        TEST(test_find_reads_what_is_there),
        TEST(test_only_known_members),
        TEST(test_printing_reads_the_same),
        TEST(test_printing_nothing),
        TEST(test_malformed_text_is_refused),
        TEST(test_the_byte_at_fault_is_named),
        TEST(test_depth_of_65_is_refused),
        TEST(test_every_cut_and_flip_is_survived),
        TEST(test_errors_name_path_and_rule),
        TEST(test_limits_are_kept),
        TEST(test_wrong_types_are_refused),
        TEST(test_unknown_members_are_named),
        TEST(test_long_paths_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
