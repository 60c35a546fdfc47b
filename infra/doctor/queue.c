#include "infra/doctor/queue.h"

#include "infra/aws/arn.h"

#include <inttypes.h>

#define DAY_SECONDS 86400

/* The alias of the key that AWS manages; its policy cannot be changed. */
static bool is_key_of_aws(struct slice key_id)
{
    return slice_equals_text(key_id, "alias/aws/sqs") ||
           slice_ends_with(key_id, SLICE(":alias/aws/sqs"));
}

static void judge_visibility(struct findings *findings, const struct queue_facts *facts)
{
    const int64_t is_seconds = facts->queue->visibility_seconds;
    const int64_t wanted_seconds = QUEUE_FUNCTION_TIMEOUTS * facts->function_timeout_seconds;
    if (is_seconds < 0) {
        return;
    }
    if (is_seconds < wanted_seconds) {
        findings_add(findings, FOUND_QUEUE_VISIBILITY_LAMBDA, facts->subject,
                     "visibility timeout is %" PRId64 " s, %d times the function's %" PRId64
                     " s are %" PRId64 " s",
                     is_seconds, QUEUE_FUNCTION_TIMEOUTS, facts->function_timeout_seconds,
                     wanted_seconds);
    } else if (wanted_seconds == 0 && is_seconds < QUEUE_VISIBILITY_SECONDS) {
        findings_add(findings, FOUND_QUEUE_VISIBILITY, facts->subject,
                     "visibility timeout is %" PRId64 " s, less than %d s", is_seconds,
                     QUEUE_VISIBILITY_SECONDS);
    }
}

static void judge_retention(struct findings *findings, const char *subject,
                            const struct sqs_queue *queue, int64_t wanted_seconds)
{
    if (queue->retention_seconds >= 0 && queue->retention_seconds < wanted_seconds) {
        findings_add(findings, FOUND_QUEUE_RETENTION, subject,
                     "messages are kept for %" PRId64 " s, less than %" PRId64 " days",
                     queue->retention_seconds, wanted_seconds / DAY_SECONDS);
    }
}

static void judge_kind(struct findings *findings, const struct queue_facts *facts)
{
    const struct sqs_queue *queue = facts->queue;
    if (queue->is_fifo) {
        findings_add(findings, FOUND_QUEUE_FIFO, facts->subject, "it is a FIFO queue");
    }
    if (facts->is_of_events && is_key_of_aws(queue->key_id)) {
        findings_add(findings, FOUND_QUEUE_KEY, facts->subject, "it is encrypted with %.*s",
                     SLICE_PRINT(queue->key_id));
    }
}

void queue_judge(struct findings *findings, const struct queue_facts *facts)
{
    const struct sqs_queue *queue = facts->queue;
    const char *key = queue->key_id.size > 0 && !is_key_of_aws(queue->key_id)
                          ? "; the policy of its KMS key was not looked at"
                          : "";
    findings_add(findings, FOUND_FINE, facts->subject,
                 "%" PRId64 " messages, %" PRId64 " in flight%s", queue->visible, queue->in_flight,
                 key);
    judge_visibility(findings, facts);
    judge_retention(findings, facts->subject, queue, QUEUE_RETENTION_SECONDS);
    judge_kind(findings, facts);
    if (queue->dead_letter_arn.size > 0 && queue->max_receive_count < QUEUE_RECEIVES_MIN) {
        findings_add(findings, FOUND_QUEUE_RECEIVES, facts->subject,
                     "messages are moved away after %" PRId64 " receipts, fewer than %d",
                     queue->max_receive_count, QUEUE_RECEIVES_MIN);
    }
}

void queue_judge_dead(struct findings *findings, const char *subject, const struct sqs_queue *dead,
                      int64_t source_retention_seconds)
{
    const int64_t count = dead->visible + dead->in_flight;
    findings_add(findings, count > 0 ? FOUND_DEAD_LETTERS : FOUND_FINE, subject,
                 "%" PRId64 " messages", count);
    if (source_retention_seconds >= 0) {
        judge_retention(findings, subject, dead, source_retention_seconds);
    }
}

const char *queue_url_beside(struct arena *arena, const char *url, struct slice arn)
{
    struct slice base = slice_from_text(url);
    struct arn queue;
    int slashes = 0; /* taken off, with the account and the name behind them */
    while (base.size > 0 && slashes < 2) {
        base.size--;
        slashes += base.data[base.size] == '/';
    }
    if (slashes < 2 || !arn_parse(arn, &queue) || !slice_equals_text(queue.service, "sqs")) {
        return NULL;
    }
    return arena_format(arena, "%.*s/%.*s/%.*s", SLICE_PRINT(base), SLICE_PRINT(queue.account),
                        SLICE_PRINT(queue.resource));
}
