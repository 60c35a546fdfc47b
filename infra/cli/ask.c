#include "infra/cli/ask.h"

#include "invoker/request.h"

#include "infra/base/json_writer.h"
#include "infra/base/random.h"

MUST_CHECK static enum status read_timeout(const struct ask *ask, int64_t *seconds,
                                           struct error *error)
{
    enum status status = slice_to_int64(slice_from_text(ask->timeout_seconds), 1,
                                        REQUEST_TIMEOUT_MAX_SECONDS, seconds, error);
    return status == STATUS_OK ? status : error_wrap(error, "--timeout");
}

static void write_sqls(struct json_writer *writer, const struct ask *ask)
{
    if (ask->sql_count == 1 && ask->mode == NULL) {
        json_write_text(writer, "sqlStatement", slice_from_text(ask->sqls[0]));
        return;
    }
    json_begin_array(writer, "sqlStatements");
    for (size_t i = 0; i < ask->sql_count; i++) {
        json_write_text(writer, NULL, slice_from_text(ask->sqls[i]));
    }
    json_end_array(writer);
    json_write_text_if(writer, "mode", slice_from_text(ask->mode));
}

enum status ask_build(struct arena *arena, const struct ask *ask, struct slice *body,
                      struct error *error)
{
    int64_t seconds = 0;
    if (ask->timeout_seconds != NULL && read_timeout(ask, &seconds, error) != STATUS_OK) {
        return STATUS_REJECTED;
    }
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    buffer_init(&out, REQUEST_MAX_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    write_sqls(&writer, ask);
    json_write_text_if(&writer, "target", slice_from_text(ask->target));
    json_write_text_if(&writer, "requestKey", slice_from_text(ask->request_key));
    if (seconds > 0) {
        json_write_int64(&writer, "timeoutSeconds", seconds);
    }
    json_end_object(&writer);
    if (out.overflowed) {
        return error_set(error, STATUS_REJECTED, "the request is larger than %u bytes",
                         REQUEST_MAX_BYTES);
    }
    *body = arena_copy(arena, buffer_slice(&out));
    return STATUS_OK;
}

int ask_send(struct verb *verb, struct slice body, struct remote_call *call, struct json *document)
{
    char key[37];
    random_uuid(random_system(), key);
    *call =
        (struct remote_call){.method = "POST", .target = "/invocations", .body = body, .key = key};
    const int status = verb_call(verb, call, document);
    call->key = NULL;
    return status;
}
