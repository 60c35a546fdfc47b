#include "invoker/plan.h"

#include "infra/base/json_reader.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TARGETS_FILE_MAX_BYTES (1u << 20)
#define HEARTBEAT_SWEEPS_MIN   3
/* The default retry (design.md section 3, promise 2): transient failures of single statements. */
#define RETRY_ATTEMPTS 3
#define RETRY_BASE_MS  1000
#define RETRY_MAX_MS   30000

/* ---- Settings ------------------------------------------------------------------------------- */

MUST_CHECK static enum status read_file(const char *path, struct buffer *out, struct error *error)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return error_set(error, STATUS_REJECTED, "RINGBACK_TARGETS_FILE: cannot open %s", path);
    }
    char block[4096];
    size_t size = 0;
    while ((size = fread(block, 1, sizeof(block), file)) > 0) {
        buffer_append(out, (struct slice){block, size});
    }
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed || out->overflowed) {
        return error_set(error, STATUS_REJECTED, "RINGBACK_TARGETS_FILE: cannot read %s", path);
    }
    return STATUS_OK;
}

MUST_CHECK static enum status read_targets(struct arena *arena, struct json root,
                                           struct plan_settings *settings, struct error *error)
{
    if (json_kind(root) != JSON_OBJECT) {
        return json_reject(root, error, "must be an object of named targets");
    }
    settings->target_count = json_count(root);
    settings->targets = ARENA_ARRAY(arena, settings->target_count, struct named_target);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < settings->target_count && status == STATUS_OK; i++) {
        struct named_target *named = &settings->targets[i];
        struct slice alias = SLICE_NONE;
        struct json value = json_member_at(root, i, &named->name);
        status = request_read_target(value, &named->target, &alias, error);
        if (status == STATUS_OK && alias.data != NULL) {
            status = json_reject(value, error, "must be an object");
        }
        if (status == STATUS_OK) {
            status = request_check_target(&named->target, arena_text(arena, named->name), error);
        }
    }
    return status;
}

MUST_CHECK static enum status load_targets(struct arena *arena, const char *path,
                                           struct plan_settings *settings, struct error *error)
{
    CLEANUP(buffer_clear) struct buffer text;
    struct json root;
    buffer_init(&text, TARGETS_FILE_MAX_BYTES);
    enum status status = read_file(path, &text, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = json_parse(arena, arena_copy(arena, buffer_slice(&text)), &root, error);
    if (status == STATUS_OK) {
        status = read_targets(arena, root, settings, error);
    }
    return status == STATUS_OK ? status : error_wrap(error, "RINGBACK_TARGETS_FILE: %s", path);
}

enum status plan_settings_init(struct arena *arena, const struct config *config,
                               struct plan_settings *settings, struct error *error)
{
    *settings = (struct plan_settings){
        .prefix = slice_from_text(config->statement_prefix),
        .target = {.cluster_identifier = slice_from_text(config->cluster_identifier),
                   .workgroup_name = slice_from_text(config->workgroup_name),
                   .database = slice_from_text(config->database),
                   .db_user = slice_from_text(config->db_user),
                   .secret_arn = slice_from_text(config->secret_arn)},
        .has_target = config->cluster_identifier != NULL || config->workgroup_name != NULL,
        .output = strcmp(config->output, "statement") == 0 ? OUTPUT_STATEMENT : OUTPUT_EVENT,
        .wait_seconds = config->wait_seconds,
        .sweep_seconds = config->sweep_seconds,
        .direct = config->direct,
    };
    enum status status = STATUS_OK;
    if (settings->has_target) {
        /* The names that the environment uses for the target's fields. */
        status = request_check_target(&settings->target,
                                      "CLUSTER_IDENTIFIER, WORKGROUP_NAME, DATABASE, DB_USER, "
                                      "SECRET_ARN",
                                      error);
    }
    if (status == STATUS_OK && config->targets_file != NULL) {
        status = load_targets(arena, config->targets_file, settings, error);
    }
    return status;
}

/* ---- Plan ----------------------------------------------------------------------------------- */

MUST_CHECK static enum status resolve_target(const struct plan_settings *settings,
                                             const struct request *request,
                                             struct plan_target *target, struct error *error)
{
    if (request->has_target && request->target_name.data == NULL) {
        *target = request->target;
        return STATUS_OK;
    }
    if (!request->has_target && settings->has_target) {
        *target = settings->target;
        return STATUS_OK;
    }
    if (!request->has_target) {
        return error_set(error, STATUS_REJECTED,
                         "target: is needed, since this deployment has no default target");
    }
    for (size_t i = 0; i < settings->target_count; i++) {
        if (slice_equals(settings->targets[i].name, request->target_name)) {
            *target = settings->targets[i].target;
            return STATUS_OK;
        }
    }
    return error_set(error, STATUS_REJECTED,
                     "target: there is no target of this name in RINGBACK_TARGETS_FILE");
}

/* Statements that must not run twice whatever the error says. */
static bool runs_once_only(struct slice sql)
{
    static const char *const words[] = {"call",   "unload", "vacuum", "begin",   "start",
                                        "commit", "end",    "abort",  "rollback"};
    struct slice text = slice_trim(sql);
    while (text.size > 0 && (text.data[0] == ';' || text.data[0] == '(')) {
        text = slice_trim(slice_part(text, 1, text.size));
    }
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        size_t size = strlen(words[i]);
        if (text.size >= size && strncasecmp(text.data, words[i], size) == 0) {
            return true;
        }
    }
    /* A comment, or anything else that is no word, may hide the first word. */
    if (text.size == 0) {
        return true;
    }
    char first = text.data[0];
    return !((first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z'));
}

static void lay_steps(struct arena *arena, const struct request *request, struct plan *plan)
{
    bool batch = request->mode == REQUEST_TRANSACTION;
    bool session = plan->target.session_id.size > 0 || plan->session_keep_alive_seconds >= 0;
    plan->step_count = batch ? 1 : request->sql_count;
    plan->steps = ARENA_ARRAY(arena, plan->step_count, struct plan_step);
    for (size_t i = 0; i < plan->step_count; i++) {
        struct plan_step *step = &plan->steps[i];
        step->sqls = &request->sqls[i];
        step->sql_count = batch ? request->sql_count : 1;
        step->batch = batch;
        step->retriable = !session;
        for (size_t k = 0; k < step->sql_count; k++) {
            step->retriable = step->retriable && !runs_once_only(step->sqls[k]);
        }
    }
}

static void derive_id(struct plan *plan, const struct request *request,
                      const struct plan_identity *identity, const struct random *random)
{
    unsigned char bytes[20];
    if (request->request_key.size > 0) {
        invocation_id(SLICE("request-key"), request->request_key, plan->id);
    } else if (request->task_token.size > 0) {
        invocation_id(SLICE("task-token"), request->task_token, plan->id);
    } else if (identity->source.size > 0) {
        invocation_id(identity->kind, identity->source, plan->id);
    } else {
        random_fill(random, bytes, sizeof(bytes));
        invocation_id(SLICE("random"), (struct slice){(const char *)bytes, sizeof(bytes)},
                      plan->id);
    }
}

static void add_address(struct plan *plan, enum address_kind kind, struct slice target)
{
    address_init(&plan->addresses[plan->address_count++], kind, target);
}

/* Who is told, at most so many as there are places; returns how many there should be. */
static size_t add_addresses(struct plan *plan, struct slice task_token,
                            const struct address *reply_to, const struct request_notify *notify)
{
    if (task_token.size > 0) {
        add_address(plan, ADDRESS_TASK_TOKEN, task_token);
    }
    if (reply_to->kind != ADDRESS_NONE) {
        plan->addresses[plan->address_count++] = *reply_to;
    }
    size_t wanted = plan->address_count + notify->count;
    for (size_t i = 0; i < notify->count && plan->address_count < INVOCATION_ADDRESSES_MAX; i++) {
        plan->addresses[plan->address_count++] = notify->addresses[i];
    }
    return wanted;
}

enum status plan_make(const struct plan_maker *maker, const struct request *request,
                      const struct plan_identity *identity, struct plan *plan, struct error *error)
{
    const struct plan_settings *settings = maker->settings;
    int64_t now_ms = maker->now_ms;
    *plan = (struct plan){
        .created_at_ms = now_ms,
        .prefix = settings->prefix,
        .group = request->execution_arn,
        .parameters = request->parameters,
        .parameter_count = request->parameter_count,
        .session_keep_alive_seconds = request->session_keep_alive_seconds,
        .wait_seconds = settings->wait_seconds,
        .heartbeat_seconds = request->heartbeat_seconds,
        .keep_running = request->keep_running,
        .keyed = request->request_key.size > 0,
        .output = settings->output,
        .retry = {.max_attempts = RETRY_ATTEMPTS, .base_ms = RETRY_BASE_MS, .max_ms = RETRY_MAX_MS},
        .result = {.max_rows = -1},
        .expect_min_rows = -1,
        .expect_max_rows = -1,
    };
    enum status status = resolve_target(settings, request, &plan->target, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (request->heartbeat_seconds > 0 &&
        request->heartbeat_seconds < HEARTBEAT_SWEEPS_MIN * settings->sweep_seconds) {
        return error_set(error, STATUS_REJECTED,
                         "heartbeatSeconds: must be at least %lld, three times the sweep interval",
                         (long long)(HEARTBEAT_SWEEPS_MIN * settings->sweep_seconds));
    }
    if (plan->target.session_id.size > 0 && plan->session_keep_alive_seconds >= 0 &&
        request->sql_count > 1) {
        return error_set(error, STATUS_REJECTED,
                         "sqlStatements: a session runs one statement at a time");
    }
    if (request->output.data != NULL) {
        plan->output =
            slice_equals_text(request->output, "statement") ? OUTPUT_STATEMENT : OUTPUT_EVENT;
    }
    if (request->timeout_seconds > 0) {
        plan->deadline_ms = now_ms + request->timeout_seconds * 1000;
    }
    memcpy(plan->digest, request->digest, sizeof(plan->digest));
    derive_id(plan, request, identity, maker->random);
    lay_steps(maker->arena, request, plan);
    size_t wanted = add_addresses(plan, request->task_token, &request->reply_to, &request->notify);
    if (wanted > INVOCATION_ADDRESSES_MAX) {
        return error_set(error, STATUS_REJECTED,
                         "notify: an invocation has at most %d addresses with taskToken and "
                         "replyTo, got %zu",
                         INVOCATION_ADDRESSES_MAX, wanted);
    }
    return STATUS_OK;
}

void plan_make_refused(const struct plan_maker *maker, const struct request_addresses *addresses,
                       struct slice body, const struct plan_identity *identity, struct plan *plan)
{
    const struct request request = {.task_token = addresses->task_token};
    *plan = (struct plan){.created_at_ms = maker->now_ms,
                          .prefix = maker->settings->prefix,
                          .session_keep_alive_seconds = -1,
                          .output = maker->settings->output,
                          .retry = {.max_attempts = 1},
                          .result = {.max_rows = -1},
                          .expect_min_rows = -1,
                          .expect_max_rows = -1};
    digest_sha256_hex(body, plan->digest);
    derive_id(plan, &request, identity, maker->random);
    /* One too many may be why it is refused. */
    (void)add_addresses(plan, addresses->task_token, &addresses->reply_to, &addresses->notify);
}
