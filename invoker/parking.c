#include "invoker/parking.h"

#include "infra/base/encode.h"
#include "infra/base/log.h"
#include "infra/base/metrics.h"

#include <string.h>

/* What sealing adds at most. */
#define SEALING_MAX_BYTES 512

void parkings_add(struct dispatch *dispatch, struct parkings *parkings,
                  const struct parking *parking)
{
    struct parking *added = &parkings->list[parkings->count++];
    *added = *parking;
    added->reason = arena_text(dispatch->arena, slice_from_text(parking->reason));
    *added->parked = false;
    *added->acknowledge = false;
}

MUST_CHECK static enum status seal_parked(struct dispatch *dispatch, const struct parking *parking,
                                          struct tracker_parked *message, struct error *error)
{
    char *digest = arena_alloc(dispatch->arena, SHA256_HEX_BYTES + 1);
    digest_sha256_hex(parking->body, digest);
    *message = (struct tracker_parked){
        .first_seen_ms = parking->first_seen_ms > 0 ? parking->first_seen_ms : dispatch->now_ms,
        .expires_at_ms = dispatch->now_ms + PARKED_KEEP_MS,
        .source = parking->source,
        .reason = slice_from_text(parking->reason),
        .digest = slice_from_text(digest),
    };
    const char *which =
        arena_format(dispatch->arena, "%.*s %s", SLICE_PRINT(parking->source), digest);
    invocation_id(SLICE("parked"), slice_from_text(which), message->id);
    return record_seal_field(
        dispatch->seal, dispatch->arena, (struct record_field){message->id, "parked"},
        slice_part(parking->body, 0, TRACKER_PARKED_MAX_BYTES - SEALING_MAX_BYTES), &message->body,
        error);
}

void parkings_write(struct dispatch *dispatch, const struct parkings *parkings)
{
    struct error error = ERROR_NONE;
    struct tracker_parked *messages =
        ARENA_ARRAY(dispatch->arena, parkings->count, struct tracker_parked);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < parkings->count && status == STATUS_OK; i++) {
        status = seal_parked(dispatch, &parkings->list[i], &messages[i], &error);
    }
    if (status == STATUS_OK) {
        status = tracker_park(dispatch->tracker, messages, parkings->count, &error);
    }
    if (status != STATUS_OK) {
        log_warning("messages not parked", LOG_INT("count", (int64_t)parkings->count),
                    LOG_CSTR("problem", error.text));
        return;
    }
    for (size_t i = 0; i < parkings->count; i++) {
        const struct parking *parking = &parkings->list[i];
        *parking->parked = true;
        *parking->acknowledge = true;
        log_warning("message parked", LOG_CSTR("parkedId", messages[i].id),
                    LOG_TEXT("source", parking->source), LOG_CSTR("reason", parking->reason),
                    LOG_TEXT("sha256", messages[i].digest));
    }
    metrics_add(METRIC_EVENTS_PARKED, parkings->count);
}

void dispatch_trouble(struct dispatch *dispatch, const struct error *problem)
{
    if (problem != NULL && !dispatch->troubled) {
        log_warning("batches are given back", LOG_CSTR("problem", problem->text));
    } else if (problem == NULL && dispatch->troubled) {
        log_info("batches are handled again", LOG_CSTR("owner", dispatch->owner));
    }
    dispatch->troubled = problem != NULL;
}
