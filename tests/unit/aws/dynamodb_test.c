/* DynamoDB calls as they go out and answers as they come in. */
#include "tests/support/cmocka.h"

#include "infra/aws/dynamodb.h"

#include <string.h>

/* Fixture. */

static int setup(void **state)
{
    *state = arena_new(16u << 20);
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* Helpers. */

static const struct dynamodb_key key = {.pk = "r#1", .sk = "r"};

static void assert_body(const struct aws_call *call, const char *operation, const char *body)
{
    assert_int_equal(call->service, AWS_DYNAMODB);
    assert_string_equal(call->operation, operation);
    if (!slice_equals_text(call->body, body)) {
        fail_msg("%.*s\nshould be\n%s", SLICE_PRINT(call->body), body);
    }
}

static struct json answer(struct arena *arena, const char *reply)
{
    const struct aws_call call = {.operation = "X", .reply = slice_from_text(reply)};
    struct json root;
    struct error error = ERROR_NONE;

    if (dynamodb_read(arena, &call, &root, &error) != STATUS_OK) {
        fail_msg("%s", error.text);
    }
    return root;
}

static void assert_slice(struct slice is, struct slice should)
{
    assert_int_equal(is.data == NULL, should.data == NULL);
    if (!slice_equals(is, should)) {
        fail_msg("\"%.*s\" should be \"%.*s\"", SLICE_PRINT(is), SLICE_PRINT(should));
    }
}

/* Success. */

static void a_put_names_its_attributes_and_its_condition(void **state)
{
    struct dynamodb_write write = {.table = "t",
                                   .key = key,
                                   .condition = "attribute_not_exists(#pk) OR #expires <= :now",
                                   .tells_item = true};
    struct aws_call call = {0};

    dynamodb_add_number(&write.values, "version", 1);
    dynamodb_add_bytes(&write.values, "state", SLICE("\0\xff"));
    dynamodb_add_bytes(&write.values, "plan", SLICE_NONE);
    dynamodb_add_text(&write.values, "owner", SLICE("a \"host\""));
    dynamodb_add_number(&write.extra, "now", INT64_MAX);
    dynamodb_build_put(*state, &write, &call);
    assert_body(&call, "PutItem",
                "{\"TableName\":\"t\",\"Item\":{\"pk\":{\"S\":\"r#1\"},\"sk\":{\"S\":\"r\"},"
                "\"version\":{\"N\":\"1\"},\"state\":{\"B\":\"AP8=\"},"
                "\"owner\":{\"S\":\"a \\\"host\\\"\"}},"
                "\"ConditionExpression\":\"attribute_not_exists(#pk) OR #expires <= :now\","
                "\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\","
                "\"ExpressionAttributeNames\":{\"#pk\":\"pk\",\"#expires\":\"expires\"},"
                "\"ExpressionAttributeValues\":{\":now\":{\"N\":\"9223372036854775807\"}},"
                "\"ReturnConsumedCapacity\":\"TOTAL\"}");
}

static void an_update_names_what_both_expressions_use(void **state)
{
    struct dynamodb_write write = {.table = "t",
                                   .key = key,
                                   .update = "SET #due = :due, #version = #version + :one",
                                   .condition = "#version = :version AND #due > :due",
                                   .returns = "ALL_OLD"};
    struct aws_call call = {0};

    dynamodb_add_number(&write.values, "due", -5);
    dynamodb_build_update(*state, &write, &call);
    assert_body(&call, "UpdateItem",
                "{\"TableName\":\"t\",\"Key\":{\"pk\":{\"S\":\"r#1\"},\"sk\":{\"S\":\"r\"}},"
                "\"UpdateExpression\":\"SET #due = :due, #version = #version + :one\","
                "\"ConditionExpression\":\"#version = :version AND #due > :due\","
                "\"ReturnValues\":\"ALL_OLD\","
                "\"ExpressionAttributeNames\":{\"#due\":\"due\",\"#version\":\"version\"},"
                "\"ExpressionAttributeValues\":{\":due\":{\"N\":\"-5\"}},"
                "\"ReturnConsumedCapacity\":\"TOTAL\"}");
}

static void a_deletion_without_condition_says_only_what(void **state)
{
    const struct dynamodb_write write = {.table = "t", .key = key};
    struct aws_call call = {0};

    dynamodb_build_delete(*state, &write, &call);
    assert_body(&call, "DeleteItem",
                "{\"TableName\":\"t\",\"Key\":{\"pk\":{\"S\":\"r#1\"},\"sk\":{\"S\":\"r\"}},"
                "\"ReturnConsumedCapacity\":\"TOTAL\"}");
}

static void batches_carry_keys_and_items(void **state)
{
    struct dynamodb_batch_write put = {.key = key};
    struct dynamodb_batch_write deletion = {.key = {.pk = "l#00", .sk = "x"}, .is_delete = true};
    struct dynamodb_batch_write *writes[] = {&put, &deletion};
    struct dynamodb_get get = {.key = key};
    struct dynamodb_get *gets[] = {&get};
    struct aws_call call = {0};

    dynamodb_add_number(&put.values, "ttl", 7);
    dynamodb_build_batch_write(*state, "t", writes, 2, &call);
    assert_body(&call, "BatchWriteItem",
                "{\"RequestItems\":{\"t\":["
                "{\"PutRequest\":{\"Item\":{\"pk\":{\"S\":\"r#1\"},\"sk\":{\"S\":\"r\"},"
                "\"ttl\":{\"N\":\"7\"}}}},"
                "{\"DeleteRequest\":{\"Key\":{\"pk\":{\"S\":\"l#00\"},\"sk\":{\"S\":\"x\"}}}}]},"
                "\"ReturnConsumedCapacity\":\"TOTAL\"}");
    dynamodb_build_batch_get(*state, "t", gets, 1, true, &call);
    assert_body(
        &call, "BatchGetItem",
        "{\"RequestItems\":{\"t\":{\"Keys\":[{\"pk\":{\"S\":\"r#1\"},\"sk\":{\"S\":\"r\"}}],"
        "\"ConsistentRead\":true}},\"ReturnConsumedCapacity\":\"TOTAL\"}");
}

static void a_query_goes_on_where_its_page_ended(void **state)
{
    struct dynamodb_query query = {
        .table = "t", .index = "due", .condition = "#part = :part", .descending = true, .limit = 3};
    const struct dynamodb_page page = dynamodb_read_query(
        *state,
        answer(*state, "{\"Items\":[{\"pk\":{\"S\":\"a\"}},{\"pk\":{\"S\":\"b\"}}],"
                       "\"LastEvaluatedKey\":{\"pk\":{\"S\":\"b\"},\"due\":{\"N\":\"12\"}}}"));
    struct aws_call call = {0};

    assert_int_equal(page.count, 2);
    assert_slice(dynamodb_text(json_next(page.first), "pk"), SLICE("b"));
    dynamodb_add_text(&query.values, "part", SLICE("1#00"));
    query.start_from = page.next;
    dynamodb_build_query(*state, &query, &call);
    assert_body(&call, "Query",
                "{\"TableName\":\"t\",\"IndexName\":\"due\","
                "\"KeyConditionExpression\":\"#part = :part\","
                "\"ExpressionAttributeNames\":{\"#part\":\"part\"},"
                "\"ExpressionAttributeValues\":{\":part\":{\"S\":\"1#00\"}},"
                "\"ScanIndexForward\":false,\"ConsistentRead\":false,\"Limit\":3,"
                "\"ExclusiveStartKey\":{\"pk\":{\"S\":\"b\"},\"due\":{\"N\":\"12\"}},"
                "\"ReturnConsumedCapacity\":\"TOTAL\"}");
    assert_null(dynamodb_read_query(*state, answer(*state, "{\"Items\":[]}")).next.data);
}

static void a_table_is_defined_by_its_name_and_the_rest(void **state)
{
    struct aws_call call = {0};

    dynamodb_build_define(*state, "CreateTable", "t", SLICE(" {\"A\":[1]}\n"), &call);
    assert_body(&call, "CreateTable", "{\"TableName\":\"t\",\"A\":[1]}");
    dynamodb_build_describe(*state, "DescribeTable", "t", &call);
    assert_body(&call, "DescribeTable", "{\"TableName\":\"t\"}");
}

static void attributes_come_back_by_their_kind(void **state)
{
    const struct json item =
        json_member(answer(*state, "{\"Item\":{\"s\":{\"S\":\"text\"},\"n\":{\"N\":\"-12\"},"
                                   "\"b\":{\"B\":\"AP8=\"},\"empty\":{\"B\":\"\"},"
                                   "\"wide\":{\"N\":\"1e400\"},\"bad\":{\"B\":\"=\"}}}"),
                    "Item");

    assert_slice(dynamodb_text(item, "s"), SLICE("text"));
    assert_int_equal(dynamodb_number(item, "n", 0), -12);
    assert_slice(dynamodb_bytes(*state, item, "b"), SLICE("\0\xff"));
    assert_slice(dynamodb_bytes(*state, item, "empty"), SLICE(""));
    /* Another kind, none, or no such value. */
    assert_slice(dynamodb_text(item, "n"), SLICE_NONE);
    assert_int_equal(dynamodb_number(item, "s", 5), 5);
    assert_int_equal(dynamodb_number(item, "wide", 5), 5);
    assert_int_equal(dynamodb_number(item, "none", 5), 5);
    assert_slice(dynamodb_bytes(*state, item, "bad"), SLICE_NONE);
    assert_slice(dynamodb_bytes(*state, item, "none"), SLICE_NONE);
}

static void unprocessed_keys_are_not_done(void **state)
{
    struct dynamodb_get found = {.key = {.pk = "a", .sk = "r"}};
    struct dynamodb_get missing = {.key = {.pk = "b", .sk = "r"}};
    struct dynamodb_get undone = {.key = {.pk = "c", .sk = "r"}};
    struct dynamodb_get *gets[] = {&found, &missing, &undone};

    dynamodb_read_batch_get(
        answer(*state, "{\"Responses\":{\"t\":[{\"v\":{\"N\":\"3\"},\"sk\":{\"S\":\"r\"},"
                       "\"pk\":{\"S\":\"a\"}}]},\"UnprocessedKeys\":{\"t\":{\"Keys\":"
                       "[{\"pk\":{\"S\":\"c\"},\"sk\":{\"S\":\"r\"}}]}}}"),
        "t", gets, 3);
    assert_true(found.done && json_exists(found.item));
    assert_int_equal(dynamodb_number(found.item, "v", 0), 3);
    assert_true(missing.done && !json_exists(missing.item));
    assert_false(undone.done);
}

static void unprocessed_writes_are_not_done(void **state)
{
    struct dynamodb_batch_write first = {.key = {.pk = "a", .sk = "r"}};
    struct dynamodb_batch_write second = {.key = {.pk = "b", .sk = "r"}, .is_delete = true};
    struct dynamodb_batch_write third = {.key = {.pk = "c", .sk = "r"}};
    struct dynamodb_batch_write *writes[] = {&first, &second, &third};

    dynamodb_read_batch_write(
        answer(*state,
               "{\"UnprocessedItems\":{\"t\":["
               "{\"DeleteRequest\":{\"Key\":{\"sk\":{\"S\":\"r\"},\"pk\":{\"S\":\"b\"}}}},"
               "{\"PutRequest\":{\"Item\":{\"pk\":{\"S\":\"c\"},\"sk\":{\"S\":\"r\"}}}}]}}"),
        "t", writes, 3);
    assert_true(first.done);
    assert_false(second.done);
    assert_false(third.done);
}

static void a_failed_condition_tells_the_item_where_the_service_does(void **state)
{
    const struct aws_call failed = {.status = STATUS_REJECTED,
                                    .error_name = "ConditionalCheckFailedException"};
    const struct aws_call refused = {.status = STATUS_REJECTED,
                                     .error_name = "ValidationException"};

    assert_true(dynamodb_condition_failed(&failed));
    assert_false(dynamodb_condition_failed(&refused));
    assert_true(json_exists(
        dynamodb_read_write(answer(*state, "{\"__type\":\"x\",\"Item\":{\"v\":{\"N\":\"2\"}}}"))));
    assert_true(
        json_exists(dynamodb_read_write(answer(*state, "{\"Attributes\":{\"v\":{\"N\":\"2\"}}}"))));
    assert_false(json_exists(dynamodb_read_write(answer(*state, "{\"__type\":\"x\"}"))));
}

static void cost_is_added_up(void **state)
{
    assert_int_equal(dynamodb_consumed_milli(answer(*state, "{}")), 0);
    assert_int_equal(
        dynamodb_consumed_milli(answer(*state, "{\"ConsumedCapacity\":{\"CapacityUnits\":0.5}}")),
        500);
    assert_int_equal(
        dynamodb_consumed_milli(answer(*state, "{\"ConsumedCapacity\":[{\"CapacityUnits\":1.0},"
                                               "{\"CapacityUnits\":12.5}]}")),
        13500);
}

/* Failure. */

static void an_answer_that_is_no_object_is_internal(void **state)
{
    static const char *const replies[] = {"[]", "{", "<html>", "\"x\""};

    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        const struct aws_call call = {.operation = "Query", .reply = slice_from_text(replies[i])};
        struct json root;
        struct error error = ERROR_NONE;
        assert_int_equal(dynamodb_read(*state, &call, &root, &error), STATUS_INTERNAL);
        assert_non_null(strstr(error.text, "dynamodb.Query"));
    }
}

static void a_strange_answer_reads_as_nothing(void **state)
{
    struct dynamodb_get get = {.key = key};
    struct dynamodb_get *gets[] = {&get};
    const struct json root =
        answer(*state, "{\"Items\":7,\"Responses\":[],\"UnprocessedKeys\":{\"t\":{\"Keys\":\"x\"}},"
                       "\"LastEvaluatedKey\":\"x\",\"ConsumedCapacity\":{\"CapacityUnits\":-1}}");

    dynamodb_read_batch_get(root, "t", gets, 1);
    assert_true(get.done && !json_exists(get.item));
    assert_int_equal(dynamodb_read_query(*state, root).count, 0);
    assert_null(dynamodb_read_query(*state, root).next.data);
    assert_int_equal(dynamodb_consumed_milli(root), 0);
}

static void items_that_are_no_array_are_none(void **state)
{
    const struct dynamodb_page page =
        dynamodb_read_query(*state, answer(*state, "{\"Items\":{\"pk\":{\"S\":\"a\"}}}"));

    assert_int_equal(page.count, 0);
    assert_false(json_exists(page.first));
}

#define DYNAMODB_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DYNAMODB_TEST(a_put_names_its_attributes_and_its_condition),
        DYNAMODB_TEST(an_update_names_what_both_expressions_use),
        DYNAMODB_TEST(a_deletion_without_condition_says_only_what),
        DYNAMODB_TEST(batches_carry_keys_and_items),
        DYNAMODB_TEST(a_query_goes_on_where_its_page_ended),
        DYNAMODB_TEST(a_table_is_defined_by_its_name_and_the_rest),
        DYNAMODB_TEST(attributes_come_back_by_their_kind),
        DYNAMODB_TEST(unprocessed_keys_are_not_done),
        DYNAMODB_TEST(unprocessed_writes_are_not_done),
        DYNAMODB_TEST(a_failed_condition_tells_the_item_where_the_service_does),
        DYNAMODB_TEST(cost_is_added_up),
        DYNAMODB_TEST(an_answer_that_is_no_object_is_internal),
        DYNAMODB_TEST(a_strange_answer_reads_as_nothing),
        DYNAMODB_TEST(items_that_are_no_array_are_none),
    };

    return cmocka_run_group_tests_name("dynamodb", tests, NULL, NULL);
}
