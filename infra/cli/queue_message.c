#include "infra/cli/queue_message.h"

#include "completer/event.h"

#include <string.h>

/* The last part before `end`, behind a separator of URLs or of ARNs. */
static struct slice part_before(struct slice text, size_t end)
{
    size_t start = end;
    while (start > 0 && strchr("/:", text.data[start - 1]) == NULL) {
        start--;
    }
    return slice_part(text, start, end - start);
}

struct slice queue_name(struct slice queue)
{
    return part_before(queue, queue.size);
}

struct slice queue_message_source(struct arena *arena, struct slice queue, struct slice message_id,
                                  struct slice original)
{
    const struct slice name = queue_name(queue);
    if (original.size > 0) {
        return original;
    }
    const struct slice account =
        queue.size > name.size ? part_before(queue, queue.size - name.size - 1) : SLICE("");
    return slice_from_text(arena_format(arena, "%.*s/%.*s/%.*s", SLICE_PRINT(account),
                                        SLICE_PRINT(name), SLICE_PRINT(message_id)));
}

static bool is_of(struct slice name, const char *queue_url)
{
    return name.size > 0 && queue_url != NULL &&
           slice_equals(name, queue_name(slice_from_text(queue_url)));
}

bool queue_message_is_event(const struct service *service, struct arena *arena, struct slice name,
                            struct slice body)
{
    struct json root;
    if (is_of(name, service->config.event_queue_url)) {
        return true;
    }
    if (is_of(name, service->config.request_queue_url)) {
        return false;
    }
    return json_parse(arena, body, &root, NULL) == STATUS_OK && event_is_status(root);
}
