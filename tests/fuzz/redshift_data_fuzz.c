/* Arbitrary answers of the Data API; documents that are passed on are JSON. */
#include "tests/fuzz/fuzz.h"

#include "infra/aws/redshift_data.h"

static void check_document(struct arena *arena, struct slice document)
{
    struct json root = {0};
    FUZZ_CHECK(json_parse(arena, document, &root, NULL) == STATUS_OK);
    FUZZ_CHECK(json_kind(root) == JSON_OBJECT);
}

static void check_submit(struct arena *arena, const struct aws_call *call)
{
    struct redshift_data_submitted submitted;
    struct error error = ERROR_NONE;
    if (redshift_data_read_submit(arena, call, &submitted, &error) == STATUS_OK) {
        FUZZ_CHECK(submitted.id.size > 0);
        check_document(arena, submitted.document);
    } else {
        FUZZ_CHECK(error.text[0] != '\0');
    }
}

static void check_describe(struct arena *arena, const struct aws_call *call)
{
    struct redshift_data_description description;
    struct error error = ERROR_NONE;
    if (redshift_data_read_describe(arena, call, &description, &error) == STATUS_OK) {
        FUZZ_CHECK(description.sub_count == 0 || description.subs != NULL);
        check_document(arena, description.document);
    } else {
        FUZZ_CHECK(error.text[0] != '\0');
    }
}

static void check_lists(struct arena *arena, const struct aws_call *call)
{
    struct redshift_data_listed *listed = NULL;
    struct error error = ERROR_NONE;
    struct slice next_token = SLICE_NONE;
    struct json document = {0};
    size_t count = 0;
    bool accepted = false;
    if (redshift_data_read_list(arena, call, &listed, &count, &next_token, &error) == STATUS_OK) {
        FUZZ_CHECK(count == 0 || listed != NULL);
    }
    if (redshift_data_read_result(arena, call, &document, &next_token, &error) == STATUS_OK) {
        FUZZ_CHECK(json_kind(document) == JSON_OBJECT);
    }
    if (redshift_data_read_cancel(arena, call, &accepted, &error) != STATUS_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(FUZZ_ARENA_BYTES);
    struct aws_call call = {.service = AWS_REDSHIFT_DATA,
                            .operation = "Fuzz",
                            .status = STATUS_OK,
                            .reply = fuzz_input(data, size),
                            .code = 200};
    check_submit(arena, &call);
    check_describe(arena, &call);
    check_lists(arena, &call);
    call.status = STATUS_IN_DOUBT;
    call.code = 500;
    call.exchange.response = call.reply;
    (void)snprintf(call.error_name, sizeof(call.error_name), "ExecuteStatementException");
    (void)redshift_data_error_statement_id(arena, &call);
    return 0;
}
