/* What a new connection costs less than the first one: against openssl's own server, which closes
 * each connection behind its answer, a page that says whether the session was a new one. */
#include "tests/support/cmocka.h"
#include "tests/support/remove_folder.h"

#include "infra/aws/http.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Fixture. */

struct fixture {
    char folder[64];
    char certificate[96];
    char url[128];
    pid_t server;
    FILE *output; /* of the server */
};

/* The server says where it listens: "ACCEPT 127.0.0.1:PORT". */
static void read_place(struct fixture *fixture)
{
    char line[128] = "";
    char place[64] = "";
    while (place[0] == '\0' && fgets(line, sizeof(line), fixture->output) != NULL) {
        (void)sscanf(line, "ACCEPT %63s", place);
    }
    assert_string_not_equal(place, "");
    (void)snprintf(fixture->url, sizeof(fixture->url), "https://%s/", place);
}

static void start_server(struct fixture *fixture)
{
    static const char script[] =
        "cd \"$0\" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        "-days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout server.key "
        "-out server.crt 2>/dev/null && "
        "exec openssl s_server -accept 127.0.0.1:0 -cert server.crt -key server.key -www";
    int output[2];
    assert_int_equal(pipe(output), 0);
    fixture->server = fork();
    if (fixture->server == 0) {
        (void)dup2(output[1], STDOUT_FILENO);
        (void)execl("/bin/sh", "sh", "-c", script, fixture->folder, (char *)NULL);
        _exit(1);
    }
    (void)close(output[1]);
    fixture->output = fdopen(output[0], "r");
    assert_non_null(fixture->output);
}

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/http_tls_test.XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->certificate, sizeof(fixture->certificate), "%s/server.crt",
                   fixture->folder);
    start_server(fixture);
    read_place(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    (void)kill(fixture->server, SIGTERM);
    (void)waitpid(fixture->server, NULL, 0);
    (void)fclose(fixture->output);
    remove_folder(fixture->folder);
    test_free(fixture);
    return 0;
}

/* Helpers. */

static bool says(const struct http_exchange *exchange, struct slice text)
{
    return slice_find(exchange->response, text) < exchange->response.size;
}

static bool session_is_new(const struct fixture *fixture, struct http *http)
{
    struct http_exchange exchange = {.method = "GET", .url = fixture->url, .timeout_ms = 5000};
    http_send_all(http, &exchange, 1);
    assert_int_equal(exchange.status, STATUS_OK);
    const bool is_new = says(&exchange, SLICE("New, TLSv1"));
    assert_true(is_new || says(&exchange, SLICE("Reused, TLSv1")));
    http_reset(http);
    return is_new;
}

/* Success. */

static void a_session_is_resumed_on_the_next_connection(void **state)
{
    const struct fixture *fixture = *state;
    const struct http_options options = {.ca_bundle = fixture->certificate};
    struct http *http = http_new(&options);
    assert_true(session_is_new(fixture, http));
    assert_false(session_is_new(fixture, http));
    assert_false(session_is_new(fixture, http));
    http_free(http);
}

/* Failure. */

static void a_certificate_that_is_not_trusted_ends_the_exchange(void **state)
{
    const struct fixture *fixture = *state;
    struct http *http = http_new(NULL);
    struct http_exchange exchange = {.method = "GET", .url = fixture->url, .timeout_ms = 5000};
    http_send_all(http, &exchange, 1);
    assert_int_equal(exchange.status, STATUS_RETRY);
    assert_non_null(strstr(exchange.error.text, "certificate"));
    assert_int_equal(exchange.response.size, 0);
    http_free(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_resumed_on_the_next_connection),
        cmocka_unit_test(a_certificate_that_is_not_trusted_ends_the_exchange),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
