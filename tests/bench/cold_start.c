/*
 * cold_start RUNS exit|lambda|TEXT COMMAND ARGUMENTS...
 *
 * How long a program takes to be ready: from before fork and exec to its end, to its first request
 * to Lambda's runtime API (which is here, and never answers), or to TEXT on its stdout or stderr.
 * Prints milliseconds, a line for each run.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAID_BYTES 65536

_Noreturn static void fail(const char *why)
{
    (void)fprintf(stderr, "cold_start: %s\n", why);
    _exit(1);
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* A socket on a free port, which is exported as the runtime API. */
static int open_runtime_api(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    char place[32];
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        fail("no socket");
    }
    (void)snprintf(place, sizeof(place), "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    setenv("AWS_LAMBDA_RUNTIME_API", place, 1); /* NOLINT(concurrency-mt-unsafe): one thread */
    return listener;
}

/* Starts the program; *said is where its output can be read. */
static pid_t start(char **command, int *said)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        fail("no pipe");
    }
    const pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)execvp(command[0], command);
        fail("cannot run it");
    }
    (void)close(ends[1]);
    *said = ends[0];
    return child;
}

/* Reads until the text has been said; an empty one is never said. False: the program ended first.
 */
static bool wait_for_text(int said, const char *text)
{
    static char all[SAID_BYTES + 1];
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0 && size < SAID_BYTES) {
        got = read(said, all + size, SAID_BYTES - size);
        size += got > 0 ? (size_t)got : 0;
        all[size] = '\0';
        if (text[0] != '\0' && strstr(all, text) != NULL) {
            return true;
        }
    }
    return false;
}

static void wait_for_request(int listener)
{
    char byte = '\0';
    const int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0 || recv(connection, &byte, 1, 0) != 1) {
        fail("no request came");
    }
    (void)close(connection);
}

/* One start; returns how long it took. */
static double run(const char *until, int listener, char **command)
{
    int said = -1;
    int status = 0;
    const double begin_ms = now_ms();
    const pid_t child = start(command, &said);
    const bool exits = strcmp(until, "exit") == 0;
    if (exits) {
        (void)wait_for_text(said, "");
    } else if (listener >= 0) {
        wait_for_request(listener);
    } else if (!wait_for_text(said, until)) {
        fail("it ended without saying so");
    }
    if (exits) {
        (void)waitpid(child, &status, 0);
    }
    const double took_ms = now_ms() - begin_ms;
    if (exits && status != 0) {
        fail("it failed");
    }
    if (!exits) {
        (void)kill(child, SIGKILL);
        (void)waitpid(child, &status, 0);
    }
    (void)close(said);
    return took_ms;
}

int main(int count, char **arguments)
{
    if (count < 4) {
        fail("usage: cold_start RUNS exit|lambda|TEXT COMMAND ARGUMENTS...");
    }
    const long runs = strtol(arguments[1], NULL, 10);
    const int listener = strcmp(arguments[2], "lambda") == 0 ? open_runtime_api() : -1;
    for (long i = 0; i < runs; i++) {
        (void)printf("%.3f\n", run(arguments[2], listener, arguments + 3));
    }
    return 0;
}
