#include "invoker/envelope.h"

/* A rule's event may come through a topic, and nothing comes deeper. */
#define ENVELOPES_MAX     2
#define ENVELOPE_ID_BYTES 256

static bool is_event(struct json root)
{
    return json_kind(json_member(root, "detail-type")) == JSON_TEXT &&
           json_kind(json_member(root, "detail")) == JSON_OBJECT;
}

static bool is_notification(struct json root)
{
    return json_kind(json_member(root, "TopicArn")) == JSON_TEXT &&
           json_kind(json_member(root, "Message")) == JSON_TEXT;
}

/* The innermost id is the one that a repeat keeps. */
static void take_id(struct json root, const char *member, struct slice kind,
                    struct plan_identity *identity)
{
    struct slice id = SLICE_NONE;
    if (json_find_text(root, member, ENVELOPE_ID_BYTES, &id, NULL) == STATUS_OK && id.size > 0) {
        *identity = (struct plan_identity){kind, id};
    }
}

MUST_CHECK static enum status open_notification(struct arena *arena, struct json *root,
                                                struct error *error)
{
    struct slice message = SLICE_NONE;
    enum status status = json_get_text(*root, "Message", 0, &message, error);
    if (status == STATUS_OK && json_parse(arena, message, root, error) != STATUS_OK) {
        status = error_wrap(error, "Message");
    }
    return status;
}

enum status envelope_open(struct arena *arena, struct json *root, struct plan_identity *identity,
                          struct error *error)
{
    enum status status = STATUS_OK;
    for (int i = 0; i < ENVELOPES_MAX && status == STATUS_OK; i++) {
        if (is_notification(*root)) {
            take_id(*root, "MessageId", SLICE("sns"), identity);
            status = open_notification(arena, root, error);
        } else if (is_event(*root)) {
            take_id(*root, "id", SLICE("event-bridge"), identity);
            *root = json_member(*root, "detail");
        }
    }
    return status;
}
