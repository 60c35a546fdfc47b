#include "tests/support/cmocka.h"

#include "infra/base/arena.h"
#include "infra/base/json_reader.h"
#include "infra/base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* --- fixture: the log goes into a pipe --- */

struct fixture {
    int read_end;
    int write_end;
    struct arena *arena;
    struct buffer out;
};

static int setup(void **state)
{
    static struct fixture fixture;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -1;
    }
    fixture.read_end = ends[0];
    fixture.write_end = ends[1];
    fixture.arena = arena_new(1 << 20);
    buffer_init(&fixture.out, 1 << 20);
    log_init(LOG_INFO, fixture.write_end);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    log_init(LOG_INFO, STDERR_FILENO);
    (void)close(fixture->read_end);
    (void)close(fixture->write_end);
    arena_free(fixture->arena);
    buffer_clear(&fixture->out);
    return 0;
}

/* --- helpers --- */

/* All that was logged since the last call. */
static const char *logged(struct fixture *fixture)
{
    ssize_t got = 0;

    buffer_reset(&fixture->out);
    do {
        char *end = buffer_reserve(&fixture->out, 70000);

        got = read(fixture->read_end, end, 70000);
        buffer_commit(&fixture->out, got > 0 ? (size_t)got : 0);
    } while (got > 0);
    return fixture->out.data;
}

static const char *redacted(struct fixture *fixture, const char *text)
{
    buffer_reset(&fixture->out);
    log_redact(slice_from_text(text), &fixture->out);
    return fixture->out.data;
}

static struct slice member(struct fixture *fixture, struct json root, const char *name)
{
    struct slice text = SLICE_NONE;
    struct error error = ERROR_NONE;

    (void)fixture;
    assert_int_equal(json_get_text(root, name, 0, &text, &error), STATUS_OK);
    return text;
}

#define LETTERS_40 "AAAAKgAAAAIAAAAAAAAAAb1xY2+3d4/5e6f7g8h9"

static void *log_lines(void *argument)
{
    for (int i = 0; i < 100; i++) {
        log_info("line of a thread", LOG_CSTR("name", argument), LOG_INT("i", i));
    }
    return NULL;
}

/* --- success: lines --- */

static void test_a_line_is_one_json_object(void **state)
{
    struct fixture *fixture = *state;
    struct json root = {0};
    struct error error = ERROR_NONE;
    int64_t number = 0;

    log_warning("odd \"thing\"", LOG_CSTR("name", "a\nb"), LOG_INT("count", -3),
                LOG_TEXT("none", SLICE_NONE));
    assert_int_equal(json_parse(fixture->arena, slice_from_text(logged(fixture)), &root, &error),
                     STATUS_OK);
    assert_int_equal(fixture->out.data[fixture->out.size - 1], '\n');
    assert_int_equal(slice_find_byte(buffer_slice(&fixture->out), '\n'), fixture->out.size - 1);
    assert_true(slice_equals_text(member(fixture, root, "level"), "WARNING"));
    assert_true(slice_equals_text(member(fixture, root, "message"), "odd \"thing\""));
    assert_true(slice_equals_text(member(fixture, root, "name"), "a\nb"));
    assert_int_equal(member(fixture, root, "time").size, 24);
    assert_int_equal(json_get_int64(root, "count", -9, 9, &number, &error), STATUS_OK);
    assert_int_equal(json_kind(json_member(root, "none")), JSON_NULL);
}

static void another_output_for_a_while(void **state)
{
    struct fixture *fixture = *state;
    const struct log_output before = log_redirect((struct log_output){LOG_ERROR, -1});
    log_error("not seen", LOG_INT("n", 1));
    assert_int_equal(before.least, LOG_INFO);
    assert_int_equal(before.fd, fixture->write_end);
    (void)log_redirect(before);
    log_info("seen", LOG_INT("n", 2));
    const char *text = logged(fixture);
    assert_null(strstr(text, "not seen"));
    assert_non_null(strstr(text, "\"seen\""));
}

static void test_lower_levels_are_silent(void **state)
{
    struct fixture *fixture = *state;

    log_debug("no", LOG_INT("i", 1));
    assert_int_equal(strlen(logged(fixture)), 0);
    log_init(LOG_ERROR, fixture->write_end);
    log_warning("no", LOG_INT("i", 1));
    assert_int_equal(strlen(logged(fixture)), 0);
    log_error("yes", LOG_INT("i", 1));
    assert_non_null(strstr(logged(fixture), "\"yes\""));
    log_init(LOG_DEBUG, -1);
    log_error("no", LOG_INT("i", 1));
    assert_int_equal(strlen(logged(fixture)), 0);
}

static void test_lines_of_threads_do_not_mix(void **state)
{
    struct fixture *fixture = *state;
    static char name_a[] = "aaaa";
    static char name_b[] = "bbbb";
    pthread_t threads[2];
    char *line = NULL;
    size_t count = 0;

    assert_int_equal(pthread_create(&threads[0], NULL, log_lines, name_a), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, log_lines, name_b), 0);
    assert_int_equal(pthread_join(threads[0], NULL), 0);
    assert_int_equal(pthread_join(threads[1], NULL), 0);
    (void)logged(fixture);
    for (line = fixture->out.data; *line != '\0'; count++) {
        assert_memory_equal(line, "{\"time\":", 8);
        line = strchr(line, '\n') + 1;
    }
    assert_int_equal(count, 200);
}

static void test_level_names(void **state)
{
    enum log_level level = LOG_ERROR;

    (void)state;
    assert_int_equal(log_level_parse(SLICE("debug"), &level), 0);
    assert_int_equal(level, LOG_DEBUG);
    assert_int_equal(log_level_parse(SLICE("Warn"), &level), 0);
    assert_int_equal(level, LOG_WARNING);
    assert_int_equal(log_level_parse(SLICE("WARNING"), &level), 0);
    assert_int_equal(log_level_parse(SLICE("ERROR"), &level), 0);
    assert_int_equal(level, LOG_ERROR);
    assert_int_equal(log_level_parse(SLICE("INFO"), &level), 0);
    assert_int_equal(log_level_parse(SLICE("loud"), &level), -1);
    assert_int_equal(log_level_parse(SLICE_NONE, &level), -1);
    assert_int_equal(level, LOG_INFO);
}

/* --- success: what redaction leaves alone --- */

static void test_plain_text_stays(void **state)
{
    static const char *const plain[] = {
        "",
        "serve: listening on http://127.0.0.1:8080/invocations?group=x&open=true",
        "ringback/abcdefghijklmnopqrstuvwxyz234567/12.3",
        "arn:aws:states:eu-west-1:123456789012:execution:machine:11111111-2222-3333-4444-555",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/ringback-events",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "AKIA is short, ASIAN too",
        "what? why?",
        "mail@example.org",
    };

    for (size_t i = 0; i < ARRAY_COUNT(plain); i++) {
        assert_string_equal(redacted(*state, plain[i]), plain[i]);
    }
}

/* --- failure: secrets do not get through --- */

static void test_task_tokens(void **state)
{
    assert_string_equal(redacted(*state, "token " LETTERS_40 LETTERS_40 LETTERS_40 "== refused"),
                        "token [redacted] refused");
    assert_string_equal(redacted(*state, "\"" LETTERS_40 LETTERS_40 "\""), "\"[redacted]\"");
    assert_string_equal(redacted(*state, LETTERS_40), LETTERS_40);
}

static void test_direct_mode_names(void **state)
{
    assert_string_equal(redacted(*state, "name ringback/t/AAAA+bb=, gone"),
                        "name ringback/t/[redacted], gone");
    assert_string_equal(redacted(*state, "my.prefix/t/x"), "my.prefix/t/[redacted]");
}

static void test_presigned_urls(void **state)
{
    assert_string_equal(redacted(*state, "PUT https://b.s3.amazonaws.com/k?X-Amz-Date=1&"
                                         "X-Amz-Signature=abc failed"),
                        "PUT https://b.s3.amazonaws.com/k[redacted] failed");
    assert_string_equal(
        redacted(*state, "https://cloudformation-custom-resource-response.s3.amazonaws.com/"
                         "arn%3Aaws?AWSAccessKeyId=x&Expires=1&Signature=abc%3D"),
        "https://cloudformation-custom-resource-response.s3.amazonaws.com/arn%3Aaws[redacted]");
    assert_string_equal(redacted(*state, "\"/k?x-amz-security-token=abc\""), "\"/k[redacted]\"");
}

static void test_credentials(void **state)
{
    assert_string_equal(redacted(*state, "key AKIAIOSFODNN7EXAMPLE."), "key [redacted].");
    assert_string_equal(redacted(*state, "Credential=ASIAIOSFODNN7EXAMPLE/20260101"),
                        "Credential=[redacted]/20260101");
    assert_string_equal(redacted(*state, "redis://user:secret@host:6379/0"),
                        "redis://[redacted]@host:6379/0");
    assert_string_equal(redacted(*state, "redis://:se/c@ret@host:6379/0"),
                        "redis://[redacted]@host:6379/0");
    assert_string_equal(redacted(*state, "redis://:se?cret@host:6379/0"),
                        "redis://[redacted]@host:6379/0");
}

static void test_hostile_text_takes_no_longer(void **state)
{
    static char hostile[600001];

    for (size_t i = 0; i < 600000; i++) {
        hostile[i] = "?://@/t?"[i % 8];
    }
    assert_non_null(redacted(*state, hostile)); /* quadratic work would not end */
}

static void test_fields_and_messages_pass_redaction(void **state)
{
    log_error("refused " LETTERS_40 LETTERS_40, LOG_CSTR("url", "https://x/k?X-Amz-Signature=abc"));
    const char *line = logged(*state);

    assert_non_null(strstr(line, "\"refused [redacted]\""));
    assert_non_null(strstr(line, "\"https://x/k[redacted]\""));
}

static void test_long_fields_are_cut(void **state)
{
    char text[5001];

    for (size_t i = 0; i < 5000; i++) {
        text[i] = i % 10 == 9 ? ' ' : 'x';
    }
    text[5000] = '\0';
    log_info("long", LOG_CSTR("text", text));
    assert_in_range(strlen(logged(*state)), 2048, 2200);
}

static void test_a_secret_across_the_cut_does_not_show(void **state)
{
    char text[2041 + 400];

    for (size_t i = 0; i < 2040; i++) {
        text[i] = i % 10 == 9 ? ' ' : 'x';
    }
    memset(text + 2040, 'S', 400);
    text[2440] = '\0';
    log_info("long", LOG_CSTR("text", text));
    assert_null(strstr(logged(*state), "SS"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(another_output_for_a_while),
        TEST(test_a_line_is_one_json_object),
        TEST(test_lower_levels_are_silent),
        TEST(test_lines_of_threads_do_not_mix),
        TEST(test_level_names),
        TEST(test_plain_text_stays),
        TEST(test_task_tokens),
        TEST(test_direct_mode_names),
        TEST(test_presigned_urls),
        TEST(test_credentials),
        TEST(test_hostile_text_takes_no_longer),
        TEST(test_fields_and_messages_pass_redaction),
        TEST(test_long_fields_are_cut),
        TEST(test_a_secret_across_the_cut_does_not_show),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
