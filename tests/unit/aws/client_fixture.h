/* What the tests of the client stand on: a scripted server, keys in a file, and a clock that moves
 * only when slept on. */
#ifndef RINGBACK_TESTS_UNIT_AWS_CLIENT_FIXTURE_H
#define RINGBACK_TESTS_UNIT_AWS_CLIENT_FIXTURE_H

#include "tests/support/http_fixture.h"

#include "infra/aws/client.h"
#include "infra/aws/pace.h"
#include "infra/base/clock.h"

#define CLIENT_NOW_MS          1795178096000 /* 2026-11-20T12:34:56Z */
#define CLIENT_NOW_HEADER      "20261120T123456Z"
#define CLIENT_ENVIRONMENT_MAX 16

struct client_fixture {
    struct http_fixture *server;
    char *environment[CLIENT_ENVIRONMENT_MAX];
    size_t environment_count;
    char credentials_path[64];
    struct clock_fake clock;
    struct random_seeded random;
    struct credentials_provider *provider;
    struct pace *pace; /* of the clients that are opened later; NULL: none */
    struct aws_client *client;
};

/* Adds a variable to the environment of the clients that are opened later. */
void client_set(struct client_fixture *fixture, const char *name, const char *value);
/* Rewrites the shared credentials file. */
void client_write_keys(const struct client_fixture *fixture, const char *key);
/* Opens fixture->client; teardown closes it. */
MUST_CHECK enum status client_open(struct client_fixture *fixture, struct error *error);
/* No server, no region, no keys. */
int client_setup_bare(void **state);
/* A server, and a client that sends everything to it. */
int client_setup(void **state);
int client_teardown(void **state);
/* Replaces the client by one with this variable, too. */
void client_reopen_with(struct client_fixture *fixture, const char *name, const char *value);
/* The next reply of the server. */
void client_script(struct client_fixture *fixture, int code, const char *body);
void client_script_fault(struct client_fixture *fixture, enum http_fixture_fault fault);
/* A DescribeStatement. */
struct aws_call client_describe(void);
/* Sends it and waits. */
struct aws_call client_send(struct client_fixture *fixture, struct aws_call call);
/* How many the server has seen. */
size_t client_requests(const struct client_fixture *fixture);
/* Of the index-th request. */
struct slice client_header(const struct client_fixture *fixture, size_t index, const char *name);
void assert_text_is(struct slice is, const char *should);
void assert_text_contains(struct slice is, const char *part);

#endif
