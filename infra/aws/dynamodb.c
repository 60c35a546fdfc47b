#include "infra/aws/dynamodb.h"

#include "infra/base/encode.h"
#include "infra/base/json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BODY_MAX_BYTES (24u << 20)
#define NAMES_MAX      24
#define NAME_MAX_BYTES 64
#define UNITS_MAX      1e9

/* ---- Values --------------------------------------------------------------------------------- */

void dynamodb_add_text(struct dynamodb_values *values, const char *name, struct slice text)
{
    size_t at = values->count++;

    values->list[at].name = name;
    values->list[at].kind = DYNAMODB_TEXT;
    values->list[at].bytes = text;
}

void dynamodb_add_number(struct dynamodb_values *values, const char *name, int64_t number)
{
    size_t at = values->count++;

    values->list[at].name = name;
    values->list[at].kind = DYNAMODB_NUMBER;
    values->list[at].number = number;
}

void dynamodb_add_bytes(struct dynamodb_values *values, const char *name, struct slice bytes)
{
    if (bytes.data != NULL) {
        dynamodb_add_text(values, name, bytes);
        values->list[values->count - 1].kind = DYNAMODB_BYTES;
    }
}

/* Numbers are texts on the wire. */
static void write_number(struct json_writer *writer, int64_t number)
{
    char digits[24];

    (void)snprintf(digits, sizeof(digits), "%" PRId64, number);
    json_write_text(writer, "N", slice_from_text(digits));
}

/* Base64 needs no escape: it is written where it belongs. */
static void write_bytes(struct json_writer *writer, struct slice bytes)
{
    json_write_raw(writer, "B", SLICE("\""));
    encode_base64(bytes.data, bytes.size, writer->out);
    buffer_append_byte(writer->out, '"');
}

/* prefix is ":" in the values of an expression. */
static void write_values(struct json_writer *writer, const struct dynamodb_values *values,
                         const char *prefix)
{
    char name[NAME_MAX_BYTES];

    for (size_t i = 0; i < values->count; i++) {
        (void)snprintf(name, sizeof(name), "%s%s", prefix, values->list[i].name);
        json_write_name(writer, slice_from_text(name));
        json_begin_object(writer, NULL);
        switch (values->list[i].kind) {
        case DYNAMODB_TEXT: json_write_text(writer, "S", values->list[i].bytes); break;
        case DYNAMODB_NUMBER: write_number(writer, values->list[i].number); break;
        case DYNAMODB_BYTES: write_bytes(writer, values->list[i].bytes); break;
        }
        json_end_object(writer);
    }
}

static void write_key(struct json_writer *writer, const struct dynamodb_key *key)
{
    struct dynamodb_values values = {.count = 0};

    dynamodb_add_text(&values, "pk", slice_from_text(key->pk));
    dynamodb_add_text(&values, "sk", slice_from_text(key->sk));
    write_values(writer, &values, "");
}

/* ---- Requests ------------------------------------------------------------------------------- */

/* A body under construction; finish copies it into the arena. */
struct request {
    struct buffer body;
    struct json_writer writer;
};

static void begin(struct request *request, const char *table)
{
    buffer_init(&request->body, BODY_MAX_BYTES);
    json_writer_init(&request->writer, &request->body);
    json_begin_object(&request->writer, NULL);
    if (table != NULL) {
        json_write_text(&request->writer, "TableName", slice_from_text(table));
    }
}

static void finish(struct request *request, struct arena *arena, const char *operation,
                   struct aws_call *call)
{
    json_end_object(&request->writer);
    call->service = AWS_DYNAMODB;
    call->operation = operation;
    call->body = arena_copy(arena, buffer_slice(&request->body));
    buffer_wipe(&request->body);
    buffer_clear(&request->body);
}

static void ask_for_cost(struct request *request)
{
    json_write_text(&request->writer, "ReturnConsumedCapacity", SLICE("TOTAL"));
}

struct names {
    struct slice list[NAMES_MAX];
    size_t count;
};

static bool is_known(const struct names *names, struct slice name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (slice_equals(names->list[i], name)) {
            return true;
        }
    }
    return false;
}

/* Every #name of the expression that is not there yet. */
static void collect_names(struct names *names, const char *expression)
{
    const char *at = expression == NULL ? NULL : strchr(expression, '#');

    while (at != NULL) {
        const struct slice name = {at + 1, strspn(at + 1, "abcdefghijklmnopqrstuvwxyz")};
        if (!is_known(names, name) && names->count < NAMES_MAX) {
            names->list[names->count++] = name;
        }
        at = strchr(at + 1, '#');
    }
}

static void write_names(struct json_writer *writer, const char *first, const char *second)
{
    struct names names = {.count = 0};
    char alias[NAME_MAX_BYTES];

    collect_names(&names, first);
    collect_names(&names, second);
    if (names.count == 0) {
        return;
    }
    json_begin_object(writer, "ExpressionAttributeNames");
    for (size_t i = 0; i < names.count; i++) {
        alias[0] = '#';
        memcpy(alias + 1, names.list[i].data, names.list[i].size);
        json_write_name(writer, (struct slice){alias, names.list[i].size + 1});
        json_write_text(writer, NULL, names.list[i]);
    }
    json_end_object(writer);
}

static void write_expression_values(struct json_writer *writer,
                                    const struct dynamodb_values *values)
{
    if (values->count > 0) {
        json_begin_object(writer, "ExpressionAttributeValues");
        write_values(writer, values, ":");
        json_end_object(writer);
    }
}

/* What the three writes have in common, behind the key or the item. */
static void finish_write(struct request *request, struct arena *arena,
                         const struct dynamodb_write *write, const struct dynamodb_values *values,
                         const char *operation, struct aws_call *call)
{
    struct json_writer *writer = &request->writer;

    json_write_text_if(writer, "UpdateExpression", slice_from_text(write->update));
    if (write->condition != NULL) {
        json_write_text(writer, "ConditionExpression", slice_from_text(write->condition));
    }
    if (write->tells_item) {
        json_write_text(writer, "ReturnValuesOnConditionCheckFailure", SLICE("ALL_OLD"));
    }
    json_write_text_if(writer, "ReturnValues", slice_from_text(write->returns));
    write_names(writer, write->update, write->condition);
    write_expression_values(writer, values);
    ask_for_cost(request);
    finish(request, arena, operation, call);
}

void dynamodb_build_put(struct arena *arena, const struct dynamodb_write *write,
                        struct aws_call *call)
{
    struct request request;

    begin(&request, write->table);
    json_begin_object(&request.writer, "Item");
    write_key(&request.writer, &write->key);
    write_values(&request.writer, &write->values, "");
    json_end_object(&request.writer);
    finish_write(&request, arena, write, &write->extra, "PutItem", call);
}

static void build_keyed(struct arena *arena, const struct dynamodb_write *write,
                        const char *operation, struct aws_call *call)
{
    struct request request;

    begin(&request, write->table);
    json_begin_object(&request.writer, "Key");
    write_key(&request.writer, &write->key);
    json_end_object(&request.writer);
    finish_write(&request, arena, write, &write->values, operation, call);
}

void dynamodb_build_update(struct arena *arena, const struct dynamodb_write *write,
                           struct aws_call *call)
{
    build_keyed(arena, write, "UpdateItem", call);
}

void dynamodb_build_delete(struct arena *arena, const struct dynamodb_write *write,
                           struct aws_call *call)
{
    build_keyed(arena, write, "DeleteItem", call);
}

bool dynamodb_condition_failed(const struct aws_call *call)
{
    return call->status == STATUS_REJECTED &&
           strcmp(call->error_name, "ConditionalCheckFailedException") == 0;
}

void dynamodb_build_batch_write(struct arena *arena, const char *table,
                                struct dynamodb_batch_write *const *writes, size_t count,
                                struct aws_call *call)
{
    struct request request;

    begin(&request, NULL);
    json_begin_object(&request.writer, "RequestItems");
    json_begin_array(&request.writer, table);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(&request.writer, NULL);
        json_begin_object(&request.writer, writes[i]->is_delete ? "DeleteRequest" : "PutRequest");
        json_begin_object(&request.writer, writes[i]->is_delete ? "Key" : "Item");
        write_key(&request.writer, &writes[i]->key);
        write_values(&request.writer, &writes[i]->values, "");
        json_end_object(&request.writer);
        json_end_object(&request.writer);
        json_end_object(&request.writer);
    }
    json_end_array(&request.writer);
    json_end_object(&request.writer);
    ask_for_cost(&request);
    finish(&request, arena, "BatchWriteItem", call);
}

void dynamodb_build_batch_get(struct arena *arena, const char *table,
                              struct dynamodb_get *const *gets, size_t count, bool consistent,
                              struct aws_call *call)
{
    struct request request;

    begin(&request, NULL);
    json_begin_object(&request.writer, "RequestItems");
    json_begin_object(&request.writer, table);
    json_begin_array(&request.writer, "Keys");
    for (size_t i = 0; i < count; i++) {
        json_begin_object(&request.writer, NULL);
        write_key(&request.writer, &gets[i]->key);
        json_end_object(&request.writer);
    }
    json_end_array(&request.writer);
    json_write_bool(&request.writer, "ConsistentRead", consistent);
    json_end_object(&request.writer);
    json_end_object(&request.writer);
    ask_for_cost(&request);
    finish(&request, arena, "BatchGetItem", call);
}

void dynamodb_build_query(struct arena *arena, const struct dynamodb_query *query,
                          struct aws_call *call)
{
    struct request request;

    begin(&request, query->table);
    json_write_text_if(&request.writer, "IndexName", slice_from_text(query->index));
    json_write_text(&request.writer, "KeyConditionExpression", slice_from_text(query->condition));
    write_names(&request.writer, query->condition, NULL);
    write_expression_values(&request.writer, &query->values);
    json_write_bool(&request.writer, "ScanIndexForward", !query->descending);
    json_write_bool(&request.writer, "ConsistentRead", query->consistent);
    if (query->limit > 0) {
        json_write_int64(&request.writer, "Limit", (int64_t)query->limit);
    }
    if (query->start_from.data != NULL) {
        json_write_raw(&request.writer, "ExclusiveStartKey", query->start_from);
    }
    ask_for_cost(&request);
    finish(&request, arena, "Query", call);
}

void dynamodb_build_describe(struct arena *arena, const char *operation, const char *table,
                             struct aws_call *call)
{
    struct request request;

    begin(&request, table);
    finish(&request, arena, operation, call);
}

void dynamodb_build_define(struct arena *arena, const char *operation, const char *table,
                           struct slice definition, struct aws_call *call)
{
    struct request request;
    struct slice members = slice_trim(definition);

    begin(&request, table);
    /* Without the braces. */
    members = slice_part(members, 1, members.size - 2);
    buffer_append_byte(&request.body, ',');
    buffer_append(&request.body, members);
    finish(&request, arena, operation, call);
}

/* ---- Answers -------------------------------------------------------------------------------- */

enum status dynamodb_read(struct arena *arena, const struct aws_call *call, struct json *root,
                          struct error *error)
{
    const struct slice reply = call->reply.size > 0 ? call->reply : SLICE("{}");

    if (json_parse(arena, reply, root, NULL) != STATUS_OK || json_kind(*root) != JSON_OBJECT) {
        return error_set(error, STATUS_INTERNAL, "dynamodb.%s: the answer is no JSON object",
                         call->operation);
    }
    return STATUS_OK;
}

struct json dynamodb_read_write(struct json root)
{
    const struct json attributes = json_member(root, "Attributes");

    return json_exists(attributes) ? attributes : json_member(root, "Item");
}

struct slice dynamodb_text(struct json item, const char *name)
{
    struct slice text = SLICE_NONE;

    return json_find_text(json_member(item, name), "S", 0, &text, NULL) == STATUS_OK ? text
                                                                                     : SLICE_NONE;
}

int64_t dynamodb_number(struct json item, const char *name, int64_t absent)
{
    struct slice digits = SLICE_NONE;
    int64_t number = 0;

    if (json_find_text(json_member(item, name), "N", 0, &digits, NULL) != STATUS_OK ||
        slice_to_int64(digits, INT64_MIN, INT64_MAX, &number, NULL) != STATUS_OK) {
        return absent;
    }
    return number;
}

struct slice dynamodb_bytes(struct arena *arena, struct json item, const char *name)
{
    CLEANUP(buffer_clear) struct buffer bytes;
    struct slice text = SLICE_NONE;
    struct slice copy = SLICE_NONE;

    buffer_init(&bytes, BODY_MAX_BYTES);
    if (json_find_text(json_member(item, name), "B", 0, &text, NULL) == STATUS_OK &&
        text.data != NULL && decode_base64(text, &bytes, NULL) == STATUS_OK) {
        copy = arena_copy(arena, buffer_slice(&bytes));
        buffer_wipe(&bytes);
    }
    return copy;
}

static bool same_key(const struct dynamodb_key *key, struct json item)
{
    return slice_equals_text(dynamodb_text(item, "pk"), key->pk) &&
           slice_equals_text(dynamodb_text(item, "sk"), key->sk);
}

static struct dynamodb_get *find_get(struct dynamodb_get *const *gets, size_t count,
                                     struct json item)
{
    for (size_t i = 0; i < count; i++) {
        if (same_key(&gets[i]->key, item)) {
            return gets[i];
        }
    }
    return NULL;
}

void dynamodb_read_batch_get(struct json root, const char *table, struct dynamodb_get *const *gets,
                             size_t count)
{
    struct json item = json_element(json_member(json_member(root, "Responses"), table), 0);
    struct dynamodb_get *get = NULL;

    for (size_t i = 0; i < count; i++) {
        gets[i]->item = (struct json){NULL, NULL};
        gets[i]->done = true;
    }
    for (; json_kind(item) != JSON_ABSENT; item = json_next(item)) {
        get = find_get(gets, count, item);
        if (get != NULL) {
            get->item = item;
        }
    }
    item = json_member(json_member(json_member(root, "UnprocessedKeys"), table), "Keys");
    for (item = json_element(item, 0); json_kind(item) != JSON_ABSENT; item = json_next(item)) {
        get = find_get(gets, count, item);
        if (get != NULL) {
            get->done = false;
        }
    }
}

/* The key of one entry of UnprocessedItems. */
static struct json undone_key(struct json request)
{
    const struct json deletion = json_member(request, "DeleteRequest");

    return json_exists(deletion) ? json_member(deletion, "Key")
                                 : json_member(json_member(request, "PutRequest"), "Item");
}

static void leave_undone(struct dynamodb_batch_write *const *writes, size_t count, struct json key)
{
    for (size_t i = 0; i < count; i++) {
        if (same_key(&writes[i]->key, key)) {
            writes[i]->done = false;
        }
    }
}

void dynamodb_read_batch_write(struct json root, const char *table,
                               struct dynamodb_batch_write *const *writes, size_t count)
{
    struct json request =
        json_element(json_member(json_member(root, "UnprocessedItems"), table), 0);

    for (size_t i = 0; i < count; i++) {
        writes[i]->done = true;
    }
    for (; json_kind(request) != JSON_ABSENT; request = json_next(request)) {
        leave_undone(writes, count, undone_key(request));
    }
}

struct dynamodb_page dynamodb_read_query(struct arena *arena, struct json root)
{
    const struct json items = json_member(root, "Items");
    const struct json next = json_member(root, "LastEvaluatedKey");
    struct dynamodb_page page = {.first = json_element(items, 0)};

    /* Of what is no array there is no first one either. */
    page.count = json_kind(items) == JSON_ARRAY ? json_count(items) : 0;
    if (json_kind(next) == JSON_OBJECT) {
        CLEANUP(buffer_clear) struct buffer text;
        buffer_init(&text, BODY_MAX_BYTES);
        json_print(next, &text);
        page.next = arena_copy(arena, buffer_slice(&text));
    }
    return page;
}

static int64_t units_of(struct json capacity)
{
    double units = 0;

    if (json_find_double(capacity, "CapacityUnits", &units, NULL) != STATUS_OK ||
        !(units >= 0 && units < UNITS_MAX)) {
        return 0;
    }
    return (int64_t)llround(units * 1000);
}

int64_t dynamodb_consumed_milli(struct json root)
{
    const struct json capacity = json_member(root, "ConsumedCapacity");
    int64_t milli = units_of(capacity);

    /* Of a batch: one for each table. */
    for (struct json one = json_element(capacity, 0); json_kind(one) != JSON_ABSENT;
         one = json_next(one)) {
        milli += units_of(one);
    }
    return milli;
}
