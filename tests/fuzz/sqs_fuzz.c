/* Arbitrary answers of a queue service. */
#include "tests/fuzz/fuzz.h"

#include "infra/aws/service_error.h"
#include "infra/aws/sqs.h"
#include "infra/aws/xml.h"

static void check_receive(struct arena *arena, const struct aws_call *call)
{
    struct sqs_message *messages = NULL;
    struct error error = ERROR_NONE;
    size_t count = 0;
    if (sqs_read_receive(arena, call, &messages, &count, &error) != STATUS_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
        return;
    }
    for (size_t i = 0; i < count; i++) {
        FUZZ_CHECK(messages[i].receipt_handle.data != NULL && messages[i].body.data != NULL);
    }
}

static void check_batch(struct arena *arena, const struct aws_call *call)
{
    bool failed[SQS_BATCH_MAX] = {false};
    struct error error = ERROR_NONE;
    size_t failed_count = 0;
    size_t set = 0;
    if (sqs_read_batch(arena, call, failed, SQS_BATCH_MAX, &failed_count, &error) != STATUS_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
        return;
    }
    for (size_t i = 0; i < SQS_BATCH_MAX; i++) {
        set += failed[i];
    }
    FUZZ_CHECK(set == failed_count);
}

static void check_error(struct arena *arena, struct slice input)
{
    const struct http_exchange exchange = {
        .status = STATUS_OK, .code = 400, .response = input, .response_headers = input};
    char name[AWS_ERROR_NAME_BYTES] = "";
    char message[AWS_ERROR_MESSAGE_BYTES] = "";
    service_error_read(arena, &exchange, name, message);
    FUZZ_CHECK(slice_is_utf8(slice_from_text(name)));
    FUZZ_CHECK(slice_is_utf8(slice_from_text(message)));
    (void)xml_text(arena, input, "Message");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(FUZZ_ARENA_BYTES);
    struct slice input = fuzz_input(data, size);
    const struct aws_call call = {
        .service = AWS_SQS, .operation = "Fuzz", .status = STATUS_OK, .reply = input, .code = 200};
    struct error error = ERROR_NONE;
    struct slice text = SLICE_NONE;
    struct sqs_queue queue;
    check_receive(arena, &call);
    check_batch(arena, &call);
    check_error(arena, input);
    if (sqs_read_send(arena, &call, &text, &error) == STATUS_OK) {
        FUZZ_CHECK(text.data != NULL);
    }
    if (sqs_read_attributes(arena, &call, &queue, &error) != STATUS_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
    }
    return 0;
}
