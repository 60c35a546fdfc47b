/*
 * A record in hand: plan, state and the version they were read at. Sealing happens here, so that
 * backends see only blobs and the rest of the program only plain structs.
 */
#ifndef RINGBACK_TRACKER_RECORD_H
#define RINGBACK_TRACKER_RECORD_H

#include "tracker/invocation.h"
#include "tracker/tracker.h"

#include "infra/base/random.h"
#include "infra/base/seal.h"

struct record_seal {
    const struct seal_keys *keys;
    const struct random *random;
};

struct record {
    struct plan plan; /* without SQL and targets once settled, hardly anything as a tombstone */
    struct state state;
    int64_t version;
    int64_t due_at_ms;
    int64_t created_at_ms;
    struct slice group;
};

/* From the store to plain structs. NOT_FOUND: sealed by a key that is not here; INTERNAL: damaged.
 */
MUST_CHECK enum status record_open(const struct record_seal *seal, struct arena *arena,
                                   const struct tracker_record *stored, struct record *record,
                                   struct error *error);
/* The other way, for tracker_register: everything but the version. REJECTED when the sealed plan is
 * over TRACKER_BLOB_MAX_BYTES. */
MUST_CHECK enum status record_close(const struct record_seal *seal, struct arena *arena,
                                    const struct record *record, const char *owner,
                                    struct tracker_record *stored, struct error *error);
/* For tracker_update: the state, and the plan too when update->replace_plan is set (scrubbed at
 * settling). The rest of *update is filled in. */
MUST_CHECK enum status record_close_update(const struct record_seal *seal, struct arena *arena,
                                           const struct record *record, const char *owner,
                                           struct tracker_update *update, struct error *error);
/* What a blob belongs to: it cannot be opened as another record's or as another field. */
struct record_field {
    const char *id;
    const char *name; /* "plan", "state", "reply", "parked" */
};

/* Sealing of single fields. */
MUST_CHECK enum status record_seal_field(const struct record_seal *seal, struct arena *arena,
                                         struct record_field field, struct slice plain,
                                         struct slice *sealed, struct error *error);
MUST_CHECK enum status record_open_field(const struct record_seal *seal, struct arena *arena,
                                         struct record_field field, struct slice sealed,
                                         struct slice *plain, struct error *error);

#endif
