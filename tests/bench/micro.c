/*
 * micro MILLISECONDS: how long the parts take that every message goes through. Prints a line for
 * each: nanoseconds for one, and what it is.
 */
#include "completer/event.h"
#include "invoker/request.h"

#include "infra/aws/signer.h"
#include "infra/base/json_reader.h"
#include "infra/base/memory.h"
#include "infra/base/seal.h"
#include "infra/base/sql_lexer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TOKEN_BYTES  700
#define SQL_BYTES    4096
#define SEALED_BYTES 1500
#define ROUND        64 /* between two looks at the clock */

static struct {
    struct arena *arena; /* of one round */
    struct slice event;
    struct slice request;
    struct slice sql;
    struct slice plain;
    struct seal_keys *keys;
    struct buffer sealed;
    struct buffer out;
    struct signer signer;
    struct signer_key key;
} bench;

static struct credentials credentials = {
    .access_key_id = "AKIDBENCH", .secret_access_key = "bench", .generation = 1};

static void need(enum status status)
{
    if (status != STATUS_OK) {
        memory_abort("micro: a part failed");
    }
}

/* ---- The parts ------------------------------------------------------------------------------ */

static void parse_json(void)
{
    struct json root;
    need(json_parse(bench.arena, bench.event, &root, NULL));
}

static void parse_event(void)
{
    const struct event_filter filter = {SLICE("ringback/"), false};
    struct event event;
    event_parse(bench.arena, bench.event, &filter, &event);
    need(event.kind == EVENT_COMPLETION ? STATUS_OK : STATUS_INTERNAL);
}

static void parse_request(void)
{
    struct request request;
    struct request_addresses addresses;
    struct error error = ERROR_NONE;
    need(request_parse(bench.arena, bench.request, &request, &addresses, &error));
}

static void split_sql(void)
{
    need(sql_statement_count(bench.sql) > 0 ? STATUS_OK : STATUS_INTERNAL);
}

static void sign(void)
{
    struct http_exchange exchange = {.method = "POST", .body = bench.request};
    const struct signer_request request = {.host = SLICE("states.eu-west-1.amazonaws.com"),
                                           .path = SLICE("/"),
                                           .region = SLICE("eu-west-1"),
                                           .service = "states",
                                           .now_ms = 1795178096000,
                                           .credentials = &credentials,
                                           .key = &bench.key};
    exchange.headers[exchange.header_count++] =
        (struct http_header){"X-Amz-Target", "AWSStepFunctions.SendTaskSuccess"};
    signer_sign(&bench.signer, &request, &exchange);
}

static void seal(void)
{
    struct error error = ERROR_NONE;
    buffer_reset(&bench.sealed);
    need(seal_close(bench.keys, random_system(), SLICE("id"), SLICE("plan"), bench.plain,
                    &bench.sealed, &error));
}

static void unseal(void)
{
    struct error error = ERROR_NONE;
    buffer_reset(&bench.out);
    need(seal_open(bench.keys, SLICE("id"), SLICE("plan"), buffer_slice(&bench.sealed), &bench.out,
                   &error));
}

/* ---- Measuring ------------------------------------------------------------------------------ */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void measure(const char *name, int64_t duration_ms, void (*part)(void))
{
    int64_t count = 0;
    int64_t spent_ns = 0;
    const int64_t start_ns = now_ns();
    while (spent_ns < duration_ms * 1000000) {
        for (int i = 0; i < ROUND; i++) {
            part();
        }
        arena_reset(bench.arena);
        count += ROUND;
        spent_ns = now_ns() - start_ns;
    }
    (void)printf("%.1f %s\n", (double)spent_ns / (double)count, name);
}

static struct slice filled(size_t size)
{
    char *text = memory_new(size + 1);
    memset(text, 'x', size);
    return (struct slice){text, size};
}

static struct slice make_sql(void)
{
    static const struct slice statement = {"insert into t select 'a;b', \"c\" from s; -- x\n", 45};
    char *text = memory_new(SQL_BYTES);
    size_t size = 0;
    for (; size + statement.size < SQL_BYTES; size += statement.size) {
        memcpy(text + size, statement.data, statement.size);
    }
    return (struct slice){text, size};
}

static void open_bench(void)
{
    char path[] = "/tmp/micro-key-XXXXXX";
    struct error error = ERROR_NONE;
    struct arena *arena = arena_new(1u << 20);
    const int file = mkstemp(path);
    const struct slice key = SLICE("k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    need(write(file, key.data, key.size) == (ssize_t)key.size ? STATUS_OK : STATUS_INTERNAL);
    (void)close(file);
    need(seal_keys_load(path, &bench.keys, &error));
    (void)unlink(path);
    bench.arena = arena_new(256u << 20);
    bench.sql = make_sql();
    bench.plain = filled(SEALED_BYTES);
    buffer_init(&bench.sealed, 1u << 20);
    buffer_init(&bench.out, 1u << 20);
    signer_init(&bench.signer);
    bench.request = slice_from_text(
        arena_format(arena, "{\"sqlStatement\":\"select 1 from sales\",\"taskToken\":\"%.*s\"}",
                     SLICE_PRINT(filled(TOKEN_BYTES))));
    bench.event =
        SLICE("{\"version\":\"0\",\"id\":\"d9b6c0c9-0747-4bf4-b142-e7883122f766\",\"detail-type\":"
              "\"Redshift Data Statement Status Change\",\"source\":\"aws.redshift-data\","
              "\"account\":\"123456789012\",\"time\":\"2026-11-20T12:34:56Z\",\"region\":"
              "\"eu-west-1\",\"resources\":[],\"detail\":{\"principal\":\"arn:aws:sts::"
              "123456789012:assumed-role/bench/ringback\",\"statementName\":"
              "\"ringback/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/1.1\",\"statementId\":"
              "\"d9b6c0c9-0747-4bf4-b142-e7883122f766\",\"redshiftQueryId\":1234567,\"state\":"
              "\"FINISHED\",\"rows\":3,\"expireAt\":1795264496}}");
}

int main(int count, char **arguments)
{
    const int64_t duration_ms = count > 1 ? strtol(arguments[1], NULL, 10) : 200;
    open_bench();
    measure("JSON of an event", duration_ms, parse_json);
    measure("event, parsed", duration_ms, parse_event);
    measure("request, parsed", duration_ms, parse_request);
    measure("4 KB of SQL, split", duration_ms, split_sql);
    measure("SigV4 of a callback", duration_ms, sign);
    measure("1,500 bytes, sealed", duration_ms, seal);
    measure("1,500 bytes, opened", duration_ms, unseal);
    return 0;
}
