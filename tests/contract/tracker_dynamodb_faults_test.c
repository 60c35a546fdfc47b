/*
 * The DynamoDB tracker when DynamoDB fails: a server in between passes calls on to dynalite, and
 * one of them, the k-th, is throttled, lost, or done and not answered. Whatever happens to
 * whichever call, an operation either does its work once and says so, or says that it may be tried
 * again.
 */
#include "tests/support/cmocka.h"
#include "tests/support/day_clock.h"
#include "tests/support/dynalite.h"
#include "tests/support/http_fixture.h"

#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"
#include "infra/base/log.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fixture */

#define NOW_MS     1795178096000
#define CALLS_MAX  60
#define BLOB_BYTES 200000
#define TRIES      3

enum fault {
    THROTTLED,   /* not done */
    SERVER_DOWN, /* 503, not done */
    SERVER_SICK, /* 500, and done */
    LOST,        /* connection reset, not done */
    CUT,         /* done, and the connection reset */
    UNPROCESSED, /* of a batch: all of it left over; others are throttled */
    FAULT_COUNT,
};

struct fixture {
    struct dynalite dynalite;
    struct http_fixture *proxy;
    struct http *http; /* of the proxy's thread */
    struct arena *proxy_arena;
    atomic_uint calls;     /* since the fault was set */
    atomic_uint fail_from; /* 0: none */
    atomic_uint fail_count;
    atomic_int fault; /* enum fault */
    bool retries;     /* the client may send again */
    bool tells_items;
    char attempts[32];
    char endpoint[128];
    char keys[2][64];
    char *environment[8];
    struct random random;
    struct aws_client_options aws;
    struct tracker_options options;
    struct tracker *tracker;
    struct arena *arena;
    struct error error;
    char url[64];
    unsigned number; /* of ids */
};

/* What dynalite answers a call of this operation. */
static struct http_exchange ask_dynalite(struct fixture *fixture, const char *operation,
                                         const char *body)
{
    struct http_exchange exchange = {
        .method = "POST", .body = slice_from_text(body), .timeout_ms = 30000};

    exchange.url =
        arena_format(fixture->proxy_arena, "http://127.0.0.1:%d/", fixture->dynalite.port);
    exchange.headers[0] = (struct http_header){
        "X-Amz-Target", arena_format(fixture->proxy_arena, "DynamoDB_20120810.%s", operation)};
    exchange.headers[1] = (struct http_header){"Content-Type", "application/x-amz-json-1.0"};
    exchange.headers[2] = (struct http_header){"X-Amz-Date", "20261120T123456Z"};
    exchange.headers[3] = (struct http_header){
        "Authorization", "AWS4-HMAC-SHA256 Credential=a/20261120/eu-west-1/dynamodb/aws4_request, "
                         "SignedHeaders=host, Signature=b"};
    exchange.header_count = 4;
    http_send_all(fixture->http, &exchange, 1);
    return exchange;
}

/* The answer to a condition that failed, with the item as it is. */
static const char *add_item(struct fixture *fixture, const struct http_fixture_request *request,
                            const char *answer)
{
    CLEANUP(buffer_clear) struct buffer body;
    struct json root = {NULL, NULL};
    struct json key;
    struct json_writer writer;
    struct slice item;

    buffer_init(&body, 64u * 1024);
    if (json_parse(fixture->proxy_arena, request->body, &root, NULL) != STATUS_OK) {
        return answer;
    }
    key = json_exists(json_member(root, "Key")) ? json_member(root, "Key")
                                                : json_member(root, "Item");
    json_writer_init(&writer, &body);
    json_begin_object(&writer, NULL);
    json_copy_member(json_member(root, "TableName"), SLICE("TableName"), &writer);
    json_write_bool(&writer, "ConsistentRead", true);
    json_begin_object(&writer, "Key");
    json_copy_member(json_member(key, "pk"), SLICE("pk"), &writer);
    json_copy_member(json_member(key, "sk"), SLICE("sk"), &writer);
    json_end_object(&writer);
    json_end_object(&writer);
    item = ask_dynalite(fixture, "GetItem", body.data).response;
    /* {"Item":{...}} becomes the end of the refusal. */
    return item.size < 4 ? answer
                         : arena_format(fixture->proxy_arena, "%.*s,%.*s", (int)strlen(answer) - 1,
                                        answer, (int)item.size - 1, item.data + 1);
}

static struct http_fixture_reply pass_on(struct fixture *fixture,
                                         const struct http_fixture_request *request)
{
    static const char *const names[] = {"X-Amz-Target", "Content-Type", "X-Amz-Date",
                                        "Authorization"};
    struct http_exchange exchange = {.method = "POST", .body = request->body, .timeout_ms = 30000};
    struct http_fixture_reply reply;
    char url[128];

    arena_reset(fixture->proxy_arena);
    http_reset(fixture->http);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", fixture->dynalite.port);
    exchange.url = url;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        const struct slice value = http_fixture_header(request, names[i]);
        exchange.headers[exchange.header_count++] =
            (struct http_header){names[i], arena_text(fixture->proxy_arena, value)};
    }
    http_send_all(fixture->http, &exchange, 1);
    /* dynalite closes what was idle for a while. */
    if (exchange.status != STATUS_OK) {
        http_send_all(fixture->http, &exchange, 1);
    }
    reply = (struct http_fixture_reply){
        .code = exchange.code,
        .headers = "Content-Type: application/x-amz-json-1.0\r\n",
        .body = arena_text(fixture->proxy_arena, exchange.response),
    };
    if (fixture->tells_items && exchange.code == 400 &&
        strstr(reply.body, "ConditionalCheckFailed") != NULL) {
        reply.body = add_item(fixture, request, reply.body);
    }
    return reply;
}

static struct http_fixture_reply refuse(int code, const char *name, struct arena *arena)
{
    return (struct http_fixture_reply){
        .code = code,
        .headers = "Content-Type: application/x-amz-json-1.0\r\n",
        .body = arena_format(arena, "{\"__type\":\"com.amazonaws.dynamodb.v20120810#%s\"}", name)};
}

/* All of the batch that was asked for is left over. */
static struct http_fixture_reply leave_over(struct fixture *fixture,
                                            const struct http_fixture_request *request)
{
    const struct slice target = http_fixture_header(request, "X-Amz-Target");
    const bool gets = slice_ends_with(target, SLICE("BatchGetItem"));
    const struct slice body = request->body;
    const size_t begin = slice_find(body, SLICE("{\"RequestItems\":")) + 16;
    const size_t end = slice_find(body, SLICE(",\"ReturnConsumedCapacity\""));

    if (!gets && !slice_ends_with(target, SLICE("BatchWriteItem"))) {
        return refuse(400, "ProvisionedThroughputExceededException", fixture->proxy_arena);
    }
    return (struct http_fixture_reply){
        .headers = "Content-Type: application/x-amz-json-1.0\r\n",
        .body = arena_format(fixture->proxy_arena, "{\"%s\":%.*s}",
                             gets ? "UnprocessedKeys" : "UnprocessedItems",
                             SLICE_PRINT(slice_part(body, begin, end - begin)))};
}

static struct http_fixture_reply fail_call(struct fixture *fixture,
                                           const struct http_fixture_request *request)
{
    struct http_fixture_reply reply = {.fault = HTTP_FIXTURE_RESET};

    arena_reset(fixture->proxy_arena);
    switch ((enum fault)atomic_load(&fixture->fault)) {
    case THROTTLED: return refuse(400, "ThrottlingException", fixture->proxy_arena);
    case SERVER_DOWN: return refuse(503, "ServiceUnavailable", fixture->proxy_arena);
    case SERVER_SICK:
        (void)pass_on(fixture, request);
        return refuse(500, "InternalServerError", fixture->proxy_arena);
    case LOST: return reply;
    case CUT: (void)pass_on(fixture, request); return reply;
    case UNPROCESSED: return leave_over(fixture, request);
    case FAULT_COUNT: break;
    }
    return reply;
}

static struct http_fixture_reply handle(void *context, const struct http_fixture_request *request)
{
    struct fixture *fixture = context;
    const unsigned call = atomic_fetch_add(&fixture->calls, 1) + 1;
    const unsigned from = atomic_load(&fixture->fail_from);

    return from != 0 && call >= from && call < from + atomic_load(&fixture->fail_count)
               ? fail_call(fixture, request)
               : pass_on(fixture, request);
}

/* No backoff: the jitter of nothing is nothing. */
static void fill_zero(void *context, void *out, size_t size)
{
    (void)context;
    memset(out, 0, size);
}

/* The longest. */
static void fill_ones(void *context, void *out, size_t size)
{
    (void)context;
    memset(out, 0xff, size);
}

static int64_t now_ms(void *context)
{
    (void)context;
    return NOW_MS;
}

static const struct clock test_clock = DAY_CLOCK(now_ms);

static int setup(void **state)
{
    static unsigned tables;
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    log_init(LOG_ERROR, STDERR_FILENO);
    dynalite_start(&fixture->dynalite, false, NULL);
    fixture->http = http_new(NULL);
    fixture->proxy_arena = arena_new(64u << 20);
    fixture->arena = arena_new(64u << 20);
    fixture->random.fill = fill_zero;
    fixture->proxy = http_fixture_open();
    http_fixture_handle(fixture->proxy, handle, fixture);
    (void)snprintf(fixture->url, sizeof(fixture->url), "dynamodb:faults-%u", ++tables);
    dynalite_create_table(&fixture->dynalite, fixture->url + 9);
    memcpy(fixture->environment, fixture->dynalite.environment,
           sizeof(fixture->dynalite.environment));
    (void)snprintf(fixture->endpoint, sizeof(fixture->endpoint), "AWS_ENDPOINT_URL=%s",
                   http_fixture_url(fixture->proxy));
    fixture->environment[0] = fixture->endpoint;
    fixture->aws = fixture->dynalite.aws;
    fixture->aws.environment = fixture->environment;
    fixture->aws.random = &fixture->random;
    fixture->aws.clock = &test_clock;
    fixture->options =
        (struct tracker_options){.url = fixture->url, .aws = &fixture->aws, .timeout_ms = 20000};
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    tracker_close(fixture->tracker);
    http_fixture_close(fixture->proxy);
    http_free(fixture->http);
    dynalite_stop(&fixture->dynalite);
    arena_free(fixture->proxy_arena);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

/* Helpers */

static void open_tracker(struct fixture *fixture, bool retries)
{
    (void)snprintf(fixture->attempts, sizeof(fixture->attempts), "AWS_MAX_ATTEMPTS=%d",
                   retries ? 4 : 1);
    for (size_t i = 0; i < ARRAY_COUNT(fixture->environment) - 1; i++) {
        if (!fixture->environment[i] || fixture->environment[i] == fixture->attempts) {
            fixture->environment[i] = fixture->attempts;
            break;
        }
    }
    fixture->retries = retries;
    tracker_close(fixture->tracker);
    fixture->tracker = NULL;
    if (tracker_open(&fixture->options, &fixture->tracker, &fixture->error) != STATUS_OK) {
        fail_msg("open: %s", fixture->error.text);
    }
}

/* count calls from the k-th one on; k 0: none. */
static void fail_from(struct fixture *fixture, unsigned k, unsigned count, enum fault fault)
{
    atomic_store(&fixture->fail_from, 0);
    atomic_store(&fixture->fault, (int)fault);
    atomic_store(&fixture->calls, 0);
    atomic_store(&fixture->fail_count, count);
    atomic_store(&fixture->fail_from, k);
}

static bool has_failed(struct fixture *fixture, unsigned k)
{
    return atomic_load(&fixture->calls) >= k;
}

static void new_record(struct fixture *fixture, struct tracker_record *record)
{
    const unsigned number = ++fixture->number;

    *record = (struct tracker_record){.format = TRACKER_FORMAT,
                                      .created_at_ms = NOW_MS + number,
                                      .due_at_ms = NOW_MS + 3600000,
                                      .group = SLICE("group"),
                                      .plan = SLICE("plan"),
                                      .state = SLICE("state")};
    memset(record->id, 'a', TRACKER_ID_BYTES);
    (void)snprintf(record->id, sizeof(record->id), "%c%c%030u", 'a' + number % 26,
                   'a' + number / 26 % 26, number);
}

static struct tracker_record get(struct fixture *fixture, const char *id)
{
    struct tracker_lookup lookup = {.id = id};

    if (tracker_find(fixture->tracker, fixture->arena, &lookup, 1, &fixture->error) != STATUS_OK) {
        fail_msg("find: %s", fixture->error.text);
    }
    assert_true(lookup.found);
    return lookup.record;
}

static size_t items_below(struct fixture *fixture, const char *pk, const char *sk)
{
    char body[512];
    struct json root;
    struct slice reply;

    (void)snprintf(
        body, sizeof(body),
        "{\"TableName\":\"%s\",\"ConsistentRead\":true,\"KeyConditionExpression\":\"pk = "
        ":p AND begins_with(sk, :s)\",\"ExpressionAttributeValues\":{\":p\":{\"S\":"
        "\"%s\"},\":s\":{\"S\":\"%s\"}}}",
        fixture->url + 9, pk, sk);
    reply = dynalite_call(&fixture->dynalite, fixture->arena, "Query", body);
    assert_int_equal(json_parse(fixture->arena, reply, &root, NULL), STATUS_OK);
    return json_count(json_member(root, "Items"));
}

static size_t plans_of(struct fixture *fixture, const char *id)
{
    char pk[TRACKER_ID_BYTES + 3];

    (void)snprintf(pk, sizeof(pk), "r#%s", id);
    return items_below(fixture, pk, "p#");
}

/* An operation that is done over and over, each time with another call failing. */
struct operation {
    const char *name;
    /* Makes what the operation works on; nothing fails yet. */
    void (*prepare)(struct fixture *fixture, struct tracker_record *record);
    enum status (*run)(struct fixture *fixture, struct tracker_record *record);
    /* What holds once run has said OK, at once or when it was tried again. */
    void (*check)(struct fixture *fixture, const struct tracker_record *record);
    unsigned calls_min;
};

static void fail_once(struct fixture *fixture, const struct operation *operation, unsigned k,
                      enum fault fault, bool *failed)
{
    struct tracker_record record;
    enum status status = STATUS_OK;

    operation->prepare(fixture, &record);
    fail_from(fixture, k, 1, fault);
    status = operation->run(fixture, &record);
    *failed = has_failed(fixture, k);
    fail_from(fixture, 0, 0, fault);
    /* One that fails once is nothing to a client that sends again; another's caller comes again. */
    for (int i = 0; i < TRIES && status == STATUS_RETRY && !fixture->retries; i++) {
        status = operation->run(fixture, &record);
    }
    if (status != STATUS_OK) {
        fail_msg("%s, call %u, fault %d: %s: %s", operation->name, k, (int)fault,
                 status_name(status), fixture->error.text);
    }
    operation->check(fixture, &record);
}

static void fail_each_call(struct fixture *fixture, const struct operation *operation)
{
    for (enum fault fault = THROTTLED; fault < FAULT_COUNT; fault++) {
        unsigned k = 1;
        for (bool failed = true; failed && k < CALLS_MAX; k++) {
            fail_once(fixture, operation, k, fault, &failed);
            arena_reset(fixture->arena);
        }
        assert_in_range(k, operation->calls_min + 1, CALLS_MAX - 1);
    }
}

/* ---- The operations ---- */

static enum status run_register(struct fixture *fixture, struct tracker_record *record)
{
    struct tracker_registration registration = {.record = *record};
    enum status status =
        tracker_register(fixture->tracker, fixture->arena, &registration, 1, &fixture->error);

    /* Whoever sends again is told that it was this very call. */
    if (status == STATUS_OK && fixture->retries) {
        assert_true(registration.created);
    }
    if (status == STATUS_OK && !registration.created) {
        assert_true(slice_equals(registration.existing.plan, record->plan));
    }
    return status;
}

static void check_registered(struct fixture *fixture, const struct tracker_record *record)
{
    const struct tracker_record stored = get(fixture, record->id);
    const struct tracker_list list = {.group = SLICE("group"), .open_only = true, .limit = 1};
    struct tracker_record *listed = NULL;
    struct slice next = SLICE_NONE;
    size_t count = 0;

    assert_int_equal(stored.version, 1);
    assert_true(slice_equals(stored.plan, SLICE("plan")));
    assert_int_equal(tracker_list(fixture->tracker, fixture->arena, &list, &listed, &count, &next,
                                  &fixture->error),
                     STATUS_OK);
    assert_int_equal(count, 1);
    assert_string_equal(listed[0].id, record->id);
}

static void prepare_registered(struct fixture *fixture, struct tracker_record *record)
{
    new_record(fixture, record);
    assert_int_equal(run_register(fixture, record), STATUS_OK);
    record->version = 1;
}

static void prepare_due(struct fixture *fixture, struct tracker_record *record)
{
    new_record(fixture, record);
    record->due_at_ms = NOW_MS;
    assert_int_equal(run_register(fixture, record), STATUS_OK);
    record->version = 1;
}

/* As a caller does it: what is in doubt is read again before it is decided again. */
static enum status run_settle(struct fixture *fixture, struct tracker_record *record)
{
    struct tracker_update update = {.record = *record, .replace_plan = true};
    enum status status = STATUS_OK;

    update.record.state = SLICE("settled");
    update.record.plan = SLICE("scrubbed");
    update.record.due_at_ms = NOW_MS + 86400000;
    update.record.settled_at_ms = NOW_MS;
    update.record.expires_at_ms = NOW_MS + 16 * INT64_C(86400000);
    status = tracker_update(fixture->tracker, &update, 1, &fixture->error);
    if (status == STATUS_OK && fixture->retries) {
        assert_int_equal(update.status, STATUS_OK);
    }
    if (status == STATUS_OK && update.status == STATUS_CONFLICT) {
        assert_true(slice_equals(get(fixture, record->id).state, SLICE("settled")));
    }
    return status;
}

static void check_settled(struct fixture *fixture, const struct tracker_record *record)
{
    const struct tracker_record stored = get(fixture, record->id);

    assert_int_equal(stored.version, 2);
    assert_true(slice_equals(stored.state, SLICE("settled")));
    assert_true(slice_equals(stored.plan, SLICE("scrubbed")));
    /* The plan with the secrets is gone; where what removes it failed, it goes by its ttl. */
    if (fixture->retries) {
        assert_int_equal(plans_of(fixture, record->id), 1);
    }
}

static enum status run_claim(struct fixture *fixture, struct tracker_record *record)
{
    struct tracker_record *records = NULL;
    size_t count = 0;
    enum status status = tracker_claim(fixture->tracker, fixture->arena, NOW_MS, TRACKER_LEASE_MS,
                                       "me", 10, &records, &count, &fixture->error);

    if (fixture->retries && status == STATUS_OK) {
        assert_int_equal(count, 1);
        assert_string_equal(records[0].id, record->id);
        assert_true(slice_equals(records[0].plan, SLICE("plan")));
    }
    return status;
}

/* Claimed once, or else still to be claimed: never lost. */
static void check_claimed(struct fixture *fixture, const struct tracker_record *record)
{
    struct tracker_record stored = get(fixture, record->id);

    if (stored.version == 1) {
        assert_int_equal(run_claim(fixture, &stored), STATUS_OK);
        stored = get(fixture, record->id);
    }
    assert_int_equal(stored.version, 2);
    assert_int_equal(stored.due_at_ms, NOW_MS + TRACKER_LEASE_MS);
    assert_int_equal(run_settle(fixture, &stored), STATUS_OK);
}

static enum status run_touch(struct fixture *fixture, struct tracker_record *record)
{
    return tracker_touch(fixture->tracker, record->id, NOW_MS - 5, &fixture->error);
}

static void check_touched(struct fixture *fixture, const struct tracker_record *record)
{
    assert_int_equal(get(fixture, record->id).due_at_ms, NOW_MS - 5);
    assert_int_equal(get(fixture, record->id).version, 1);
}

static enum status run_park(struct fixture *fixture, struct tracker_record *record)
{
    struct tracker_parked message = {
        .first_seen_ms = NOW_MS, .expires_at_ms = NOW_MS + 1000, .body = SLICE("body")};

    memcpy(message.id, record->id, sizeof(message.id));
    return tracker_park(fixture->tracker, &message, 1, &fixture->error);
}

static void prepare_parked(struct fixture *fixture, struct tracker_record *record)
{
    new_record(fixture, record);
    assert_int_equal(run_park(fixture, record), STATUS_OK);
}

static void check_parked(struct fixture *fixture, const struct tracker_record *record)
{
    struct tracker_parked message;

    assert_int_equal(tracker_parked_take(fixture->tracker, fixture->arena, record->id, &message,
                                         &fixture->error),
                     STATUS_OK);
    assert_true(slice_equals(message.body, SLICE("body")));
}

static enum status run_take(struct fixture *fixture, struct tracker_record *record)
{
    struct tracker_parked message;
    enum status status = tracker_parked_take(fixture->tracker, fixture->arena, record->id, &message,
                                             &fixture->error);

    if (status == STATUS_OK) {
        assert_true(slice_equals(message.body, SLICE("body")));
    }
    /* Taken by the call before, whose fate was not known. */
    return status == STATUS_NOT_FOUND && !fixture->retries ? STATUS_OK : status;
}

static void check_taken(struct fixture *fixture, const struct tracker_record *record)
{
    struct tracker_parked message;

    assert_int_equal(tracker_parked_take(fixture->tracker, fixture->arena, record->id, &message,
                                         &fixture->error),
                     STATUS_NOT_FOUND);
}

static const char *lock_key(const struct tracker_record *record, char key[65])
{
    (void)snprintf(key, 65, "%s%s", record->id, record->id);
    return key;
}

static enum status run_lock(struct fixture *fixture, struct tracker_record *record)
{
    char key[65];
    char holder[TRACKER_ID_BYTES + 1];

    return tracker_lock_take(fixture->tracker, lock_key(record, key), record->id, NULL, holder,
                             &fixture->error);
}

static void check_locked(struct fixture *fixture, const struct tracker_record *record)
{
    char key[65];
    char holder[TRACKER_ID_BYTES + 1];

    assert_int_equal(
        tracker_lock_holder(fixture->tracker, lock_key(record, key), holder, &fixture->error),
        STATUS_OK);
    assert_string_equal(holder, record->id);
}

/* Comes, leaves, comes again: nobody stands in the way of others. */
static enum status run_wait(struct fixture *fixture, struct tracker_record *record)
{
    char key[65];
    enum status status = tracker_lock_wait(fixture->tracker, lock_key(record, key), record->id,
                                           NOW_MS, &fixture->error);

    return status == STATUS_OK
               ? tracker_lock_leave(fixture->tracker, key, record->id, &fixture->error)
               : status;
}

static void check_waited(struct fixture *fixture, const struct tracker_record *record)
{
    char key[65];
    char first[TRACKER_ID_BYTES + 1];

    assert_int_equal(
        tracker_lock_first(fixture->tracker, lock_key(record, key), first, &fixture->error),
        STATUS_NOT_FOUND);
}

static enum status run_reply(struct fixture *fixture, struct tracker_record *record)
{
    static const char bytes[BLOB_BYTES] = "reply";
    const struct slice blob = {bytes, sizeof(bytes)};

    return tracker_reply_put(fixture->tracker, record->id, "aa", blob, NOW_MS + 1000,
                             &fixture->error);
}

static void check_reply(struct fixture *fixture, const struct tracker_record *record)
{
    struct slice blob = SLICE_NONE;

    assert_int_equal(tracker_reply_get(fixture->tracker, fixture->arena, record->id, "aa", &blob,
                                       &fixture->error),
                     STATUS_OK);
    assert_int_equal(blob.size, BLOB_BYTES);
}

static const struct operation operations[] = {
    {"register", new_record, run_register, check_registered, 2},
    {"settle", prepare_registered, run_settle, check_settled, 3},
    {"claim", prepare_due, run_claim, check_claimed, 3},
    {"touch", prepare_registered, run_touch, check_touched, 1},
    {"park", new_record, run_park, check_parked, 2},
    {"take parked", prepare_parked, run_take, check_taken, 2},
    {"lock", new_record, run_lock, check_locked, 1},
    {"wait", new_record, run_wait, check_waited, 3},
    {"reply", new_record, run_reply, check_reply, 1},
};

/* Success */

static void one_failed_call_is_nothing_to_a_client_that_sends_again(void **state)
{
    struct fixture *fixture = *state;

    open_tracker(fixture, true);
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        fail_each_call(fixture, &operations[i]);
    }
}

static void and_to_one_that_is_told_what_is_there(void **state)
{
    struct fixture *fixture = *state;

    fixture->tells_items = true;
    one_failed_call_is_nothing_to_a_client_that_sends_again(state);
}

static void one_failed_call_is_retry_and_the_next_try_does_it(void **state)
{
    struct fixture *fixture = *state;

    open_tracker(fixture, false);
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        fail_each_call(fixture, &operations[i]);
    }
}

/* Failure */

static void what_stays_throttled_is_retry(void **state)
{
    struct fixture *fixture = *state;

    open_tracker(fixture, true);
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        struct tracker_record record;
        fail_from(fixture, 0, 0, THROTTLED);
        operations[i].prepare(fixture, &record);
        fail_from(fixture, 1, UINT_MAX / 2, THROTTLED);
        assert_int_equal(operations[i].run(fixture, &record), STATUS_RETRY);
        assert_non_null(strstr(fixture->error.text, "ThrottlingException"));
    }
}

/* Sent again after a second, when the time is over: that it was throttled is what matters. */
static void what_is_throttled_until_time_is_up_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct tracker_record record;

    fixture->options.timeout_ms = 800;
    fixture->random.fill = fill_ones;
    open_tracker(fixture, true);
    operations[0].prepare(fixture, &record);
    fail_from(fixture, 1, UINT_MAX / 2, THROTTLED);
    assert_int_equal(operations[0].run(fixture, &record), STATUS_RETRY);
    assert_non_null(strstr(fixture->error.text, "throttled"));
    assert_non_null(strstr(fixture->error.text, "within 800 ms"));
}

static void what_stays_unprocessed_costs_one_timeout(void **state)
{
    struct fixture *fixture = *state;
    struct tracker_record record;
    int64_t started_ms = 0;

    fixture->options.timeout_ms = 300;
    fixture->random.fill = fill_ones;
    open_tracker(fixture, true);
    new_record(fixture, &record);
    fail_from(fixture, 1, UINT_MAX / 2, UNPROCESSED);
    started_ms = clock_monotonic_ms(clock_system());
    assert_int_equal(run_register(fixture, &record), STATUS_RETRY);
    assert_in_range(clock_monotonic_ms(clock_system()) - started_ms, 0, 5000);
}

#define FAULT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT_TEST(one_failed_call_is_nothing_to_a_client_that_sends_again),
        FAULT_TEST(and_to_one_that_is_told_what_is_there),
        FAULT_TEST(one_failed_call_is_retry_and_the_next_try_does_it),
        FAULT_TEST(what_stays_throttled_is_retry),
        FAULT_TEST(what_is_throttled_until_time_is_up_says_so),
        FAULT_TEST(what_stays_unprocessed_costs_one_timeout),
    };

    return cmocka_run_group_tests_name("tracker_dynamodb_faults", tests, NULL, NULL);
}
