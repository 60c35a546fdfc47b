#include "invoker/script.h"

#include "invoker/sql_script.h"
#include "invoker/sql_template.h"

#include "infra/aws/s3.h"

#include <string.h>

/* Where the request has the script from. */
static const char *field_of(const struct request *request)
{
    return request->tells_batch_id ? "Input.etl_script_s3_path" : "sqlUri";
}

/* ---- The text ------------------------------------------------------------------------------- */

MUST_CHECK static enum status fill(struct arena *arena, const struct request *request,
                                   struct slice *text, struct error *error)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct sql_variable *variables =
        ARENA_ARRAY(arena, request->variable_count, struct sql_variable);
    buffer_init(&out, SQL_TEMPLATE_MAX_BYTES);
    if (request->variable_count == 0) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < request->variable_count; i++) {
        variables[i].name = request->variables[i].name;
        variables[i].value = request->variables[i].value;
    }
    enum status status = sql_template_fill(*text, variables, request->variable_count, &out, error);
    if (status == STATUS_OK) {
        *text = arena_copy(arena, buffer_slice(&out));
    }
    return status;
}

enum status script_read(struct arena *arena, struct slice text, struct request *request,
                        struct error *error)
{
    struct sql_script script;
    const size_t most = request_statements_max(request->mode);
    enum status status = fill(arena, request, &text, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = sql_script_split(arena, text, &script, error);
    if (status == STATUS_OK && request->mode == REQUEST_TRANSACTION) {
        status = sql_script_drop_control(&script, error);
    }
    if (status == STATUS_OK && script.count > most) {
        status =
            error_set(error, STATUS_REJECTED,
                      "must hold at most %zu statements in this mode, got %zu", most, script.count);
    }
    if (status != STATUS_OK) {
        return error_wrap(error, "%s", field_of(request));
    }
    request->sqls = script.statements;
    request->sql_count = script.count;
    return STATUS_OK;
}

/* ---- The object ----------------------------------------------------------------------------- */

/* Why it cannot be had, without the bucket's name and S3's own words. */
static void refuse(struct script *script, const struct aws_call *call)
{
    const char *field = field_of(script->request);
    const char *name = call->error_name[0] != '\0' ? call->error_name : "no answer";
    if (strcmp(name, "AnswerTooLarge") == 0) {
        script->status =
            error_set(&script->error, STATUS_REJECTED, "%s: the script must be at most %u bytes",
                      field, SCRIPT_MAX_BYTES);
    } else if (call->status == STATUS_REJECTED || call->status == STATUS_NOT_FOUND) {
        script->status = error_set(&script->error, STATUS_REJECTED,
                                   "%s: the script cannot be read from S3: %s", field, name);
    } else {
        script->status = error_set(&script->error, STATUS_RETRY, "%s: S3 is away: %s", field, name);
    }
}

static void finish(struct arena *arena, struct script *script, const struct aws_call *call)
{
    struct slice text = SLICE_NONE;
    if (call->status != STATUS_OK) {
        refuse(script, call);
        return;
    }
    script->status = s3_read_get(call, SCRIPT_MAX_BYTES, &text, &script->error);
    if (script->status == STATUS_OK) {
        /* The client's memory goes with the next batch of calls, the statements stay. */
        script->status =
            script_read(arena, arena_copy(arena, text), script->request, &script->error);
    }
}

void scripts_fetch(struct dispatch *dispatch, struct script *scripts, size_t count)
{
    struct arena *arena = dispatch->arena;
    struct aws_call *calls = ARENA_ARRAY(arena, count, struct aws_call);
    struct aws_call *again = ARENA_ARRAY(arena, count, struct aws_call);
    size_t *whose = ARENA_ARRAY(arena, count, size_t);
    size_t again_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct s3_object object;
        /* It was one when the request was read. */
        (void)!s3_parse_uri(scripts[i].request->script_uri, &object, NULL);
        s3_build_get(arena, &object, &calls[i]);
        calls[i].reply_max_bytes = SCRIPT_MAX_BYTES;
        calls[i].timeout_ms = DISPATCH_EXCHANGE_MS;
    }
    aws_send_all(dispatch->aws, calls, count);
    /* A bucket of another region says so. */
    for (size_t i = 0; i < count; i++) {
        const struct slice region = s3_read_region(arena, &calls[i]);
        if (region.data == NULL || slice_equals_text(region, aws_region(dispatch->aws))) {
            finish(arena, &scripts[i], &calls[i]);
            continue;
        }
        again[again_count] = (struct aws_call){.service = calls[i].service,
                                               .operation = calls[i].operation,
                                               .s3_method = calls[i].s3_method,
                                               .s3_path = calls[i].s3_path,
                                               .reply_max_bytes = SCRIPT_MAX_BYTES,
                                               .timeout_ms = DISPATCH_EXCHANGE_MS,
                                               .region = region};
        whose[again_count++] = i;
    }
    aws_send_all(dispatch->aws, again, again_count);
    for (size_t i = 0; i < again_count; i++) {
        finish(arena, &scripts[whose[i]], &again[i]);
    }
}
