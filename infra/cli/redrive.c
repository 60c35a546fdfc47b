#include "infra/cli/redrive.h"

#include "completer/completer.h"
#include "invoker/invoker.h"

#include "infra/cli/queue_message.h"

/* "queue:<name>"; absent of what came by another way. */
static struct slice source_queue(struct slice source)
{
    const struct slice prefix = SLICE("queue:");
    return slice_starts_with(source, prefix) ? slice_part(source, prefix.size, source.size)
                                             : SLICE_NONE;
}

static enum redriven verdict(bool parked, bool acknowledged)
{
    return parked ? REDRIVEN_PARKED : acknowledged ? REDRIVEN_TAKEN : REDRIVEN_AWAY;
}

static enum redriven redrive_event(struct worker *worker, const struct redrive_message *message)
{
    struct event_item event = {
        .body = message->body, .source = message->source, .first_seen_ms = message->first_seen_ms};
    completer_handle(worker->dispatch, &worker->service->settings, &event, 1);
    return verdict(event.parked, event.acknowledge);
}

static enum redriven redrive_request(struct worker *worker, const struct redrive_message *message)
{
    struct invoker invoker = {worker->dispatch, &worker->service->settings};
    struct invoker_item request = {
        .body = message->body,
        .channel = CHANNEL_ASYNCHRONOUS,
        .identity = message->identity,
        .source = message->source,
        .first_seen_ms = message->first_seen_ms,
    };
    invoker_handle(&invoker, &request, 1);
    return verdict(request.parked, request.acknowledge);
}

enum redriven redrive(struct worker *worker, struct arena *arena,
                      const struct redrive_message *message)
{
    return queue_message_is_event(worker->service, arena, source_queue(message->source),
                                  message->body)
               ? redrive_event(worker, message)
               : redrive_request(worker, message);
}
