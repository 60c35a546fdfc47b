#include "infra/local/local_sqs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX_BYTES    20480
#define ACCOUNT_ARN       "arn:aws:sqs:"
#define RECEIVE_COUNT_MAX 1000

enum kind { KIND_NUMBER, KIND_FLAG, KIND_TEXT, KIND_CHOICE, KIND_READ_ONLY };

/* Every attribute. Numbers are seconds or bytes; the first choice is the initial one. */
static const struct attribute {
    const char *name;
    enum kind kind;
    unsigned index; /* of numbers or texts */
    bool fifo_only;
    int64_t minimum;
    int64_t maximum;
    int64_t initial;
    const char *choices[2];
} ATTRIBUTES[] = {
    {"VisibilityTimeout", KIND_NUMBER, LOCAL_QUEUE_VISIBILITY, false, 0, 43200, 30, {0}},
    {"DelaySeconds", KIND_NUMBER, LOCAL_QUEUE_DELAY, false, 0, 900, 0, {0}},
    {"MessageRetentionPeriod", KIND_NUMBER, LOCAL_QUEUE_RETENTION, false, 60, 1209600, 345600, {0}},
    {"ReceiveMessageWaitTimeSeconds", KIND_NUMBER, LOCAL_QUEUE_WAIT, false, 0, 20, 0, {0}},
    {"MaximumMessageSize", KIND_NUMBER, LOCAL_QUEUE_SIZE, false, 1024, 1048576, 1048576, {0}},
    {"KmsDataKeyReusePeriodSeconds",
     KIND_NUMBER,
     LOCAL_QUEUE_KEY_REUSE,
     false,
     60,
     86400,
     300,
     {0}},
    {"SqsManagedSseEnabled", KIND_FLAG, LOCAL_QUEUE_MANAGED_ENCRYPTION, false, 0, 1, 1, {0}},
    {"ContentBasedDeduplication", KIND_FLAG, LOCAL_QUEUE_CONTENT_DEDUPLICATION, true, 0, 1, 0, {0}},
    {"Policy", KIND_TEXT, LOCAL_QUEUE_POLICY, false, 0, 0, 0, {0}},
    {"RedrivePolicy", KIND_TEXT, LOCAL_QUEUE_REDRIVE, false, 0, 0, 0, {0}},
    {"RedriveAllowPolicy", KIND_TEXT, LOCAL_QUEUE_REDRIVE_ALLOW, false, 0, 0, 0, {0}},
    {"KmsMasterKeyId", KIND_TEXT, LOCAL_QUEUE_KEY, false, 0, 0, 0, {0}},
    {"DeduplicationScope",
     KIND_CHOICE,
     LOCAL_QUEUE_DEDUPLICATION_SCOPE,
     true,
     0,
     0,
     0,
     {"queue", "messageGroup"}},
    {"FifoThroughputLimit",
     KIND_CHOICE,
     LOCAL_QUEUE_THROUGHPUT_LIMIT,
     true,
     0,
     0,
     0,
     {"perQueue", "perMessageGroupId"}},
    {"FifoQueue", KIND_READ_ONLY, 0, true, 0, 0, 0, {0}},
    {"QueueArn", KIND_READ_ONLY, 0, false, 0, 0, 0, {0}},
    {"ApproximateNumberOfMessages", KIND_READ_ONLY, 0, false, 0, 0, 0, {0}},
    {"ApproximateNumberOfMessagesNotVisible", KIND_READ_ONLY, 0, false, 0, 0, 0, {0}},
    {"ApproximateNumberOfMessagesDelayed", KIND_READ_ONLY, 0, false, 0, 0, 0, {0}},
    {"CreatedTimestamp", KIND_READ_ONLY, 0, false, 0, 0, 0, {0}},
    {"LastModifiedTimestamp", KIND_READ_ONLY, 0, false, 0, 0, 0, {0}},
};

static const struct attribute *find_attribute(struct slice name)
{
    for (size_t i = 0; i < ARRAY_COUNT(ATTRIBUTES); i++) {
        if (slice_equals_text(name, ATTRIBUTES[i].name)) {
            return &ATTRIBUTES[i];
        }
    }
    return NULL;
}

bool local_sqs_attribute_known(struct slice name)
{
    return find_attribute(name) != NULL;
}

void local_sqs_attributes_default(struct local_queue *queue)
{
    for (size_t i = 0; i < ARRAY_COUNT(ATTRIBUTES); i++) {
        if (ATTRIBUTES[i].kind == KIND_NUMBER || ATTRIBUTES[i].kind == KIND_FLAG) {
            queue->numbers[ATTRIBUTES[i].index] = ATTRIBUTES[i].initial;
        }
    }
}

/* --- RedrivePolicy --- */

static struct slice arn_name(struct slice arn)
{
    struct slice name = arn;
    for (size_t i = 0; i < arn.size; i++) {
        if (arn.data[i] == ':') {
            name = slice_part(arn, i + 1, arn.size);
        }
    }
    return name;
}

/* {"deadLetterTargetArn":"...","maxReceiveCount":N}; N may be a text, as CloudFormation writes it.
 */
static bool read_redrive(struct slice value, struct slice *arn, int64_t *max_receive_count)
{
    struct json policy;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new((size_t)TEXT_MAX_BYTES * 16);
    struct slice text = SLICE_NONE;
    struct slice found = SLICE_NONE;
    if (json_parse(arena, value, &policy, NULL) != STATUS_OK ||
        json_get_text(policy, "deadLetterTargetArn", LOCAL_SQS_ARN_BYTES, &found, NULL) !=
            STATUS_OK ||
        !slice_starts_with(found, SLICE(ACCOUNT_ARN))) {
        return false;
    }
    /* Into the caller's text: the parsed one dies here. */
    *arn = slice_part(value, slice_find(value, found), found.size);
    if (json_get_text(policy, "maxReceiveCount", 0, &text, NULL) == STATUS_OK) {
        return slice_to_int64(text, 1, RECEIVE_COUNT_MAX, max_receive_count, NULL) == STATUS_OK;
    }
    return json_get_int64(policy, "maxReceiveCount", 1, RECEIVE_COUNT_MAX, max_receive_count,
                          NULL) == STATUS_OK;
}

static bool check_redrive(const struct local_sqs *sqs, struct slice queue_name, struct slice value,
                          struct local_sqs_problem *problem)
{
    struct slice arn = SLICE_NONE;
    int64_t max_receive_count = 0;
    if (!read_redrive(value, &arn, &max_receive_count)) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "Value for parameter RedrivePolicy is invalid. Reason: It must hold "
                              "deadLetterTargetArn and maxReceiveCount between 1 and 1000.");
    }
    struct slice dead = arn_name(arn);
    if (local_sqs_find(sqs, dead) == NULL || slice_equals(dead, queue_name)) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "Value for parameter RedrivePolicy is invalid. Reason: Dead letter "
                              "target does not exist, or is the queue itself.");
    }
    if (slice_ends_with(dead, SLICE(".fifo")) != slice_ends_with(queue_name, SLICE(".fifo"))) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "Value for parameter RedrivePolicy is invalid. Reason: Dead-letter "
                              "queue must be same type of queue as the source.");
    }
    return true;
}

/* --- setting --- */

static bool fail_value(const struct attribute *attribute, struct local_sqs_problem *problem)
{
    return local_sqs_fail(problem, LOCAL_SQS_ATTRIBUTE_VALUE, "Invalid value for the parameter %s.",
                          attribute->name);
}

static bool check_value(const struct local_sqs *sqs, struct slice queue_name,
                        const struct attribute *attribute, struct slice value,
                        struct local_sqs_problem *problem)
{
    int64_t number = 0;
    bool good = false;
    switch (attribute->kind) {
    case KIND_NUMBER:
        good = slice_to_int64(value, attribute->minimum, attribute->maximum, &number, NULL) ==
               STATUS_OK;
        break;
    case KIND_FLAG:
        good = slice_equals(value, SLICE("true")) || slice_equals(value, SLICE("false"));
        break;
    case KIND_CHOICE:
        good = slice_equals_text(value, attribute->choices[0]) ||
               slice_equals_text(value, attribute->choices[1]);
        break;
    case KIND_TEXT:
        if (attribute->index == LOCAL_QUEUE_REDRIVE && value.size > 0) {
            return check_redrive(sqs, queue_name, value, problem);
        }
        good = value.size <= TEXT_MAX_BYTES;
        break;
    case KIND_READ_ONLY: break;
    }
    return good || fail_value(attribute, problem);
}

bool local_sqs_attribute_check(const struct local_sqs *sqs, struct slice queue_name,
                               struct slice name, struct slice value,
                               struct local_sqs_problem *problem)
{
    const struct attribute *attribute = find_attribute(name);
    bool fifo = slice_ends_with(queue_name, SLICE(".fifo"));
    if (attribute == NULL || attribute->kind == KIND_READ_ONLY || (attribute->fifo_only && !fifo)) {
        return local_sqs_fail(problem, LOCAL_SQS_ATTRIBUTE_NAME, "Unknown Attribute %.*s.",
                              SLICE_PRINT(slice_cut_utf8(name, 100)));
    }
    return check_value(sqs, queue_name, attribute, value, problem);
}

static void apply_redrive(struct local_queue *queue, struct slice value)
{
    struct slice arn = SLICE_NONE;
    queue->max_receive_count = 0;
    if (value.size > 0 && read_redrive(value, &arn, &queue->max_receive_count)) {
        struct slice name = slice_part(arn_name(arn), 0, LOCAL_QUEUE_NAME_MAX);
        memset(queue->dead_name, 0, sizeof(queue->dead_name));
        memcpy(queue->dead_name, name.data, name.size);
    }
}

void local_sqs_attribute_apply(struct local_queue *queue, struct slice name, struct slice value)
{
    const struct attribute *attribute = find_attribute(name);
    if (attribute == NULL) {
        return;
    }
    switch (attribute->kind) {
    case KIND_NUMBER:
        if (slice_to_int64(value, attribute->minimum, attribute->maximum,
                           &queue->numbers[attribute->index], NULL) != STATUS_OK) {
            queue->numbers[attribute->index] = attribute->initial;
        }
        break;
    case KIND_FLAG:
        queue->numbers[attribute->index] = slice_equals(value, SLICE("true")) ? 1 : 0;
        break;
    case KIND_TEXT:
    case KIND_CHOICE:
        if (attribute->index == LOCAL_QUEUE_REDRIVE) {
            apply_redrive(queue, value);
        }
        free(queue->texts[attribute->index]);
        /* An empty text takes the attribute away. */
        queue->texts[attribute->index] = value.size > 0 ? local_copy_text(value) : NULL;
        break;
    case KIND_READ_ONLY: break;
    }
}

/* --- reading --- */

static struct slice number_text(struct arena *arena, int64_t number)
{
    return slice_from_text(arena_format(arena, "%" PRId64, number));
}

static struct slice read_only_value(struct arena *arena, const struct local_queue *queue,
                                    const char *name)
{
    if (strcmp(name, "QueueArn") == 0) {
        return slice_from_text(arena_format(arena, LOCAL_SQS_QUEUE_ARN "%s", queue->name));
    }
    if (strcmp(name, "FifoQueue") == 0) {
        return queue->fifo ? SLICE("true") : SLICE_NONE;
    }
    if (strcmp(name, "CreatedTimestamp") == 0) {
        return number_text(arena, queue->created_at_ms / 1000);
    }
    if (strcmp(name, "LastModifiedTimestamp") == 0) {
        return number_text(arena, queue->modified_at_ms / 1000);
    }
    if (strcmp(name, "ApproximateNumberOfMessagesNotVisible") == 0) {
        return number_text(arena, (int64_t)queue->in_flight_count);
    }
    if (strcmp(name, "ApproximateNumberOfMessagesDelayed") == 0) {
        return number_text(arena, (int64_t)queue->delayed_count);
    }
    return number_text(arena, (int64_t)local_queue_ready_count(queue));
}

static struct slice value_of(struct arena *arena, const struct local_queue *queue,
                             const struct attribute *attribute)
{
    if (attribute->fifo_only && !queue->fifo) {
        return SLICE_NONE;
    }
    switch (attribute->kind) {
    case KIND_NUMBER: return number_text(arena, queue->numbers[attribute->index]);
    case KIND_FLAG: return queue->numbers[attribute->index] != 0 ? SLICE("true") : SLICE("false");
    case KIND_TEXT: return slice_from_text(queue->texts[attribute->index]);
    case KIND_CHOICE:
        return slice_from_text(queue->texts[attribute->index] != NULL
                                   ? queue->texts[attribute->index]
                                   : attribute->choices[0]);
    case KIND_READ_ONLY: return read_only_value(arena, queue, attribute->name);
    }
    return SLICE_NONE;
}

struct slice local_sqs_attribute_value(struct arena *arena, const struct local_queue *queue,
                                       struct slice name)
{
    const struct attribute *attribute = find_attribute(name);
    return attribute != NULL ? value_of(arena, queue, attribute) : SLICE_NONE;
}

void local_sqs_attributes_write(struct local_sqs_run *run, const struct local_queue *queue)
{
    for (size_t i = 0; i < ARRAY_COUNT(ATTRIBUTES); i++) {
        json_write_text_if(&run->out, ATTRIBUTES[i].name,
                           value_of(run->arena, queue, &ATTRIBUTES[i]));
    }
}
