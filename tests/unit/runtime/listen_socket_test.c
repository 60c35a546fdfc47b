#include "tests/support/cmocka.h"
#include "tests/unit/runtime/tcp_client.h"

#include "infra/base/buffer.h"
#include "infra/runtime/listen_socket.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY         "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno"
#define LONG_GRACE_MS 20000

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct listen_socket socket;
    struct buffer reply;
};

static int setup(void **state)
{
    static struct fixture fixture;
    struct error error = {0};
    assert_int_equal(listen_socket_open("127.0.0.1:0", &fixture.socket, &error), STATUS_OK);
    buffer_init(&fixture.reply, (size_t)1 << 20);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    buffer_clear(&fixture->reply);
    return close(fixture->socket.fd);
}

/* --- helpers ---------------------------------------------------------------------------------- */

static int connected(struct fixture *fixture)
{
    int fd = tcp_open(fixture->socket.address);
    assert_true(fd >= 0);
    return fd;
}

static void assert_told(struct fixture *fixture, int fd)
{
    buffer_reset(&fixture->reply);
    assert_int_equal(tcp_read_reply(fd, false, &fixture->reply), 503);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0); /* its end, not a reset */
}

/* --- success ---------------------------------------------------------------------------------- */

static void test_who_has_connected_reads_the_whole_reply(void **state)
{
    struct fixture *fixture = *state;
    int silent = connected(fixture);
    int asking = connected(fixture);
    assert_true(tcp_send(asking, "POST / HTTP/1.1\r\n", 17));
    (void)shutdown(silent, SHUT_WR);
    (void)shutdown(asking, SHUT_WR);
    listen_socket_turn_away(fixture->socket.fd, SLICE(REPLY), LONG_GRACE_MS);
    assert_told(fixture, silent);
    assert_told(fixture, asking);
    (void)close(silent);
    (void)close(asking);
}

static void test_who_comes_later_is_refused(void **state)
{
    struct fixture *fixture = *state;
    listen_socket_turn_away(fixture->socket.fd, SLICE(REPLY), LONG_GRACE_MS);
    assert_int_equal(tcp_open(fixture->socket.address), -1);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void test_who_has_left_keeps_nobody(void **state)
{
    struct fixture *fixture = *state;
    (void)close(connected(fixture));
    listen_socket_turn_away(fixture->socket.fd, SLICE(REPLY), LONG_GRACE_MS);
}

static void test_who_never_closes_has_its_time(void **state)
{
    struct fixture *fixture = *state;
    int fd = connected(fixture);
    listen_socket_turn_away(fixture->socket.fd, SLICE(REPLY), 1);
    assert_told(fixture, fd);
    (void)close(fd);
}

static void test_bad_address_is_named(void **state)
{
    (void)state;
    struct listen_socket socket;
    struct error error = {0};
    assert_int_equal(listen_socket_open("127.0.0.1", &socket, &error), STATUS_REJECTED);
    assert_non_null(strstr(error.text, "listen address 127.0.0.1: must be host:port"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_has_connected_reads_the_whole_reply, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_who_comes_later_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_has_left_keeps_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_never_closes_has_its_time, setup, teardown),
        cmocka_unit_test(test_bad_address_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
