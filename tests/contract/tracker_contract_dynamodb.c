/* The suite on dynalite: one server for all tests, a table of its own for each. */
#include "tests/contract/tracker_contract.h"
#include "tests/support/day_clock.h"
#include "tests/support/dynalite.h"

#include "infra/base/log.h"

#include <stdio.h>
#include <unistd.h>

static struct dynalite server;
static unsigned table_count;
static char url[64];

/* Records of the suite are not over yet, whatever the day is; waiting is real. */
static int64_t now_ms(void *context)
{
    (void)context;
    return NOW_MS - 3600000;
}

static const struct clock suite_clock = DAY_CLOCK(now_ms);

static void start(void)
{
    log_init(LOG_ERROR, STDERR_FILENO); /* the clock is off, as it is to be */
    dynalite_start(&server, false, &suite_clock);
}

static void stop(void)
{
    dynalite_stop(&server);
}

static const char *fresh_url(void)
{
    (void)snprintf(url, sizeof(url), "dynamodb:suite-%u", ++table_count);
    dynalite_create_table(&server, url + sizeof("dynamodb:") - 1);
    return url;
}

static void equip(struct tracker_options *options)
{
    options->aws = &server.aws;
}

static void raise_schema(void)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(64u * 1024);
    char body[256];

    (void)snprintf(
        body, sizeof(body),
        "{\"TableName\":\"suite-%u\",\"Item\":{\"pk\":{\"S\":\"m\"},\"sk\":{\"S\":\"m\"},"
        "\"schema\":{\"N\":\"99\"}}}",
        table_count);
    (void)dynalite_call(&server, arena, "PutItem", body);
}

const struct contract_backend contract_backend = {
    .start = start,
    .stop = stop,
    .fresh_url = fresh_url,
    .raise_schema = raise_schema,
    .equip = equip,
    .expires_by_itself = true,
};
