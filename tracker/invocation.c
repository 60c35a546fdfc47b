#include "tracker/invocation.h"

#include "infra/base/encode.h"
#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"

#include <stdio.h>
#include <string.h>

/* ---- Names of the closed sets --------------------------------------------------------------- */

static const char *const address_kinds[] = {
    [ADDRESS_NONE] = "none",   [ADDRESS_TASK_TOKEN] = "task-token",
    [ADDRESS_QUEUE] = "queue", [ADDRESS_RESPONSE_URL] = "response-url",
    [ADDRESS_TOPIC] = "topic", [ADDRESS_BUS] = "bus",
};
static const char *const outcomes[] = {
    [OUTCOME_NONE] = "",
    [OUTCOME_FINISHED] = "FINISHED",
    [OUTCOME_FAILED] = "FAILED",
    [OUTCOME_ABORTED] = "ABORTED",
    [OUTCOME_TIMED_OUT] = "TIMED_OUT",
    [OUTCOME_REJECTED] = "REJECTED",
    [OUTCOME_EXPIRED] = "EXPIRED",
};
static const char *const witnesses[] = {
    [WITNESS_NONE] = "",
    [WITNESS_EVENT] = "event",
    [WITNESS_SWEEP] = "sweep",
    [WITNESS_SUBMIT] = "submit",
};
static const char *const statement_states[] = {
    [STATEMENT_QUEUED] = "queued",         [STATEMENT_WAITING] = "waiting",
    [STATEMENT_SUBMITTING] = "submitting", [STATEMENT_RUNNING] = "running",
    [STATEMENT_CANCELLING] = "cancelling", [STATEMENT_ENDED] = "ended",
    [STATEMENT_UNKNOWN] = "unknown",
};
static const char *const callback_states[] = {
    [CALLBACK_OPEN] = "open",
    [CALLBACK_CHOSEN] = "chosen",
    [CALLBACK_DELIVERED] = "delivered",
    [CALLBACK_CLOSED] = "closed",
    [CALLBACK_UNDELIVERABLE] = "undeliverable",
};

static const char *const endings[] = {
    [ENDING_NONE] = "STARTED",
    [ENDING_FINISHED] = "FINISHED",
    [ENDING_FAILED] = "FAILED",
    [ENDING_ABORTED] = "ABORTED",
};

const char *address_kind_name(enum address_kind kind)
{
    return address_kinds[kind];
}

const char *outcome_name(enum outcome outcome)
{
    return outcomes[outcome];
}

const char *witness_name(enum witness witness)
{
    return witnesses[witness];
}

const char *ending_name(enum ending ending)
{
    return endings[ending];
}

const char *statement_state_name(enum statement_state state)
{
    return statement_states[state];
}

const char *callback_state_name(enum callback_state state)
{
    return callback_states[state];
}

/* ---- Identity ------------------------------------------------------------------------------- */

/* SHA-256 of kind, a zero byte and source. */
static void hash_pair(struct slice kind, struct slice source, unsigned char out[SHA256_BYTES])
{
    CLEANUP(buffer_clear) struct buffer joined;
    buffer_init(&joined, kind.size + source.size + 1);
    buffer_append(&joined, kind);
    buffer_append_byte(&joined, '\0');
    buffer_append(&joined, source);
    digest_sha256(buffer_slice(&joined), out);
    buffer_wipe(&joined);
}

void invocation_id(struct slice kind, struct slice source, char id[TRACKER_ID_BYTES + 1])
{
    unsigned char hash[SHA256_BYTES];
    hash_pair(kind, source, hash);
    encode_base32(hash, 20, id);
}

bool invocation_id_valid(struct slice id)
{
    if (id.size != TRACKER_ID_BYTES) {
        return false;
    }
    for (size_t i = 0; i < id.size; i++) {
        char c = id.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '2' && c <= '7')) {
            return false;
        }
    }
    return true;
}

void address_init(struct address *address, enum address_kind kind, struct slice target)
{
    unsigned char hash[SHA256_BYTES];
    *address = (struct address){.kind = kind, .target = target};
    hash_pair(slice_from_text(address_kind_name(kind)), target, hash);
    encode_hex(hash, ADDRESS_DIGEST_BYTES / 2, address->digest);
}

struct slice invocation_statement_name(struct arena *arena, const struct plan *plan, unsigned step,
                                       unsigned attempt)
{
    return slice_from_text(
        arena_format(arena, "%.*s%s/%u.%u", SLICE_PRINT(plan->prefix), plan->id, step, attempt));
}

struct slice invocation_told_name(struct arena *arena, const struct plan *plan, unsigned step,
                                  unsigned attempt)
{
    bool attached =
        attempt == 1 && step <= plan->step_count && plan->steps[step - 1].attach_id.size > 0;
    return attached ? SLICE_NONE : invocation_statement_name(arena, plan, step, attempt);
}

MUST_CHECK static enum status parse_count(struct slice digits, unsigned *count, struct error *error)
{
    int64_t value = 0;
    enum status status = slice_to_int64(digits, 1, 1000000, &value, error);
    if (status == STATUS_OK && digits.data[0] == '0') {
        return error_set(error, STATUS_REJECTED, "leading zero");
    }
    *count = (unsigned)value;
    return status;
}

enum status invocation_parse_name(struct slice name, struct slice prefix,
                                  char id[TRACKER_ID_BYTES + 1], unsigned *step, unsigned *attempt,
                                  struct error *error)
{
    if (prefix.size == 0 || !slice_starts_with(name, prefix)) {
        return error_set(error, STATUS_NOT_FOUND, "not one of our statement names");
    }
    struct slice rest = slice_part(name, prefix.size, name.size);
    struct slice id_part = slice_part(rest, 0, TRACKER_ID_BYTES);
    struct slice numbers = slice_part(rest, TRACKER_ID_BYTES, rest.size);
    size_t dot = slice_find_byte(numbers, '.');
    if (!invocation_id_valid(id_part) || numbers.size < 4 || numbers.data[0] != '/' ||
        dot >= numbers.size ||
        parse_count(slice_part(numbers, 1, dot - 1), step, NULL) != STATUS_OK ||
        parse_count(slice_part(numbers, dot + 1, numbers.size), attempt, NULL) != STATUS_OK) {
        return error_set(error, STATUS_REJECTED,
                         "statementName: must be <prefix><invocation id>/<step>.<attempt>");
    }
    memcpy(id, id_part.data, TRACKER_ID_BYTES);
    id[TRACKER_ID_BYTES] = '\0';
    return STATUS_OK;
}

void invocation_client_token(struct slice statement_name, char token[SHA256_HEX_BYTES + 1])
{
    digest_sha256_hex(statement_name, token);
}

void plan_scrub(struct plan *plan)
{
    plan->parameters = NULL;
    plan->parameter_count = 0;
    for (size_t i = 0; i < plan->step_count; i++) {
        struct plan_step *step = &plan->steps[i];
        step->sqls = NULL;
        step->sql_count = 0;
        step->parameters = NULL;
        step->parameter_count = 0;
        step->item = SLICE_NONE;
    }
    for (size_t i = 0; i < plan->address_count; i++) {
        plan->addresses[i].target = SLICE_NONE;
    }
}

void plan_shrink(struct plan *plan)
{
    struct plan small = {.created_at_ms = plan->created_at_ms,
                         .prefix = plan->prefix,
                         .session_keep_alive_seconds = -1,
                         .retry.max_attempts = 1,
                         .result.max_rows = -1,
                         .expect_min_rows = -1,
                         .expect_max_rows = -1};
    memcpy(small.id, plan->id, sizeof(small.id));
    memcpy(small.digest, plan->digest, sizeof(small.digest));
    *plan = small;
}
