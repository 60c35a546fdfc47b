#include "tests/support/cmocka.h"

#include "infra/runtime/shutdown.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- fixture: each test runs in a process of its own, since the flag is the process's -----------
 */

#define CHILD_SIGNALLED 255

/* Exit status of body() in a child; CHILD_SIGNALLED when a signal killed it. */
static int run_in_child(int (*body)(void))
{
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(30);
        _exit(body());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : CHILD_SIGNALLED;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void *wait_forever(void *context)
{
    return shutdown_wait(-1) ? context : NULL;
}

static int nothing_came(void)
{
    shutdown_init();
    return shutdown_wait(1) || shutdown_requested();
}

static int term_came(void)
{
    shutdown_init();
    (void)raise(SIGTERM);
    return shutdown_requested() && shutdown_wait(0) && shutdown_wait(-1) ? 10 : 1;
}

static int int_came(void)
{
    shutdown_init();
    (void)raise(SIGINT);
    return shutdown_requested() ? 10 : 1;
}

static int request_came(void)
{
    shutdown_init();
    shutdown_request();
    shutdown_request();
    return shutdown_requested() && shutdown_wait(-1) ? 10 : 1;
}

static int many_threads_wait(void)
{
    shutdown_init();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        if (pthread_create(&threads[i], NULL, wait_forever, threads) != 0) {
            return 1;
        }
    }
    (void)kill(getpid(), SIGTERM);
    int woken = 0;
    for (int i = 0; i < 4; i++) {
        void *result = NULL;
        woken += pthread_join(threads[i], &result) == 0 && result;
    }
    return woken;
}

static int two_terms_came(void)
{
    shutdown_init();
    (void)raise(SIGTERM);
    (void)raise(SIGTERM);
    return 1;
}

static int term_then_int_came(void)
{
    shutdown_init();
    (void)raise(SIGTERM);
    (void)raise(SIGINT);
    return 1;
}

static int reader_left(void)
{
    shutdown_init();
    int ends[2];
    if (pipe(ends) != 0 || close(ends[0]) != 0) {
        return 1;
    }
    return write(ends[1], "x", 1) < 0 ? 10 : 1;
}

/* --- success ---------------------------------------------------------------------------------- */

static void test_wait_ends_without_a_signal(void **state)
{
    (void)state;
    assert_int_equal(run_in_child(nothing_came), 0);
}

static void test_term_and_int_request_it(void **state)
{
    (void)state;
    assert_int_equal(run_in_child(term_came), 10);
    assert_int_equal(run_in_child(int_came), 10);
}

static void test_request_is_as_a_signal(void **state)
{
    (void)state;
    assert_int_equal(run_in_child(request_came), 10);
}

static void test_all_waiting_threads_wake(void **state)
{
    (void)state;
    assert_int_equal(run_in_child(many_threads_wait), 4);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void test_second_signal_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(run_in_child(two_terms_came), 128 + SIGTERM);
    assert_int_equal(run_in_child(term_then_int_came), 128 + SIGINT);
}

static void test_broken_pipe_is_an_error_only(void **state)
{
    (void)state;
    assert_int_equal(run_in_child(reader_left), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_ends_without_a_signal),
        cmocka_unit_test(test_term_and_int_request_it),
        cmocka_unit_test(test_request_is_as_a_signal),
        cmocka_unit_test(test_all_waiting_threads_wake),
        cmocka_unit_test(test_second_signal_ends_the_process),
        cmocka_unit_test(test_broken_pipe_is_an_error_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
