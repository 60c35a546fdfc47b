/* What only DynamoDB does: tables that are missing or other ones, hints that lead nowhere, plans
 * and hints that are renewed, an idle table that costs little, a server that dies. */
#include "tests/support/cmocka.h"
#include "tests/support/day_clock.h"
#include "tests/support/dynalite.h"
#include "tests/support/http_fixture.h"
#include "tracker/tracker_dynamodb_table.h"

#include "infra/base/encode.h"
#include "infra/base/json_reader.h"
#include "infra/base/log.h"
#include "infra/base/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Fixture */

#define NOW_MS     1795178096000
#define DAY_MS     INT64_C(86400000)
#define TIMEOUT_MS 2000
#define TRIES      1000 /* of 5 ms */
#define ID         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define RECORD     "r#" ID

struct fixture {
    struct dynalite server;
    struct tracker *tracker;
    struct arena *arena;
    char url[64];
    const char *table;
    struct error error;
};

static int64_t days; /* since NOW_MS */

static int64_t now_ms(void *context)
{
    (void)context;
    return NOW_MS + days * DAY_MS;
}

static const struct clock test_clock = DAY_CLOCK(now_ms);

static enum status open_url(struct fixture *fixture, struct tracker **tracker)
{
    const struct tracker_options options = {
        .url = fixture->url, .aws = &fixture->server.aws, .timeout_ms = TIMEOUT_MS};

    fixture->error = ERROR_NONE;
    return tracker_open(&options, tracker, &fixture->error);
}

static struct fixture *set_up(bool keeps)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    days = 0;
    log_init(LOG_ERROR, STDERR_FILENO);
    dynalite_start(&fixture->server, keeps, &test_clock);
    fixture->arena = arena_new(64u << 20);
    (void)snprintf(fixture->url, sizeof(fixture->url), "dynamodb:tracking");
    fixture->table = tracker_dynamodb_table_name(fixture->url);
    dynalite_create_table(&fixture->server, fixture->table);
    assert_int_equal(open_url(fixture, &fixture->tracker), STATUS_OK);
    return fixture;
}

static int setup(void **state)
{
    *state = set_up(false);
    return 0;
}

static int setup_with_folder(void **state)
{
    *state = set_up(true);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    tracker_close(fixture->tracker);
    dynalite_stop(&fixture->server);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

/* Helpers */

#define OK(fixture, call)                                                                          \
    do {                                                                                           \
        (fixture)->error = ERROR_NONE;                                                             \
        if ((call) != STATUS_OK) {                                                                 \
            fail_msg("%s: %s", #call, (fixture)->error.text);                                      \
        }                                                                                          \
    } while (0)

static struct tracker_record record_of(const char *id)
{
    struct tracker_record record = {.format = TRACKER_FORMAT,
                                    .created_at_ms = NOW_MS,
                                    .due_at_ms = NOW_MS,
                                    .group = SLICE("group"),
                                    .plan = SLICE("plan"),
                                    .state = SLICE("state")};

    memcpy(record.id, id, sizeof(record.id));
    return record;
}

static enum status put(struct fixture *fixture, bool *created)
{
    struct tracker_registration registration = {.record = record_of(ID)};
    enum status status = STATUS_OK;

    fixture->error = ERROR_NONE;
    status = tracker_register(fixture->tracker, fixture->arena, &registration, 1, &fixture->error);
    *created = status == STATUS_OK && registration.created;
    return status;
}

static void put_new(struct fixture *fixture)
{
    bool created = false;

    OK(fixture, put(fixture, &created));
    assert_true(created);
}

static size_t claim(struct fixture *fixture, int64_t at_ms)
{
    struct tracker_record *records = NULL;
    size_t count = 0;

    OK(fixture, tracker_claim(fixture->tracker, fixture->arena, at_ms, TRACKER_LEASE_MS, "me", 10,
                              &records, &count, &fixture->error));
    return count;
}

static size_t list(struct fixture *fixture, struct slice group, bool open_only)
{
    const struct tracker_list wanted = {.group = group, .open_only = open_only, .limit = 100};
    struct tracker_record *records = NULL;
    struct slice next = SLICE_NONE;
    size_t count = 0;

    OK(fixture, tracker_list(fixture->tracker, fixture->arena, &wanted, &records, &count, &next,
                             &fixture->error));
    return count;
}

/* Every item of the table, by a scan that only a test may make. */
static struct json all_items(struct fixture *fixture)
{
    const char *body = arena_format(
        fixture->arena, "{\"TableName\":\"%s\",\"ConsistentRead\":true}", fixture->table);
    struct json root;

    OK(fixture,
       json_parse(fixture->arena, dynalite_call(&fixture->server, fixture->arena, "Scan", body),
                  &root, &fixture->error));
    return json_member(root, "Items");
}

static struct slice attribute(struct json item, const char *name, const char *kind)
{
    struct slice text = SLICE_NONE;

    return json_find_text(json_member(item, name), kind, 0, &text, NULL) == STATUS_OK ? text
                                                                                      : SLICE_NONE;
}

/* How many items have a key that begins so; *ttl: the smallest of theirs, 0: one has none. */
static size_t count_items(struct fixture *fixture, const char *pk, const char *sk, int64_t *ttl)
{
    struct json item = json_element(all_items(fixture), 0);
    int64_t least = INT64_MAX;
    size_t count = 0;

    for (; json_kind(item) != JSON_ABSENT; item = json_next(item)) {
        int64_t own = 0;
        if (!slice_starts_with(attribute(item, "pk", "S"), slice_from_text(pk)) ||
            !slice_starts_with(attribute(item, "sk", "S"), slice_from_text(sk))) {
            continue;
        }
        (void)!slice_to_int64(attribute(item, "ttl", "N"), 0, INT64_MAX, &own, NULL);
        least = own < least ? own : least;
        count++;
    }
    if (ttl) {
        *ttl = least;
    }
    return count;
}

static void put_item(struct fixture *fixture, const char *pk, const char *sk)
{
    const char *body = arena_format(
        fixture->arena,
        "{\"TableName\":\"%s\",\"Item\":{\"pk\":{\"S\":\"%s\"},\"sk\":{\"S\":\"%s\"}}}",
        fixture->table, pk, sk);

    (void)dynalite_call(&fixture->server, fixture->arena, "PutItem", body);
}

static struct aws_client *open_client(struct fixture *fixture)
{
    struct aws_client *client = NULL;

    OK(fixture, aws_client_new(&fixture->server.aws, &client, &fixture->error));
    return client;
}

static enum status check_table(struct fixture *fixture, const char *table, const char **remark)
{
    struct aws_client *client = open_client(fixture);
    enum status status = STATUS_OK;

    fixture->error = ERROR_NONE;
    status = tracker_dynamodb_table_check(client, fixture->arena, table, remark, &fixture->error);
    aws_client_free(client);
    return status;
}

static void wait_until_back(struct fixture *fixture)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    enum status status = STATUS_RETRY;

    for (int i = 0; i < TRIES && status == STATUS_RETRY; i++) {
        status = tracker_ping(fixture->tracker, &fixture->error);
        (void)nanosleep(&pause, NULL);
    }
    assert_int_equal(status, STATUS_OK);
}

/* Success */

static void a_write_survives_the_death_of_the_server(void **state)
{
    struct fixture *fixture = *state;
    bool created = false;

    put_new(fixture);
    dynalite_kill(&fixture->server);
    assert_int_equal(put(fixture, &created), STATUS_RETRY);
    dynalite_restart(&fixture->server);
    wait_until_back(fixture);
    OK(fixture, put(fixture, &created));
    assert_false(created);
}

static void a_hint_that_leads_nowhere_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    struct tracker_record latest;
    char hash[SHA256_HEX_BYTES + 1];

    put_new(fixture);
    /* Of a record that was never written, and of this one at another time. */
    put_item(fixture, "l#00", "001795178096001bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    put_item(fixture, "o#00", "001795178096001bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    put_item(fixture, "l#00", "001795178096999" ID);
    put_item(fixture, "l#00", "no place");
    assert_int_equal(list(fixture, SLICE_NONE, false), 1);
    assert_int_equal(list(fixture, SLICE_NONE, true), 1);
    /* More of them than one page of a group has. */
    digest_sha256_hex(SLICE("group"), hash);
    for (unsigned i = 0; i < 10; i++) {
        put_item(
            fixture, arena_format(fixture->arena, "g#%s", hash),
            arena_format(fixture->arena, "00179517809620%ubbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", i));
    }
    OK(fixture, tracker_group_latest(fixture->tracker, fixture->arena, SLICE("group"), &latest,
                                     &fixture->error));
    assert_string_equal(latest.id, ID);
}

static void a_repeat_leaves_no_hints_behind(void **state)
{
    struct fixture *fixture = *state;
    struct tracker_registration again = {.record = record_of(ID)};

    put_new(fixture);
    again.record.created_at_ms = NOW_MS + 5000;
    OK(fixture, tracker_register(fixture->tracker, fixture->arena, &again, 1, &fixture->error));
    assert_false(again.created);
    assert_int_equal(count_items(fixture, "l#", "", NULL), 1);
    assert_int_equal(count_items(fixture, "o#", "", NULL), 1);
    assert_int_equal(count_items(fixture, "g#", "", NULL), 1);
    assert_int_equal(count_items(fixture, "h#", "", NULL), 1);
}

static void what_settles_loses_its_plan_and_its_open_hints_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct tracker_update update = {.record = record_of(ID), .replace_plan = true};

    put_new(fixture);
    update.record.version = 1;
    update.record.plan = SLICE("scrubbed");
    update.record.settled_at_ms = NOW_MS;
    update.record.expires_at_ms = NOW_MS + 16 * DAY_MS;
    OK(fixture, tracker_update(fixture->tracker, &update, 1, &fixture->error));
    assert_int_equal(update.status, STATUS_OK);
    assert_int_equal(count_items(fixture, RECORD, "p#", NULL), 1);
    assert_int_equal(count_items(fixture, "o#", "", NULL), 0);
    assert_int_equal(count_items(fixture, "h#", "", NULL), 0);
    assert_int_equal(count_items(fixture, "l#", "", NULL), 1);
}

static void the_hints_of_a_long_kept_record_live_as_long(void **state)
{
    struct fixture *fixture = *state;
    struct tracker_update update = {.record = record_of(ID)};
    int64_t ttl = 0;

    put_new(fixture);
    update.record.version = 1;
    update.record.settled_at_ms = NOW_MS;
    update.record.expires_at_ms = NOW_MS + 90 * DAY_MS;
    OK(fixture, tracker_update(fixture->tracker, &update, 1, &fixture->error));
    assert_int_equal(count_items(fixture, "l#", "", &ttl), 1);
    assert_int_equal(ttl, (NOW_MS + 90 * DAY_MS) / 1000);
    assert_int_equal(count_items(fixture, "g#", "", &ttl), 1);
    assert_int_equal(ttl, (NOW_MS + 90 * DAY_MS) / 1000);
    assert_int_equal(count_items(fixture, RECORD, "p#", &ttl), 1);
    assert_int_equal(ttl, (NOW_MS + 90 * DAY_MS) / 1000);
    assert_int_equal(count_items(fixture, RECORD, "r", &ttl), 1);
    assert_int_equal(ttl, (NOW_MS + 90 * DAY_MS) / 1000);
}

static void an_open_record_renews_what_belongs_to_it(void **state)
{
    static const struct {
        const char *pk;
        const char *sk;
    } kinds[] = {{"l#", ""}, {"o#", ""}, {"g#", ""}, {"h#", ""}, {RECORD, "p#"}};
    struct fixture *fixture = *state;
    int64_t ttl = 0;

    put_new(fixture);
    days = 10; /* nothing to renew yet */
    assert_int_equal(claim(fixture, NOW_MS + 10 * DAY_MS), 1);
    assert_int_equal(count_items(fixture, RECORD, "p#", &ttl), 1);
    assert_int_equal(ttl, (NOW_MS + 30 * DAY_MS) / 1000);
    days = 20;
    assert_int_equal(claim(fixture, NOW_MS + 20 * DAY_MS), 1);
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        assert_int_equal(count_items(fixture, kinds[i].pk, kinds[i].sk, &ttl), 1);
        assert_int_equal(ttl, (NOW_MS + 50 * DAY_MS) / 1000);
    }
    /* The record itself never expires. */
    assert_int_equal(count_items(fixture, RECORD, "r", &ttl), 1);
    assert_int_equal(ttl, 0);
}

static void what_is_over_is_gone_before_it_is_removed(void **state)
{
    struct fixture *fixture = *state;
    struct tracker_update update = {.record = record_of(ID)};
    struct tracker_lookup lookup = {.id = ID};

    put_new(fixture);
    update.record.version = 1;
    update.record.settled_at_ms = NOW_MS;
    update.record.expires_at_ms = NOW_MS + DAY_MS;
    OK(fixture, tracker_update(fixture->tracker, &update, 1, &fixture->error));
    days = 1;
    OK(fixture, tracker_find(fixture->tracker, fixture->arena, &lookup, 1, &fixture->error));
    assert_false(lookup.found);
    assert_int_equal(list(fixture, SLICE_NONE, false), 0);
    assert_int_equal(claim(fixture, NOW_MS + DAY_MS), 0);
    assert_int_equal(tracker_update(fixture->tracker, &update, 1, &fixture->error), STATUS_OK);
    assert_int_equal(update.status, STATUS_NOT_FOUND);
    put_new(fixture);
}

static void an_idle_table_costs_little(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t before = metrics_value(METRIC_AWS_CALLS);

    /* A function that sweeps after each of a hundred events in ten seconds. */
    for (int i = 0; i < 100; i++) {
        assert_int_equal(claim(fixture, NOW_MS + i * 100), 0);
    }
    /* The first two looks, then after 1, 2 and 4 s: five of sixteen calls. */
    assert_in_range(metrics_value(METRIC_AWS_CALLS) - before, 32, 6 * 16);
}

static void what_another_process_makes_due_is_found_by_the_next_sweep(void **state)
{
    struct fixture *fixture = *state;
    struct tracker *other = NULL;
    struct tracker_record record = record_of(ID);
    struct tracker_registration registration = {.record = record};

    for (int i = 0; i < 20; i++) {
        assert_int_equal(claim(fixture, NOW_MS + i * 5000), 0);
    }
    OK(fixture, open_url(fixture, &other));
    registration.record.due_at_ms = NOW_MS + 96000;
    OK(fixture, tracker_register(other, fixture->arena, &registration, 1, &fixture->error));
    assert_int_equal(claim(fixture, NOW_MS + 100000), 1);
    tracker_close(other);
}

static void costs_are_counted(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t writes = metrics_value(METRIC_DYNAMODB_WRITE_MILLIUNITS);
    const uint64_t reads = metrics_value(METRIC_DYNAMODB_READ_MILLIUNITS);
    struct tracker_lookup lookup = {.id = ID};

    put_new(fixture);
    /* The record, its plan, four hints; what the index costs dynalite does not tell. */
    assert_int_equal(metrics_value(METRIC_DYNAMODB_WRITE_MILLIUNITS) - writes, 6000);
    OK(fixture, tracker_find(fixture->tracker, fixture->arena, &lookup, 1, &fixture->error));
    /* The record consistently, the plan cheaply. */
    assert_int_equal(metrics_value(METRIC_DYNAMODB_READ_MILLIUNITS) - reads, 1500);
}

static void a_table_is_made_once_and_then_as_described(void **state)
{
    struct fixture *fixture = *state;
    struct aws_client *client = open_client(fixture);
    const char *remark = NULL;
    bool created = false;

    OK(fixture,
       tracker_dynamodb_table_create(client, clock_system(), "other", &created, &fixture->error));
    assert_true(created);
    OK(fixture,
       tracker_dynamodb_table_create(client, clock_system(), "other", &created, &fixture->error));
    assert_false(created);
    aws_client_free(client);
    OK(fixture, check_table(fixture, "other", &remark));
    assert_non_null(strstr(remark, "expiry by `ttl` is off")); /* dynalite has none */
}

/* On a server that knows expiry, and is slow to make the table. */
static void expiry_is_turned_on_where_it_is_known(void **state)
{
    static const char *const targets[] = {"CreateTable",        "DescribeTable",
                                          "DescribeTable",      "DescribeTable",
                                          "DescribeTimeToLive", "UpdateTimeToLive"};
    struct fixture *fixture = *state;
    struct http_fixture *server = http_fixture_open();
    struct aws_client *client = NULL;
    CLEANUP(buffer_clear) struct buffer table;
    bool created = false;

    buffer_init(&table, 64u * 1024);
    buffer_append_text(&table, "{\"Table\":");
    tracker_dynamodb_table_print("other", &table);
    table.size -= 1; /* what it is now follows */
    buffer_append_text(&table, ",\"TableStatus\":\"ACTIVE\"}}");
    http_fixture_reply(server, (struct http_fixture_reply){.body = "{}"});
    http_fixture_reply(
        server, (struct http_fixture_reply){.body = "{\"Table\":{\"TableStatus\":\"CREATING\"}}"});
    http_fixture_reply(server, (struct http_fixture_reply){.body = table.data});
    http_fixture_reply(server, (struct http_fixture_reply){.body = table.data});
    http_fixture_reply(
        server, (struct http_fixture_reply){
                    .body = "{\"TimeToLiveDescription\":{\"TimeToLiveStatus\":\"DISABLED\"}}"});
    http_fixture_reply(server, (struct http_fixture_reply){.body = "{}"});
    dynalite_aim(&fixture->server, http_fixture_url(server));
    client = open_client(fixture);
    OK(fixture,
       tracker_dynamodb_table_create(client, clock_system(), "other", &created, &fixture->error));
    assert_true(created);
    aws_client_free(client);
    assert_int_equal(http_fixture_request_count(server), ARRAY_COUNT(targets));
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        const struct slice target =
            http_fixture_header(http_fixture_request(server, i), "X-Amz-Target");
        assert_true(slice_ends_with(target, slice_from_text(targets[i])));
    }
    assert_true(slice_equals(http_fixture_request(server, ARRAY_COUNT(targets) - 1)->body,
                             SLICE("{\"TableName\":\"other\",\"TimeToLiveSpecification\":"
                                   "{\"AttributeName\":\"ttl\",\"Enabled\":true}}")));
    http_fixture_close(server);
}

static void the_printed_table_is_what_is_made(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(buffer_clear) struct buffer printed;
    struct json properties;
    struct json root;
    struct slice name = SLICE_NONE;

    buffer_init(&printed, 64u * 1024);
    tracker_dynamodb_table_print(fixture->table, &printed);
    OK(fixture, json_parse(fixture->arena, buffer_slice(&printed), &properties, &fixture->error));
    OK(fixture, json_get_text(properties, "TableName", 0, &name, &fixture->error));
    assert_true(slice_equals_text(name, fixture->table));
    assert_true(json_exists(json_member(properties, "TimeToLiveSpecification")));
    OK(fixture, json_parse(fixture->arena,
                           dynalite_call(&fixture->server, fixture->arena, "DescribeTable",
                                         "{\"TableName\":\"tracking\"}"),
                           &root, &fixture->error));
    assert_int_equal(json_count(json_member(properties, "AttributeDefinitions")),
                     json_count(json_member(json_member(root, "Table"), "AttributeDefinitions")));
}

/* Failure */

static void a_table_that_is_missing_is_rejected_with_what_to_do(void **state)
{
    struct fixture *fixture = *state;
    struct tracker *tracker = NULL;
    const char *remark = NULL;

    (void)snprintf(fixture->url, sizeof(fixture->url), "dynamodb:nowhere");
    assert_int_equal(open_url(fixture, &tracker), STATUS_REJECTED);
    assert_null(tracker);
    assert_non_null(strstr(fixture->error.text, "nowhere"));
    assert_non_null(strstr(fixture->error.text, "--create-table"));
    assert_int_equal(check_table(fixture, "nowhere", &remark), STATUS_NOT_FOUND);
}

static void another_table_is_told_by_its_difference(void **state)
{
    static const struct {
        const char *definition;
        const char *text;
    } tables[] = {
        {"{\"TableName\":\"table-0\",\"BillingMode\":\"PAY_PER_REQUEST\",\"AttributeDefinitions\":["
         "{\"AttributeName\":\"id\",\"AttributeType\":\"S\"}],\"KeySchema\":["
         "{\"AttributeName\":\"id\",\"KeyType\":\"HASH\"}]}",
         "other keys"},
        {"{\"TableName\":\"table-1\",\"BillingMode\":\"PAY_PER_REQUEST\",\"AttributeDefinitions\":["
         "{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"},"
         "{\"AttributeName\":\"sk\",\"AttributeType\":\"B\"}],\"KeySchema\":["
         "{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},"
         "{\"AttributeName\":\"sk\",\"KeyType\":\"RANGE\"}]}",
         "attribute sk must be of type S"},
        {"{\"TableName\":\"table-2\",\"BillingMode\":\"PAY_PER_REQUEST\",\"AttributeDefinitions\":["
         "{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"},"
         "{\"AttributeName\":\"sk\",\"AttributeType\":\"S\"},"
         "{\"AttributeName\":\"part\",\"AttributeType\":\"S\"},"
         "{\"AttributeName\":\"due\",\"AttributeType\":\"N\"}],\"KeySchema\":["
         "{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},"
         "{\"AttributeName\":\"sk\",\"KeyType\":\"RANGE\"}],\"GlobalSecondaryIndexes\":["
         "{\"IndexName\":\"other\",\"KeySchema\":["
         "{\"AttributeName\":\"part\",\"KeyType\":\"HASH\"},"
         "{\"AttributeName\":\"due\",\"KeyType\":\"RANGE\"}],"
         "\"Projection\":{\"ProjectionType\":\"KEYS_ONLY\"}}]}",
         "the index due is missing"},
    };
    struct fixture *fixture = *state;
    struct tracker *tracker = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
        const char *remark = NULL;
        const char *name = arena_format(fixture->arena, "table-%zu", i);
        (void)dynalite_call(&fixture->server, fixture->arena, "CreateTable", tables[i].definition);
        assert_int_equal(check_table(fixture, name, &remark), STATUS_REJECTED);
        if (!strstr(fixture->error.text, tables[i].text)) {
            fail_msg("\"%s\" is not in \"%s\"", tables[i].text, fixture->error.text);
        }
    }
    (void)snprintf(fixture->url, sizeof(fixture->url), "dynamodb:table-0");
    assert_int_equal(open_url(fixture, &tracker), STATUS_REJECTED);
    assert_non_null(strstr(fixture->error.text, "other keys"));
}

static void a_server_that_is_away_is_retry_at_open(void **state)
{
    struct fixture *fixture = *state;
    struct tracker *tracker = NULL;

    dynalite_aim(&fixture->server, "http://127.0.0.1:1");
    assert_int_equal(open_url(fixture, &tracker), STATUS_RETRY);
    assert_null(tracker);
}

/* A server that says the same to everything. */
static void assert_answered(struct fixture *fixture, const char *name, enum status at_open,
                            enum status later)
{
    struct http_fixture *server = http_fixture_open();
    struct tracker *tracker = NULL;
    const struct http_fixture_reply refusal = {
        .code = 400,
        .body = arena_format(fixture->arena, "{\"__type\":\"com.amazon.coral#%s\"}", name)};

    dynalite_aim(&fixture->server, http_fixture_url(server));
    http_fixture_reply(server, refusal);
    assert_int_equal(open_url(fixture, &tracker), at_open);
    assert_null(tracker);
    http_fixture_reply(server, (struct http_fixture_reply){
                                   .body = "{\"Responses\":{\"tracking\":[{\"pk\":{\"S\":\"m\"},"
                                           "\"sk\":{\"S\":\"m\"},\"schema\":{\"N\":\"1\"}}]}}"});
    OK(fixture, open_url(fixture, &tracker));
    http_fixture_reply(server, refusal);
    assert_int_equal(tracker_ping(tracker, &fixture->error), later);
    assert_int_equal(fixture->error.status, later);
    assert_non_null(strstr(fixture->error.text, name));
    tracker_close(tracker);
    http_fixture_close(server);
}

static void a_permission_taken_away_is_nobodys_input(void **state)
{
    assert_answered(*state, "AccessDeniedException", STATUS_REJECTED, STATUS_INTERNAL);
}

static void a_table_taken_away_is_nobodys_input(void **state)
{
    assert_answered(*state, "ResourceNotFoundException", STATUS_REJECTED, STATUS_INTERNAL);
}

#define DYNAMODB_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_write_survives_the_death_of_the_server, setup_with_folder,
                                        teardown),
        DYNAMODB_TEST(a_hint_that_leads_nowhere_is_passed_over),
        DYNAMODB_TEST(a_repeat_leaves_no_hints_behind),
        DYNAMODB_TEST(what_settles_loses_its_plan_and_its_open_hints_at_once),
        DYNAMODB_TEST(the_hints_of_a_long_kept_record_live_as_long),
        DYNAMODB_TEST(an_open_record_renews_what_belongs_to_it),
        DYNAMODB_TEST(what_is_over_is_gone_before_it_is_removed),
        DYNAMODB_TEST(an_idle_table_costs_little),
        DYNAMODB_TEST(what_another_process_makes_due_is_found_by_the_next_sweep),
        DYNAMODB_TEST(costs_are_counted),
        DYNAMODB_TEST(a_table_is_made_once_and_then_as_described),
        DYNAMODB_TEST(expiry_is_turned_on_where_it_is_known),
        DYNAMODB_TEST(the_printed_table_is_what_is_made),
        DYNAMODB_TEST(a_table_that_is_missing_is_rejected_with_what_to_do),
        DYNAMODB_TEST(another_table_is_told_by_its_difference),
        DYNAMODB_TEST(a_server_that_is_away_is_retry_at_open),
        DYNAMODB_TEST(a_permission_taken_away_is_nobodys_input),
        DYNAMODB_TEST(a_table_taken_away_is_nobodys_input),
    };

    return cmocka_run_group_tests_name("tracker_dynamodb", tests, NULL, NULL);
}
