/* Who is told: replyTo and notify. The addresses of a request that is refused are read here too. */
#include "invoker/request.h"

#include "infra/aws/arn.h"
#include "infra/aws/step_functions.h"

#define ADDRESS_MAX_BYTES  2048
#define BUS_NAME_MAX_BYTES 256
#define NOTIFY_MAX         (INVOCATION_ADDRESSES_MAX - 1)

static bool queue_url_valid(struct slice url)
{
    return slice_starts_with(url, SLICE("https://")) || slice_starts_with(url, SLICE("http://"));
}

static bool arn_of(struct slice text, const char *service, struct arn *arn)
{
    return arn_parse(text, arn) && slice_equals_text(arn->service, service) &&
           arn->region.size > 0 && arn->account.size > 0;
}

static bool name_valid(struct slice name, const char *others)
{
    for (size_t i = 0; i < name.size; i++) {
        const char c = name.data[i];
        const bool plain =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!plain && slice_find_byte(slice_from_text(others), c) >= slice_from_text(others).size) {
            return false;
        }
    }
    return name.size > 0 && name.size <= BUS_NAME_MAX_BYTES;
}

static bool topic_valid(struct slice text)
{
    struct arn arn;
    return arn_of(text, "sns", &arn) && name_valid(arn.resource, "_-.");
}

/* A name, or arn:aws:events:<region>:<account>:event-bus/<name>. */
static bool bus_valid(struct slice text)
{
    static const struct slice kind = {"event-bus/", 10};
    struct arn arn;
    if (!slice_starts_with(text, SLICE("arn:"))) {
        return name_valid(text, "_-./");
    }
    return arn_of(text, "events", &arn) && slice_starts_with(arn.resource, kind) &&
           name_valid(slice_part(arn.resource, kind.size, arn.resource.size), "_-./");
}

static const struct {
    const char *member;
    enum address_kind kind;
    bool (*valid)(struct slice text);
    const char *rule;
} kinds[] = {
    {"queueUrl", ADDRESS_QUEUE, queue_url_valid, "must be a queue's URL"},
    {"topicArn", ADDRESS_TOPIC, topic_valid, "must be a topic's ARN"},
    {"eventBusName", ADDRESS_BUS, bus_valid, "must be the name or the ARN of an event bus"},
};

/* One address: an object with exactly one of the members above. */
MUST_CHECK static enum status read_address(struct json value, struct address *address,
                                           struct error *error)
{
    const char *names[ARRAY_COUNT(kinds)];
    struct slice targets[ARRAY_COUNT(kinds)];
    size_t given = 0;
    size_t which = 0;
    if (json_kind(value) != JSON_OBJECT) {
        return json_reject(value, error,
                           "must be an object with queueUrl, topicArn or eventBusName");
    }
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        names[i] = kinds[i].member;
    }
    enum status status = json_only_members(value, names, ARRAY_COUNT(names), error);
    for (size_t i = 0; i < ARRAY_COUNT(kinds) && status == STATUS_OK; i++) {
        targets[i] = SLICE_NONE;
        status = json_find_text(value, names[i], ADDRESS_MAX_BYTES, &targets[i], error);
        which = targets[i].data != NULL ? i : which;
        given += targets[i].data != NULL;
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (given != 1) {
        return json_reject(value, error,
                           "exactly one of queueUrl, topicArn and eventBusName is needed");
    }
    if (!kinds[which].valid(targets[which])) {
        return json_reject(json_member(value, names[which]), error, "%s", kinds[which].rule);
    }
    address_init(address, kinds[which].kind, targets[which]);
    return STATUS_OK;
}

enum status request_read_reply_to(struct json root, struct address *reply_to, struct error *error)
{
    struct json value = {0};
    enum status status = json_find_object(root, "replyTo", &value, error);
    return status == STATUS_OK && json_exists(value) ? read_address(value, reply_to, error)
                                                     : status;
}

/* A member of notify: one address, or a list of them. */
MUST_CHECK static enum status read_told(struct json value, enum address_when when,
                                        struct request_notify *notify, struct error *error)
{
    const bool list = json_kind(value) == JSON_ARRAY;
    const size_t count = list ? json_count(value) : 1;
    struct json item = list ? json_element(value, 0) : value;
    enum status status = STATUS_OK;
    if (count < 1 || notify->count + count > NOTIFY_MAX) {
        return json_reject(value, error, "must hold 1 to %d addresses, those of notify together",
                           NOTIFY_MAX);
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct address *address = &notify->addresses[notify->count++];
        status = read_address(item, address, error);
        address->when = when;
        item = list ? json_next(item) : item;
    }
    return status;
}

enum status request_read_notify(struct arena *arena, struct json root,
                                struct request_notify *notify, struct error *error)
{
    static const struct {
        const char *member;
        enum address_when when;
    } members[] = {{"onSuccess", ADDRESS_ON_SUCCESS}, {"onFailure", ADDRESS_ON_FAILURE}};
    static const char *const names[] = {"onSuccess", "onFailure"};
    struct json value = {0};
    enum status status = json_find_object(root, "notify", &value, error);
    if (status != STATUS_OK || !json_exists(value)) {
        return status;
    }
    notify->addresses = ARENA_ARRAY(arena, NOTIFY_MAX, struct address);
    status = json_only_members(value, names, ARRAY_COUNT(names), error);
    for (size_t i = 0; i < ARRAY_COUNT(members) && status == STATUS_OK; i++) {
        struct json told = json_member(value, members[i].member);
        if (json_exists(told)) {
            status = read_told(told, members[i].when, notify, error);
        }
    }
    if (status == STATUS_OK && notify->count == 0) {
        status = json_reject(value, error, "onSuccess or onFailure is needed");
    }
    return status;
}

void request_find_addresses(struct arena *arena, struct json root,
                            struct request_addresses *addresses)
{
    struct slice token = SLICE_NONE;
    if (json_find_text(root, "taskToken", STEP_FUNCTIONS_TOKEN_MAX_BYTES, &token, NULL) ==
            STATUS_OK &&
        token.size > 0) {
        addresses->task_token = token;
    }
    if (request_read_reply_to(root, &addresses->reply_to, NULL) != STATUS_OK) {
        addresses->reply_to = (struct address){.kind = ADDRESS_NONE};
    }
    if (request_read_notify(arena, root, &addresses->notify, NULL) != STATUS_OK) {
        addresses->notify = (struct request_notify){0};
    }
}
