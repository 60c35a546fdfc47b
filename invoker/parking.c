#include "invoker/parking.h"

#include "infra/base/encode.h"
#include "infra/base/log.h"
#include "infra/base/metrics.h"

/* What sealing adds at most. */
#define SEALING_MAX_BYTES 512

bool park_message(struct dispatch *dispatch, const struct parking *parking)
{
    struct error error = ERROR_NONE;
    char digest[SHA256_HEX_BYTES + 1];
    digest_sha256_hex(parking->body, digest);
    struct tracker_parked parked = {
        .first_seen_ms = parking->first_seen_ms > 0 ? parking->first_seen_ms : dispatch->now_ms,
        .expires_at_ms = dispatch->now_ms + PARKED_KEEP_MS,
        .source = parking->source,
        .reason = arena_copy(dispatch->arena, slice_from_text(parking->reason)),
        .digest = slice_from_text(digest),
    };
    invocation_id(SLICE("parked"), parking->body, parked.id);
    enum status status = record_seal_field(
        dispatch->seal, dispatch->arena, (struct record_field){parked.id, "parked"},
        slice_part(parking->body, 0, TRACKER_PARKED_MAX_BYTES - SEALING_MAX_BYTES), &parked.body,
        &error);
    if (status == STATUS_OK) {
        status = tracker_park(dispatch->tracker, &parked, 1, &error);
    }
    if (status != STATUS_OK) {
        log_warning("message not parked", LOG_CSTR("problem", error.text));
        return false;
    }
    metrics_add(METRIC_EVENTS_PARKED, 1);
    log_warning("message parked", LOG_CSTR("parkedId", parked.id),
                LOG_TEXT("source", parking->source), LOG_CSTR("reason", parking->reason),
                LOG_CSTR("sha256", digest));
    return true;
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
