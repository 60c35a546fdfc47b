#include "infra/aws/secrets_manager.h"

#include "infra/aws/arn.h"
#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"

#define BODY_MAX_BYTES 4096

void secrets_manager_build_get(struct arena *arena, struct slice secret_arn, struct aws_call *call)
{
    CLEANUP(buffer_clear) struct buffer body;
    struct json_writer writer;
    struct arn arn;
    buffer_init(&body, BODY_MAX_BYTES);
    json_writer_init(&writer, &body);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "SecretId", secret_arn);
    json_end_object(&writer);
    call->service = AWS_SECRETS_MANAGER;
    call->operation = "GetSecretValue";
    call->region = arn_parse(secret_arn, &arn) ? arn.region : SLICE_NONE;
    call->body = arena_copy(arena, buffer_slice(&body));
}

enum status secrets_manager_read_get(struct arena *arena, const struct aws_call *call,
                                     struct slice *text, struct error *error)
{
    struct json root;
    struct slice secret = SLICE_NONE;
    if (json_parse(arena, call->reply, &root, NULL) != STATUS_OK ||
        json_find_text(root, "SecretString", 0, &secret, NULL) != STATUS_OK ||
        secret.data == NULL) {
        return error_set(error, STATUS_INTERNAL,
                         "secretsmanager.%s: the answer has no SecretString", call->operation);
    }
    *text = arena_copy(arena, secret);
    return STATUS_OK;
}
