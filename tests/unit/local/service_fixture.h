/* One service call of the stand-in, made directly: the arena, the response and the reply's JSON
 * live until the next call. */
#ifndef RINGBACK_TESTS_UNIT_LOCAL_SERVICE_FIXTURE_H
#define RINGBACK_TESTS_UNIT_LOCAL_SERVICE_FIXTURE_H

#include "infra/local/service.h"

#define FIXTURE_NOW_MS  INT64_C(1795000000000)
#define FIXTURE_ADDRESS "127.0.0.1:4566"

struct service_fixture {
    struct clock_fake clock;
    struct random_seeded random;
    struct arena *arena; /* of everything the test holds */
    struct http_server_response response;
    struct json reply; /* the parsed body, absent when it is no JSON */
};

void service_fixture_init(struct service_fixture *fixture);
void service_fixture_clear(struct service_fixture *fixture);
/* A call of a JSON service; input is JSON text. fixture_answer must follow. */
struct local_call fixture_call(struct service_fixture *fixture, const char *operation,
                               const char *input);
/* An HTTP request; empties the response. */
struct http_server_request fixture_request(struct service_fixture *fixture, const char *method,
                                           const char *path, const char *query, const char *body);
/* Parses the response's body; returns its code. */
int fixture_answer(struct service_fixture *fixture);
/* Text of a member of the reply; "" when there is none. */
const char *fixture_text(struct service_fixture *fixture, struct json object, const char *name);
int64_t fixture_number(struct json object, const char *name);
/* Value of a response header; "" when there is none. */
const char *fixture_header(struct service_fixture *fixture, const char *name);
/* What is between <name> and </name> in the body; "" when there is none. */
const char *fixture_xml(struct service_fixture *fixture, const char *name);

#endif
