#include "tracker/record.h"

#include "tracker/lifecycle.h"
#include "tracker/record_pack.h"

#include "infra/base/buffer.h"

#include <string.h>

#define STATE_MAX_BYTES (256u * 1024)
#define PLAN_MAX_BYTES  (2 * TRACKER_BLOB_MAX_BYTES)

enum status record_seal_field(const struct record_seal *seal, struct arena *arena,
                              struct record_field field, struct slice plain, struct slice *sealed,
                              struct error *error)
{
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, plain.size + 512);
    enum status status = seal_close(seal->keys, seal->random, slice_from_text(field.id),
                                    slice_from_text(field.name), plain, &out, error);
    if (status == STATUS_OK) {
        *sealed = arena_copy(arena, buffer_slice(&out));
    }
    return status;
}

enum status record_open_field(const struct record_seal *seal, struct arena *arena,
                              struct record_field field, struct slice sealed, struct slice *plain,
                              struct error *error)
{
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, sealed.size);
    enum status status = seal_open(seal->keys, slice_from_text(field.id),
                                   slice_from_text(field.name), sealed, &out, error);
    if (status == STATUS_OK) {
        *plain = arena_copy(arena, buffer_slice(&out));
    }
    buffer_wipe(&out);
    if (status == STATUS_REJECTED) {
        return error_set(error, STATUS_INTERNAL, "%s: %s is damaged", field.id, field.name);
    }
    return status == STATUS_OK ? status : error_wrap(error, "%s: %s", field.id, field.name);
}

/* Plans and states are packed where they are sealed; else a person can read them in the store. */
MUST_CHECK static enum status close_field(const struct record_seal *seal, struct arena *arena,
                                          struct record_field field, struct slice plain,
                                          struct slice *sealed, struct error *error)
{
    CLEANUP(buffer_clear) struct buffer packed;
    enum status status = STATUS_OK;

    buffer_init(&packed, RECORD_PACKED_MAX_BYTES(plain.size));
    if (!seal_keys_active(seal->keys)) {
        return record_seal_field(seal, arena, field, plain, sealed, error);
    }
    record_pack(plain, &packed);
    status = record_seal_field(seal, arena, field, buffer_slice(&packed), sealed, error);
    buffer_wipe(&packed);
    return status;
}

MUST_CHECK static enum status open_field(const struct record_seal *seal, struct arena *arena,
                                         struct record_field field, struct slice sealed,
                                         struct slice *plain, struct error *error)
{
    CLEANUP(buffer_clear) struct buffer out;
    enum status status = record_open_field(seal, arena, field, sealed, plain, error);

    buffer_init(&out, PLAN_MAX_BYTES);
    if (status != STATUS_OK || !record_is_packed(*plain)) {
        return status;
    }
    status = record_unpack(*plain, &out, error);
    if (status == STATUS_OK) {
        *plain = arena_copy(arena, buffer_slice(&out));
    }
    buffer_wipe(&out);
    return status == STATUS_OK ? status : error_wrap(error, "%s: %s", field.id, field.name);
}

/* A statement that may still be sent needs its step, and the step its SQL or the statement that it
 * watches: a record without them would take every sweep down that claims it. */
MUST_CHECK static enum status check_steps(const struct record *record, struct error *error)
{
    if (lifecycle_statement_final(record->state.statement)) {
        return STATUS_OK;
    }
    if (record->state.step > record->plan.step_count) {
        return error_set(error, STATUS_REJECTED, "there is no step %u", record->state.step);
    }
    for (size_t i = 0; i < record->plan.step_count; i++) {
        const struct plan_step *step = &record->plan.steps[i];
        if (step->sql_count == 0 && step->attach_id.size == 0) {
            return error_set(error, STATUS_REJECTED, "step %zu has no SQL", i + 1);
        }
    }
    return STATUS_OK;
}

enum status record_open(const struct record_seal *seal, struct arena *arena,
                        const struct tracker_record *stored, struct record *record,
                        struct error *error)
{
    *record = (struct record){.version = stored->version,
                              .due_at_ms = stored->due_at_ms,
                              .created_at_ms = stored->created_at_ms,
                              .group = stored->group};
    struct slice plain = SLICE_NONE;
    enum status status = open_field(seal, arena, (struct record_field){stored->id, "state"},
                                    stored->state, &plain, error);
    if (status == STATUS_OK) {
        status = state_read(arena, plain, &record->state, error);
    }
    if (status == STATUS_OK) {
        status = open_field(seal, arena, (struct record_field){stored->id, "plan"}, stored->plan,
                            &plain, error);
        if (status == STATUS_OK) {
            status = plan_read(arena, plain, &record->plan, error);
        }
    }
    if (status == STATUS_OK) {
        status = check_steps(record, error);
    }
    memcpy(record->plan.id, stored->id, sizeof(record->plan.id));
    if (status == STATUS_REJECTED) {
        error_wrap(error, "record %s is damaged", stored->id);
        return error->status = STATUS_INTERNAL;
    }
    return status;
}

MUST_CHECK static enum status close_state(const struct record_seal *seal, struct arena *arena,
                                          const struct record *record, struct slice *sealed,
                                          struct error *error)
{
    CLEANUP(buffer_clear) struct buffer plain;
    buffer_init(&plain, STATE_MAX_BYTES);
    state_write(&record->state, &plain);
    if (plain.overflowed) {
        return error_set(error, STATUS_INTERNAL, "record %s: state over %u bytes", record->plan.id,
                         STATE_MAX_BYTES);
    }
    enum status status = close_field(seal, arena, (struct record_field){record->plan.id, "state"},
                                     buffer_slice(&plain), sealed, error);
    buffer_wipe(&plain);
    return status;
}

MUST_CHECK static enum status close_plan(const struct record_seal *seal, struct arena *arena,
                                         const struct record *record, struct slice *sealed,
                                         struct error *error)
{
    CLEANUP(buffer_clear) struct buffer plain;
    buffer_init(&plain, PLAN_MAX_BYTES);
    plan_write(&record->plan, &plain);
    /* The rule is the same whether and how well it is packed. */
    const bool too_large = plain.size > TRACKER_BLOB_MAX_BYTES || plain.overflowed;
    enum status status = STATUS_OK;
    if (!too_large) {
        status = close_field(seal, arena, (struct record_field){record->plan.id, "plan"},
                             buffer_slice(&plain), sealed, error);
    }
    if (too_large || (status == STATUS_OK && sealed->size > TRACKER_BLOB_MAX_BYTES)) {
        status = error_set(error, STATUS_REJECTED,
                           "request: SQL, parameters and addresses together must be at most %u "
                           "bytes when stored",
                           TRACKER_BLOB_MAX_BYTES);
    }
    buffer_wipe(&plain);
    return status;
}

static void copy_owner(struct tracker_record *stored, const char *owner)
{
    size_t size = strnlen(owner, TRACKER_OWNER_MAX_BYTES);
    memcpy(stored->lease_owner, owner, size);
    stored->lease_owner[size] = '\0';
}

enum status record_close(const struct record_seal *seal, struct arena *arena,
                         const struct record *record, const char *owner,
                         struct tracker_record *stored, struct error *error)
{
    *stored = (struct tracker_record){.format = TRACKER_FORMAT,
                                      .created_at_ms = record->created_at_ms,
                                      .due_at_ms = record->due_at_ms,
                                      .settled_at_ms = record->state.settled_at_ms,
                                      .group = record->group};
    memcpy(stored->id, record->plan.id, sizeof(stored->id));
    copy_owner(stored, owner);
    enum status status = close_plan(seal, arena, record, &stored->plan, error);
    return status == STATUS_OK ? close_state(seal, arena, record, &stored->state, error) : status;
}

enum status record_close_update(const struct record_seal *seal, struct arena *arena,
                                const struct record *record, const char *owner,
                                struct tracker_update *update, struct error *error)
{
    bool with_plan = update->replace_plan;
    *update = (struct tracker_update){.record = {.version = record->version,
                                                 .format = TRACKER_FORMAT,
                                                 .due_at_ms = record->due_at_ms,
                                                 .settled_at_ms = record->state.settled_at_ms},
                                      .replace_plan = with_plan};
    memcpy(update->record.id, record->plan.id, sizeof(update->record.id));
    copy_owner(&update->record, owner);
    enum status status = close_state(seal, arena, record, &update->record.state, error);
    if (status == STATUS_OK && with_plan) {
        status = close_plan(seal, arena, record, &update->record.plan, error);
    }
    return status;
}
