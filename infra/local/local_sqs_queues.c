#include "infra/base/memory.h"
#include "infra/local/local_sqs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REST_MS     INT64_C(60000) /* between deletion and new making, and two purges */
#define LIST_MAX    1000
#define FIFO_SUFFIX SLICE(".fifo")

static bool check_name(struct slice name, struct local_sqs_problem *problem)
{
    struct slice stem = name;
    bool good = name.size > 0 && name.size <= LOCAL_QUEUE_NAME_MAX;
    if (slice_ends_with(name, FIFO_SUFFIX)) {
        stem = slice_part(name, 0, name.size - FIFO_SUFFIX.size);
        good = good && stem.size > 0;
    }
    for (size_t i = 0; i < stem.size; i++) {
        char c = stem.data[i];
        good = good && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '_');
    }
    return good || local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                                  "Can only include alphanumeric characters, hyphens, or "
                                  "underscores. 1 to 80 in length");
}

/* The name and FifoQueue must tell the same. */
static bool check_kind(struct json attributes, struct slice name, struct local_sqs_problem *problem)
{
    struct slice fifo = SLICE_NONE;
    if (!local_sqs_find_text(attributes, "FifoQueue", &fifo, problem)) {
        return false;
    }
    if (slice_ends_with(name, FIFO_SUFFIX) != slice_equals(fifo, SLICE("true"))) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "The name of a FIFO queue can only include alphanumeric characters, "
                              "hyphens, or underscores, must end with .fifo suffix and be 1 to 80 "
                              "in length.");
    }
    return fifo.data == NULL || slice_equals(fifo, SLICE("true")) ||
           local_sqs_fail(problem, LOCAL_SQS_ATTRIBUTE_NAME, "Unknown Attribute FifoQueue.");
}

/* All of them, before any is set. FifoQueue is checked by check_kind. */
static bool check_attributes(const struct local_sqs *sqs, struct json attributes,
                             struct slice queue_name, bool creating,
                             struct local_sqs_problem *problem)
{
    for (size_t i = 0; i < json_count(attributes); i++) {
        struct slice name = SLICE_NONE;
        struct slice value = SLICE_NONE;
        if (json_text(json_member_at(attributes, i, &name), &value, NULL) != STATUS_OK) {
            return local_sqs_fail(problem, LOCAL_SQS_SERIALIZATION,
                                  "Attributes: every value must be a string");
        }
        if (creating && slice_equals(name, SLICE("FifoQueue"))) {
            continue;
        }
        if (!local_sqs_attribute_check(sqs, queue_name, name, value, problem)) {
            return false;
        }
    }
    return true;
}

static void apply_attributes(struct local_queue *queue, struct json attributes)
{
    for (size_t i = 0; i < json_count(attributes); i++) {
        struct slice name = SLICE_NONE;
        struct slice value = SLICE_NONE;
        if (json_text(json_member_at(attributes, i, &name), &value, NULL) == STATUS_OK) {
            local_sqs_attribute_apply(queue, name, value);
        }
    }
}

static bool same_attributes(struct local_sqs_run *run, const struct local_queue *queue,
                            struct json attributes, struct local_sqs_problem *problem)
{
    for (size_t i = 0; i < json_count(attributes); i++) {
        struct slice name = SLICE_NONE;
        struct slice value = SLICE_NONE;
        if (json_text(json_member_at(attributes, i, &name), &value, NULL) != STATUS_OK ||
            !slice_equals(value, local_sqs_attribute_value(run->arena, queue, name))) {
            return local_sqs_fail(problem, LOCAL_SQS_QUEUE_NAME_EXISTS,
                                  "A queue already exists with the same name and a different value "
                                  "for attribute %.*s",
                                  SLICE_PRINT(name));
        }
    }
    return true;
}

/* Whether the name was deleted within the last minute; forgets what is older. */
static bool was_deleted_recently(struct local_sqs *sqs, struct slice name, int64_t now_ms)
{
    bool found = false;
    for (struct local_sqs_deleted **link = &sqs->deleted; *link != NULL;) {
        struct local_sqs_deleted *deleted = *link;
        if (deleted->deleted_at_ms + REST_MS <= now_ms) {
            *link = deleted->next;
            free(deleted);
        } else {
            found = found || slice_equals_text(name, deleted->name);
            link = &deleted->next;
        }
    }
    return found;
}

static void write_url(struct local_sqs_run *run, const struct local_queue *queue)
{
    json_write_text(&run->out, "QueueUrl", slice_from_text(local_sqs_queue_url(run, queue)));
}

bool local_sqs_create_queue(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    struct slice name = SLICE_NONE;
    struct json attributes = json_member(run->call->input, "Attributes");
    if (!local_sqs_get_text(run->call->input, "QueueName", &name, problem) ||
        !check_name(name, problem) || !check_kind(attributes, name, problem) ||
        !check_attributes(run->sqs, attributes, name, true, problem)) {
        return false;
    }
    struct local_queue *queue = local_sqs_find(run->sqs, name);
    if (queue != NULL) {
        if (!same_attributes(run, queue, attributes, problem)) {
            return false;
        }
    } else if (was_deleted_recently(run->sqs, name, run->now_ms)) {
        return local_sqs_fail(problem, LOCAL_SQS_QUEUE_DELETED_RECENTLY,
                              "You must wait 60 seconds after deleting a queue before you can "
                              "create another with the same name.");
    } else {
        queue = local_sqs_add_queue(run->sqs, name, run->now_ms);
        apply_attributes(queue, attributes);
    }
    write_url(run, queue);
    return true;
}

bool local_sqs_get_queue_url(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    struct slice name = SLICE_NONE;
    if (!local_sqs_get_text(run->call->input, "QueueName", &name, problem)) {
        return false;
    }
    const struct local_queue *queue = local_sqs_find(run->sqs, name);
    if (queue == NULL) {
        return local_sqs_fail(problem, LOCAL_SQS_QUEUE_DOES_NOT_EXIST,
                              "The specified queue does not exist.");
    }
    write_url(run, queue);
    return true;
}

/* NextToken is how many were told already. */
bool local_sqs_list_queues(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    struct json input = run->call->input;
    struct slice prefix = SLICE("");
    struct slice token = SLICE("0");
    int64_t max_count = LIST_MAX;
    int64_t skip = 0;
    int64_t place = 0;
    if (!local_sqs_find_text(input, "QueueNamePrefix", &prefix, problem) ||
        !local_sqs_find_text(input, "NextToken", &token, problem) ||
        !local_sqs_find_number(input, "MaxResults", 1, LIST_MAX, &max_count, problem)) {
        return false;
    }
    if (slice_to_int64(token, 0, INT32_MAX, &skip, NULL) != STATUS_OK) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE, "Invalid or expired next token.");
    }
    json_begin_array(&run->out, "QueueUrls");
    for (struct local_queue *queue = run->sqs->queues; queue != NULL; queue = queue->next) {
        if (!slice_starts_with(slice_from_text(queue->name), prefix)) {
            continue;
        }
        if (place >= skip && place < skip + max_count) {
            json_write_text(&run->out, NULL, slice_from_text(local_sqs_queue_url(run, queue)));
        }
        place++;
    }
    json_end_array(&run->out);
    if (place > skip + max_count) {
        json_write_text(&run->out, "NextToken",
                        slice_from_text(arena_format(run->arena, "%" PRId64, skip + max_count)));
    }
    return true;
}

bool local_sqs_delete_queue(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    struct local_queue *queue = local_sqs_queue(run, problem);
    if (queue == NULL) {
        return false;
    }
    struct local_queue **link = &run->sqs->queues;
    while (*link != queue) {
        link = &(*link)->next;
    }
    *link = queue->next;
    struct local_sqs_deleted *deleted = memory_new(sizeof(*deleted));
    memcpy(deleted->name, queue->name, sizeof(deleted->name));
    deleted->deleted_at_ms = run->now_ms;
    deleted->next = run->sqs->deleted;
    run->sqs->deleted = deleted;
    queue->deleted = true;
    if (queue->waiter_count == 0) {
        local_queue_free(queue);
    } else {
        pthread_cond_broadcast(&queue->changed);
    }
    return true;
}

bool local_sqs_purge_queue(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    struct local_queue *queue = local_sqs_queue(run, problem);
    if (queue == NULL) {
        return false;
    }
    if (queue->purged_at_ms != 0 && run->now_ms < queue->purged_at_ms + REST_MS) {
        return local_sqs_fail(problem, LOCAL_SQS_PURGE_IN_PROGRESS,
                              "Only one PurgeQueue operation on %s is allowed every 60 seconds.",
                              queue->name);
    }
    queue->purged_at_ms = run->now_ms;
    local_queue_purge(queue);
    return true;
}

bool local_sqs_set_queue_attributes(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    struct json attributes = json_member(run->call->input, "Attributes");
    struct local_queue *queue = local_sqs_queue(run, problem);
    if (queue == NULL) {
        return false;
    }
    if (json_kind(attributes) != JSON_OBJECT) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_MISSING,
                              "The request must contain the parameter Attributes.");
    }
    if (!check_attributes(run->sqs, attributes, slice_from_text(queue->name), false, problem)) {
        return false;
    }
    apply_attributes(queue, attributes);
    queue->modified_at_ms = run->now_ms;
    return true;
}

bool local_sqs_get_queue_attributes(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    struct local_queue *queue = local_sqs_queue(run, problem);
    struct json names = json_member(run->call->input, "AttributeNames");
    struct json name = json_element(names, 0);
    if (queue == NULL) {
        return false;
    }
    if (json_count(names) == 0) {
        return true;
    }
    json_begin_object(&run->out, "Attributes");
    for (size_t i = json_count(names); i > 0; i--, name = json_next(name)) {
        struct slice text = SLICE_NONE;
        if (json_text(name, &text, NULL) != STATUS_OK ||
            !(slice_equals(text, SLICE("All")) || local_sqs_attribute_known(text))) {
            return local_sqs_fail(problem, LOCAL_SQS_ATTRIBUTE_NAME, "Unknown Attribute %.*s.",
                                  SLICE_PRINT(slice_cut_utf8(text, 100)));
        }
        if (slice_equals(text, SLICE("All"))) {
            local_sqs_attributes_write(run, queue);
            break;
        }
        json_write_text_if(&run->out, arena_text(run->arena, text),
                           local_sqs_attribute_value(run->arena, queue, text));
    }
    json_end_object(&run->out);
    return true;
}
