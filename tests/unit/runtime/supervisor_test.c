#include "tests/support/cmocka.h"
#include "tests/support/remove_folder.h"

#include "infra/base/log.h"
#include "infra/runtime/supervisor.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- fixture: the socket of a service manager ---------------------------------------------------
 */

#define VARIABLES_MAX 3

struct fixture {
    int manager;
    struct supervisor supervisor;
    char folder[32];
    char variables[VARIABLES_MAX][160];
    char *environment[VARIABLES_MAX + 1];
    char heard[2048]; /* the last datagram, as text */
};

/* Where the manager listens; named by NOTIFY_SOCKET. */
static void listen_at(struct fixture *fixture, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof(address);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
    if (name[0] == '@') {
        size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
        address.sun_path[0] = '\0';
    }
    fixture->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fixture->manager >= 0);
    assert_int_equal(bind(fixture->manager, (const struct sockaddr *)&address, size), 0);
}

static void set_variable(struct fixture *fixture, size_t index, const char *name, const char *value)
{
    (void)snprintf(fixture->variables[index], sizeof(fixture->variables[index]), "%s=%s", name,
                   value);
    fixture->environment[index] = fixture->variables[index];
}

static void listen_in_folder(struct fixture *fixture)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/notify", fixture->folder);
    listen_at(fixture, path);
    set_variable(fixture, 0, "NOTIFY_SOCKET", path);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->manager = -1;
    fixture->supervisor.fd = -1;
    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/supervisor.XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    supervisor_close(&fixture->supervisor);
    if (fixture->manager >= 0) {
        (void)close(fixture->manager);
    }
    remove_folder(fixture->folder);
    free(fixture);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void open_supervisor(struct fixture *fixture)
{
    struct error error = ERROR_NONE;
    assert_int_equal(supervisor_open(fixture->environment, &fixture->supervisor, &error),
                     STATUS_OK);
}

/* What the manager has heard since; "" when nothing. */
static const char *hear(struct fixture *fixture)
{
    const ssize_t size = recv(fixture->manager, fixture->heard, sizeof(fixture->heard) - 1, 0);
    fixture->heard[size < 0 ? 0 : size] = '\0';
    return fixture->heard;
}

static void assert_refused(struct fixture *fixture, const char *text)
{
    struct error error = ERROR_NONE;
    assert_int_equal(supervisor_open(fixture->environment, &fixture->supervisor, &error),
                     STATUS_REJECTED);
    assert_non_null(strstr(error.text, text));
    assert_int_equal(fixture->supervisor.fd, -1);
}

/* --- success ---------------------------------------------------------------------------------- */

static void test_each_news_is_one_datagram(void **state)
{
    struct fixture *fixture = *state;
    listen_in_folder(fixture);
    open_supervisor(fixture);
    supervisor_tell(&fixture->supervisor, SUPERVISOR_READY, "works");
    assert_string_equal(hear(fixture), "READY=1\nSTATUS=works\n");
    supervisor_tell(&fixture->supervisor, SUPERVISOR_ALIVE, NULL);
    assert_string_equal(hear(fixture), "WATCHDOG=1\n");
    supervisor_tell(&fixture->supervisor, SUPERVISOR_STATUS, "waits");
    assert_string_equal(hear(fixture), "STATUS=waits\n");
    supervisor_tell(&fixture->supervisor, SUPERVISOR_STOPPING, NULL);
    assert_string_equal(hear(fixture), "STOPPING=1\n");
    assert_string_equal(hear(fixture), "");
}

static void test_an_abstract_socket_is_reached(void **state)
{
    struct fixture *fixture = *state;
    char name[64];
    (void)snprintf(name, sizeof(name), "@ringback-supervisor-test-%d", (int)getpid());
    listen_at(fixture, name);
    set_variable(fixture, 0, "NOTIFY_SOCKET", name);
    open_supervisor(fixture);
    supervisor_tell(&fixture->supervisor, SUPERVISOR_READY, NULL);
    assert_string_equal(hear(fixture), "READY=1\n");
}

static void test_a_status_of_two_lines_cannot_forge_one(void **state)
{
    struct fixture *fixture = *state;
    listen_in_folder(fixture);
    open_supervisor(fixture);
    supervisor_tell(&fixture->supervisor, SUPERVISOR_STATUS, "a\nREADY=1\tb");
    assert_string_equal(hear(fixture), "STATUS=a READY=1 b\n");
}

static void test_the_watchdogs_time_is_read(void **state)
{
    struct fixture *fixture = *state;
    char process[24];
    (void)snprintf(process, sizeof(process), "%d", (int)getpid());
    listen_in_folder(fixture);
    set_variable(fixture, 1, "WATCHDOG_USEC", "180000000");
    open_supervisor(fixture);
    assert_int_equal(fixture->supervisor.watchdog_ms, 180000);
    supervisor_close(&fixture->supervisor);
    set_variable(fixture, 2, "WATCHDOG_PID", process);
    open_supervisor(fixture);
    assert_int_equal(fixture->supervisor.watchdog_ms, 180000);
}

static void test_another_process_is_watched(void **state)
{
    struct fixture *fixture = *state;
    listen_in_folder(fixture);
    set_variable(fixture, 1, "WATCHDOG_USEC", "180000000");
    set_variable(fixture, 2, "WATCHDOG_PID", "1");
    open_supervisor(fixture);
    assert_int_equal(fixture->supervisor.watchdog_ms, 0);
}

static void test_nobody_is_there(void **state)
{
    struct fixture *fixture = *state;
    set_variable(fixture, 0, "WATCHDOG_USEC", "180000000");
    open_supervisor(fixture);
    assert_int_equal(fixture->supervisor.fd, -1);
    assert_int_equal(fixture->supervisor.watchdog_ms, 0);
    supervisor_tell(&fixture->supervisor, SUPERVISOR_READY, NULL);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void test_a_malformed_address_is_named(void **state)
{
    struct fixture *fixture = *state;
    char name[140];
    set_variable(fixture, 0, "NOTIFY_SOCKET", "run/notify");
    assert_refused(fixture, "NOTIFY_SOCKET: must be an absolute path");
    set_variable(fixture, 0, "NOTIFY_SOCKET", "@");
    assert_refused(fixture, "NOTIFY_SOCKET");
    memset(name, 'x', sizeof(name));
    name[0] = '/';
    name[108] = '\0';
    set_variable(fixture, 0, "NOTIFY_SOCKET", name);
    assert_refused(fixture, "NOTIFY_SOCKET");
}

static void test_a_malformed_number_is_named(void **state)
{
    struct fixture *fixture = *state;
    listen_in_folder(fixture);
    set_variable(fixture, 1, "WATCHDOG_USEC", "soon");
    assert_refused(fixture, "WATCHDOG_USEC: ");
    set_variable(fixture, 1, "WATCHDOG_USEC", "1000");
    set_variable(fixture, 2, "WATCHDOG_PID", "0");
    assert_refused(fixture, "WATCHDOG_PID: ");
}

static void test_a_manager_that_is_gone_is_logged_once(void **state)
{
    struct fixture *fixture = *state;
    char log[4096] = "";
    const int fd = memfd_create("log", MFD_CLOEXEC);
    listen_in_folder(fixture);
    open_supervisor(fixture);
    (void)close(fixture->manager);
    fixture->manager = -1;
    log_init(LOG_INFO, fd);
    supervisor_tell(&fixture->supervisor, SUPERVISOR_ALIVE, NULL);
    supervisor_tell(&fixture->supervisor, SUPERVISOR_ALIVE, NULL);
    log_init(LOG_ERROR, -1);
    assert_true(pread(fd, log, sizeof(log) - 1, 0) > 0);
    (void)close(fd);
    const char *first = strstr(log, "service manager cannot be told");
    assert_non_null(first);
    assert_null(strstr(first + 1, "service manager"));
}

static void test_a_manager_that_is_back_is_told(void **state)
{
    struct fixture *fixture = *state;
    char path[64];
    listen_in_folder(fixture);
    open_supervisor(fixture);
    (void)close(fixture->manager);
    (void)snprintf(path, sizeof(path), "%s/notify", fixture->folder);
    (void)unlink(path);
    supervisor_tell(&fixture->supervisor, SUPERVISOR_ALIVE, NULL);
    listen_in_folder(fixture);
    supervisor_tell(&fixture->supervisor, SUPERVISOR_ALIVE, NULL);
    assert_string_equal(hear(fixture), "WATCHDOG=1\n");
}

static void test_a_manager_that_does_not_read_holds_nobody_up(void **state)
{
    struct fixture *fixture = *state;
    listen_in_folder(fixture);
    open_supervisor(fixture);
    while (!fixture->supervisor.deaf) { /* until its socket is full */
        supervisor_tell(&fixture->supervisor, SUPERVISOR_ALIVE, NULL);
    }
    assert_string_equal(hear(fixture), "WATCHDOG=1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_news_is_one_datagram, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_abstract_socket_is_reached, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_status_of_two_lines_cannot_forge_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_watchdogs_time_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_process_is_watched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_malformed_address_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_malformed_number_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_manager_that_is_gone_is_logged_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_manager_that_is_back_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_manager_that_does_not_read_holds_nobody_up, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
