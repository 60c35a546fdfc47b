#include "infra/base/encode.h"
#include "infra/local/local_statement.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ACCOUNT "000000000000"
#define REGION  "us-east-1"

void data_refuse(struct http_server_response *response, const char *name, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES * 2];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    int code = strcmp(name, "InternalServerException") == 0 ||
                       strcmp(name, "DatabaseConnectionException") == 0
                   ? 500
                   : 400;
    local_reply_error(response, code, name, "Message", slice_from_text(text));
}

void data_refuse_input(struct http_server_response *response, const struct error *error)
{
    data_refuse(response, "ValidationException", "%s", error->text);
}

void data_refuse_unknown(struct http_server_response *response, struct slice id)
{
    struct json_writer writer;
    data_refuse(response, "ResourceNotFoundException", "Query does not exist.");
    buffer_reset(&response->body);
    json_writer_init(&writer, &response->body);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "__type", SLICE("ResourceNotFoundException"));
    json_write_text(&writer, "Message", SLICE("Query does not exist."));
    json_write_text(&writer, "ResourceId", id);
    json_end_object(&writer);
}

void data_write_time(struct json_writer *writer, const char *name, int64_t time_ms)
{
    char text[40];
    (void)snprintf(text, sizeof(text), "%lld.%03d", (long long)(time_ms / 1000),
                   (int)(time_ms % 1000));
    json_write_raw(writer, name, slice_from_text(text));
}

void data_write_target(struct json_writer *writer, const struct data_submit *input)
{
    json_write_text_if(writer, "ClusterIdentifier", input->cluster);
    json_write_text_if(writer, "WorkgroupName", input->workgroup);
    json_write_text_if(writer, "Database", input->database);
    json_write_text_if(writer, "DbUser", input->db_user);
    json_write_text_if(writer, "SecretArn", input->secret_arn);
}

void data_reply(struct http_server_response *response, const struct buffer *body)
{
    if (body->overflowed) {
        data_refuse(response, "InternalServerException", "the reply is too large");
        return;
    }
    local_reply(response, buffer_slice(body));
}

/* The cluster's ARN or the workgroup's; a workgroup's UUID is made from its name. */
static void write_resource(const struct data_submit *input, struct json_writer *writer)
{
    char text[320];
    char hex[SHA256_HEX_BYTES + 1];
    if (slice_starts_with(input->workgroup, SLICE("arn:"))) {
        json_write_text(writer, NULL, input->workgroup);
        return;
    }
    if (input->workgroup.data) {
        digest_sha256_hex(input->workgroup, hex);
        (void)snprintf(text, sizeof(text),
                       "arn:aws:redshift-serverless:" REGION ":" ACCOUNT
                       ":workgroup/%.8s-%.4s-%.4s-%.4s-%.12s",
                       hex, hex + 8, hex + 12, hex + 16, hex + 20);
    } else {
        (void)snprintf(text, sizeof(text), "arn:aws:redshift:" REGION ":" ACCOUNT ":cluster:%.*s",
                       SLICE_PRINT(input->cluster));
    }
    json_write_text(writer, NULL, slice_from_text(text));
}

static void write_detail(const struct data_statement *statement, struct json_writer *writer)
{
    const struct data_submit *input = &statement->input;
    json_begin_object(writer, "detail");
    json_write_text(writer, "principal",
                    SLICE("arn:aws:sts::" ACCOUNT ":assumed-role/local/ringback"));
    json_write_text(writer, "statementName", input->name.data ? input->name : SLICE(""));
    json_write_text(writer, "statementId", slice_from_text(statement->id));
    json_write_int64(writer, "redshiftQueryId", statement->query_id);
    json_write_text(writer, "state", slice_from_text(data_status_name(statement->status)));
    json_write_int64(writer, "rows", input->batch ? -1 : statement->subs[0].result_rows);
    json_write_int64(writer, "expireAt", (statement->updated_ms + DATA_RETAIN_MS) / 1000);
    json_end_object(writer);
}

void data_write_event(const struct data_statement *statement, struct buffer *event)
{
    char id[37];
    char time[TIME_TEXT_BYTES + 1];
    struct json_writer writer;
    random_uuid(statement->data->options.random, id);
    time_format_ms(statement->updated_ms, time);
    /* Whole seconds: YYYY-MM-DDTHH:MM:SSZ. */
    memcpy(time + strlen("YYYY-MM-DDTHH:MM:SS"), "Z", 2);
    json_writer_init(&writer, event);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "version", SLICE("0"));
    json_write_text(&writer, "id", slice_from_text(id));
    json_write_text(&writer, "detail-type", SLICE("Redshift Data Statement Status Change"));
    json_write_text(&writer, "source", SLICE("aws.redshift-data"));
    json_write_text(&writer, "account", SLICE(ACCOUNT));
    json_write_text(&writer, "time", slice_from_text(time));
    json_write_text(&writer, "region", SLICE(REGION));
    json_begin_array(&writer, "resources");
    write_resource(&statement->input, &writer);
    json_end_array(&writer);
    write_detail(statement, &writer);
    json_end_object(&writer);
}
