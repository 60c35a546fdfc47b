/* The suite on Redis: one server for all tests, emptied before each. */
#include "tests/contract/tracker_contract.h"
#include "tests/support/redis.h"

#include <stdio.h>

static struct redis_server server;
static char url[64];

static void start(void)
{
    redis_server_start(&server);
}

static void stop(void)
{
    redis_server_stop(&server);
}

static const char *fresh_url(void)
{
    redis_server_command(&server, "FLUSHALL");
    if (redis_server_ca()) {
        (void)snprintf(url, sizeof(url), "rediss://localhost:%d/0", server.tls_port);
    } else {
        (void)snprintf(url, sizeof(url), "redis://127.0.0.1:%d/0", server.port);
    }
    return url;
}

static void raise_schema(void)
{
    redis_server_command(&server, "SET rb:schema 99");
}

const struct contract_backend contract_backend = {
    .start = start,
    .stop = stop,
    .fresh_url = fresh_url,
    .ca_bundle = redis_server_ca,
    .raise_schema = raise_schema,
};
