/* Arbitrary answers of DynamoDB, and of a table's description. */
#include "tests/fuzz/fuzz.h"

#include "infra/aws/dynamodb.h"

static void check_items(struct arena *arena, struct json root)
{
    const struct dynamodb_page page = dynamodb_read_query(arena, root);
    size_t count = 0;
    for (struct json item = page.first; json_kind(item) != JSON_ABSENT; item = json_next(item)) {
        (void)dynamodb_text(item, "pk");
        (void)dynamodb_bytes(arena, item, "state");
        FUZZ_CHECK(dynamodb_number(item, "none", 7) == 7);
        count++;
    }
    FUZZ_CHECK(count == page.count);
}

static void check_batches(struct json root)
{
    struct dynamodb_get get = {.key = {.pk = "a", .sk = "r"}};
    struct dynamodb_get *gets[] = {&get};
    struct dynamodb_batch_write write = {.key = {.pk = "a", .sk = "r"}};
    struct dynamodb_batch_write *writes[] = {&write};
    dynamodb_read_batch_get(root, "t", gets, 1);
    dynamodb_read_batch_write(root, "t", writes, 1);
    /* What is there has the key that was asked for. */
    FUZZ_CHECK(json_kind(get.item) == JSON_ABSENT ||
               slice_equals_text(dynamodb_text(get.item, "pk"), "a"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(FUZZ_ARENA_BYTES);
    const struct aws_call call = {
        .service = AWS_DYNAMODB, .operation = "Fuzz", .reply = fuzz_input(data, size)};
    struct json root;
    struct error error = ERROR_NONE;
    if (dynamodb_read(arena, &call, &root, &error) != STATUS_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
        return 0;
    }
    check_items(arena, root);
    check_batches(root);
    (void)dynamodb_read_write(root);
    FUZZ_CHECK(dynamodb_consumed_milli(root) >= 0);
    return 0;
}
