/* The deployment's settings that plans are made with: the environment's target, the named ones. */
#include "invoker/plan.h"

#include "infra/base/json_reader.h"

#include <stdio.h>
#include <string.h>

#define TARGETS_FILE_MAX_BYTES (1u << 20)

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
        .cancel_grace_seconds = config->cancel_grace_seconds,
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
