#include "tracker/tracker_dynamodb_table.h"

#include "infra/aws/dynamodb.h"
#include "infra/base/json_writer.h"

#include <string.h>

#define PAUSE_MS     20 /* doubles */
#define PAUSE_MAX_MS 2000
#define WAIT_MAX_MS  120000

/* The table, without its name: CreateTable's own words. Attributes that are no keys need no
 * definition. */
static const char definition[] = "{\"BillingMode\":\"PAY_PER_REQUEST\","
                                 "\"AttributeDefinitions\":["
                                 "{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"},"
                                 "{\"AttributeName\":\"sk\",\"AttributeType\":\"S\"},"
                                 "{\"AttributeName\":\"part\",\"AttributeType\":\"S\"},"
                                 "{\"AttributeName\":\"due\",\"AttributeType\":\"N\"}],"
                                 "\"KeySchema\":["
                                 "{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},"
                                 "{\"AttributeName\":\"sk\",\"KeyType\":\"RANGE\"}],"
                                 "\"GlobalSecondaryIndexes\":["
                                 "{\"IndexName\":\"due\",\"KeySchema\":["
                                 "{\"AttributeName\":\"part\",\"KeyType\":\"HASH\"},"
                                 "{\"AttributeName\":\"due\",\"KeyType\":\"RANGE\"}],"
                                 "\"Projection\":{\"ProjectionType\":\"KEYS_ONLY\"}}]}";

static const char expiry[] = "{\"TimeToLiveSpecification\":"
                             "{\"AttributeName\":\"ttl\",\"Enabled\":true}}";

const char *tracker_dynamodb_table_name(const char *url)
{
    static const char scheme[] = "dynamodb:";

    return url && strncmp(url, scheme, sizeof(scheme) - 1) == 0 ? url + sizeof(scheme) - 1 : NULL;
}

/* Members of a JSON object, without its braces. */
static struct slice members_of(const char *object)
{
    const struct slice text = slice_from_text(object);

    return slice_part(text, 1, text.size - 2);
}

void tracker_dynamodb_table_print(const char *table, struct buffer *out)
{
    struct json_writer writer;

    json_writer_init(&writer, out);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "TableName", slice_from_text(table));
    buffer_append_byte(out, ',');
    buffer_append(out, members_of(definition));
    buffer_append_byte(out, ',');
    buffer_append(out, members_of(expiry));
    json_end_object(&writer);
}

/* ---- Asking --------------------------------------------------------------------------------- */

/* Sends the call; *root is its answer. */
MUST_CHECK static enum status ask(struct aws_client *aws, struct arena *arena,
                                  struct aws_call *call, struct json *root, struct error *error)
{
    aws_send_all(aws, call, 1);
    if (call->status != STATUS_OK) {
        return aws_call_error(call, error);
    }
    return dynamodb_read(arena, call, root, error);
}

MUST_CHECK static enum status describe(struct aws_client *aws, struct arena *arena,
                                       const char *table, struct json *description,
                                       struct error *error)
{
    struct aws_call call = {0};
    struct json root = {NULL, NULL};
    enum status status = STATUS_OK;

    dynamodb_build_describe(arena, "DescribeTable", table, &call);
    status = ask(aws, arena, &call, &root, error);
    *description = status == STATUS_OK ? json_member(root, "Table") : (struct json){NULL, NULL};
    return status;
}

static struct slice text_of(struct json object, const char *name)
{
    struct slice text = SLICE_NONE;

    return json_find_text(object, name, 0, &text, NULL) == STATUS_OK ? text : SLICE_NONE;
}

/* ---- Checking ------------------------------------------------------------------------------- */

static struct json named(struct json list, const char *member, struct slice name)
{
    struct json item = json_element(list, 0);

    while (json_kind(item) != JSON_ABSENT && !slice_equals(text_of(item, member), name)) {
        item = json_next(item);
    }
    return item;
}

/* Every key of the description, in its order and role, is the table's. */
static bool same_keys(struct json should, struct json is)
{
    struct json key = json_element(json_member(should, "KeySchema"), 0);
    struct json other = json_element(json_member(is, "KeySchema"), 0);

    while (json_kind(key) != JSON_ABSENT &&
           slice_equals(text_of(key, "AttributeName"), text_of(other, "AttributeName")) &&
           slice_equals(text_of(key, "KeyType"), text_of(other, "KeyType"))) {
        key = json_next(key);
        other = json_next(other);
    }
    return json_kind(key) == JSON_ABSENT && json_kind(other) == JSON_ABSENT;
}

MUST_CHECK static enum status check_attributes(struct json should, struct json is,
                                               struct error *error)
{
    struct json attribute = json_element(json_member(should, "AttributeDefinitions"), 0);

    for (; json_kind(attribute) != JSON_ABSENT; attribute = json_next(attribute)) {
        const struct slice name = text_of(attribute, "AttributeName");
        const struct json found =
            named(json_member(is, "AttributeDefinitions"), "AttributeName", name);
        if (!slice_equals(text_of(found, "AttributeType"), text_of(attribute, "AttributeType"))) {
            return error_set(error, STATUS_REJECTED, "the key attribute %.*s must be of type %.*s",
                             SLICE_PRINT(name), SLICE_PRINT(text_of(attribute, "AttributeType")));
        }
    }
    return STATUS_OK;
}

MUST_CHECK static enum status check_index(struct json index, struct json is, struct error *error)
{
    const struct slice name = text_of(index, "IndexName");
    const struct json found = named(json_member(is, "GlobalSecondaryIndexes"), "IndexName", name);
    const struct slice status = text_of(found, "IndexStatus");

    if (json_kind(found) == JSON_ABSENT) {
        return error_set(error, STATUS_REJECTED, "the index %.*s is missing", SLICE_PRINT(name));
    }
    if (!same_keys(index, found)) {
        return error_set(error, STATUS_REJECTED, "the index %.*s has other keys",
                         SLICE_PRINT(name));
    }
    if (status.data && !slice_equals_text(status, "ACTIVE")) {
        return error_set(error, STATUS_REJECTED, "the index %.*s is %.*s", SLICE_PRINT(name),
                         SLICE_PRINT(status));
    }
    return STATUS_OK;
}

MUST_CHECK static enum status check_indexes(struct json should, struct json is, struct error *error)
{
    struct json index = json_element(json_member(should, "GlobalSecondaryIndexes"), 0);
    enum status status = STATUS_OK;

    for (; status == STATUS_OK && json_kind(index) != JSON_ABSENT; index = json_next(index)) {
        status = check_index(index, is, error);
    }
    return status;
}

/* What is weaker: no expiry, capacity that somebody has to provide. */
static const char *find_weakness(struct aws_client *aws, struct arena *arena, const char *table,
                                 struct json description)
{
    const struct slice mode =
        text_of(json_member(description, "BillingModeSummary"), "BillingMode");
    struct aws_call call = {0};
    struct json root = {NULL, NULL};
    struct json ttl;

    dynamodb_build_describe(arena, "DescribeTimeToLive", table, &call);
    if (ask(aws, arena, &call, &root, NULL) != STATUS_OK) {
        return "whether it expires by `ttl` cannot be asked (dynamodb:DescribeTimeToLive)";
    }
    ttl = json_member(root, "TimeToLiveDescription");
    if (!slice_starts_with(text_of(ttl, "TimeToLiveStatus"), SLICE("ENABL")) ||
        !slice_equals_text(text_of(ttl, "AttributeName"), "ttl")) {
        return "expiry by `ttl` is off: what is over stays and costs storage";
    }
    return mode.data && !slice_equals_text(mode, "PAY_PER_REQUEST")
               ? "provisioned capacity: too little of it holds everything up"
               : NULL;
}

enum status tracker_dynamodb_table_check(struct aws_client *aws, struct arena *arena,
                                         const char *table, const char **remark,
                                         struct error *error)
{
    struct json should = {NULL, NULL};
    struct json is;
    enum status status = describe(aws, arena, table, &is, error);

    *remark = NULL;
    if (status == STATUS_OK) {
        status = json_parse(arena, slice_from_text(definition), &should, error);
    }
    if (status == STATUS_OK && !same_keys(should, is)) {
        status = error_set(error, STATUS_REJECTED, "the table has other keys than pk and sk");
    }
    if (status == STATUS_OK) {
        status = check_attributes(should, is, error);
    }
    if (status == STATUS_OK) {
        status = check_indexes(should, is, error);
    }
    if (status != STATUS_OK) {
        return error_wrap(error, "table %s", table);
    }
    *remark = find_weakness(aws, arena, table, is);
    return STATUS_OK;
}

/* ---- Making --------------------------------------------------------------------------------- */

MUST_CHECK static enum status wait_until_active(struct aws_client *aws, const struct clock *clock,
                                                const char *table, struct error *error)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new((size_t)1 << 20);
    const int64_t until_ms = clock_monotonic_ms(clock) + WAIT_MAX_MS;
    int64_t pause_ms = PAUSE_MS;
    struct json description;

    while (clock_monotonic_ms(clock) < until_ms) {
        enum status status = STATUS_OK;
        arena_reset(arena);
        aws_reset(aws);
        status = describe(aws, arena, table, &description, error);
        /* Just after CreateTable it may not be seen yet. */
        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            return status;
        }
        if (slice_equals_text(text_of(description, "TableStatus"), "ACTIVE")) {
            return STATUS_OK;
        }
        clock_sleep_ms(clock, pause_ms);
        pause_ms = 2 * pause_ms < PAUSE_MAX_MS ? 2 * pause_ms : PAUSE_MAX_MS;
    }
    return error_set(error, STATUS_RETRY, "dynamodb: the table %s is not active yet", table);
}

/* Some stand-ins know no expiry; the table serves without it, but grows. */
MUST_CHECK static enum status turn_expiry_on(struct aws_client *aws, const char *table,
                                             struct error *error)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new((size_t)1 << 20);
    struct aws_call call = {0};
    struct json root;
    enum status status = STATUS_OK;

    dynamodb_build_define(arena, "UpdateTimeToLive", table, slice_from_text(expiry), &call);
    status = ask(aws, arena, &call, &root, error);
    if (strcmp(call.error_name, "UnknownOperationException") == 0 ||
        (strcmp(call.error_name, "ValidationException") == 0 &&
         strstr(call.error_message, "already enabled") != NULL)) {
        return STATUS_OK;
    }
    return status;
}

enum status tracker_dynamodb_table_create(struct aws_client *aws, const struct clock *clock,
                                          const char *table, bool *created, struct error *error)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new((size_t)1 << 20);
    struct aws_call call = {0};
    struct json root = {NULL, NULL};
    const char *remark = NULL;
    enum status status = STATUS_OK;

    dynamodb_build_define(arena, "CreateTable", table, slice_from_text(definition), &call);
    status = ask(aws, arena, &call, &root, error);
    *created = status == STATUS_OK;
    if (strcmp(call.error_name, "ResourceInUseException") == 0) {
        status = STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = wait_until_active(aws, clock, table, error);
    }
    /* Another's table is left as it is. */
    if (status == STATUS_OK) {
        status = tracker_dynamodb_table_check(aws, arena, table, &remark, error);
    }
    return status == STATUS_OK ? turn_expiry_on(aws, table, error) : status;
}
