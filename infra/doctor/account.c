#include "infra/doctor/account.h"

#include "infra/aws/dynamodb.h"
#include "infra/aws/redshift_data.h"
#include "infra/aws/sts.h"
#include "infra/doctor/account_rules.h"
#include "infra/doctor/answer.h"
#include "infra/doctor/queue.h"

#include <inttypes.h>
#include <string.h>

#define QUEUES 2

/* An id of the right form that no statement has. */
#define NO_STATEMENT SLICE("00000000-0000-4000-8000-000000000000")

/* Calls of one round; absent ones are not made. */
struct round {
    struct aws_call calls[8];
    size_t count;
};

static struct aws_call *add_call(struct round *round)
{
    return &round->calls[round->count++];
}

struct watched_queue {
    const char *subject;
    const char *dead_subject;
    const char *url; /* NULL: not set */
    bool is_of_events;
    struct aws_call *call;
    struct sqs_queue queue;
    bool is_known;
};

struct examination {
    const struct account *account;
    struct findings *findings;
    struct arena *arena;
    struct watched_queue queues[QUEUES];
    struct aws_call *identity;
    struct aws_call *describe;
    struct aws_call *list;
    struct aws_call *backups; /* NULL: no table */
};

/* ---- First round: all that needs no other answer -------------------------------------------- */

static void ask(struct examination *examination, struct round *round)
{
    const struct account *account = examination->account;
    struct arena *arena = examination->arena;
    sts_build_identity(examination->identity = add_call(round));
    redshift_data_build_describe(arena, NO_STATEMENT, 0, examination->describe = add_call(round));
    redshift_data_build_list(arena, account->prefix, SLICE_NONE,
                             examination->list = add_call(round));
    if (account->table != NULL) {
        dynamodb_build_describe(arena, "DescribeContinuousBackups", account->table,
                                examination->backups = add_call(round));
    }
    for (size_t i = 0; i < QUEUES; i++) {
        struct watched_queue *queue = &examination->queues[i];
        if (queue->url != NULL) {
            sqs_build_attributes(arena, queue->url, queue->call = add_call(round));
        }
    }
    aws_send_all(account->aws, round->calls, round->count);
}

static void judge_identity(const struct examination *examination)
{
    const char *source = examination->account->credentials_source;
    struct findings *findings = examination->findings;
    struct slice arn = SLICE_NONE;
    if (!answer_judge(findings, "identity", examination->identity, ANSWER_FOR_DOCTOR)) {
        return;
    }
    if (sts_read_identity(examination->arena, examination->identity, &arn, NULL) == STATUS_OK) {
        findings_add(findings, FOUND_FINE, "identity", "%.*s, by %s", SLICE_PRINT(arn), source);
    }
}

static void judge_clock(const struct examination *examination)
{
    const int64_t offset_ms = aws_clock_offset_ms(examination->account->aws);
    if (offset_ms != 0) {
        findings_add(examination->findings, FOUND_CLOCK, "clock",
                     "AWS is %" PRId64 " s %s of this machine",
                     offset_ms > 0 ? offset_ms / 1000 : -offset_ms / 1000,
                     offset_ms > 0 ? "ahead" : "behind");
    } else {
        findings_add(examination->findings, FOUND_FINE, "clock", "within 5 s of AWS's");
    }
}

/* That no statement has this id is the answer of one who may ask. */
static void judge_data_api(const struct examination *examination)
{
    const struct aws_call *describe = examination->describe;
    struct findings *findings = examination->findings;
    const bool describes = describe->status == STATUS_NOT_FOUND ||
                           (describe->status == STATUS_REJECTED &&
                            strcmp(describe->error_name, "ValidationException") == 0) ||
                           answer_judge(findings, "Data API", describe, ANSWER_FOR_SERVICE);
    if (answer_judge(findings, "Data API", examination->list, ANSWER_FOR_SERVICE) && describes) {
        findings_add(findings, FOUND_FINE, "Data API",
                     "DescribeStatement and ListStatements answer");
    }
}

static void judge_backups(const struct examination *examination)
{
    struct findings *findings = examination->findings;
    struct json root = {NULL, NULL};
    struct slice state = SLICE_NONE;
    if (examination->backups == NULL ||
        !answer_judge(findings, "backups", examination->backups, ANSWER_FOR_DOCTOR) ||
        dynamodb_read(examination->arena, examination->backups, &root, NULL) != STATUS_OK) {
        return;
    }
    const struct json description = json_member(json_member(root, "ContinuousBackupsDescription"),
                                                "PointInTimeRecoveryDescription");
    const bool told =
        json_find_text(description, "PointInTimeRecoveryStatus", 0, &state, NULL) == STATUS_OK &&
        state.data != NULL;
    findings_add(findings,
                 told && slice_equals_text(state, "ENABLED") ? FOUND_FINE : FOUND_TABLE_BACKUPS,
                 "backups", "point-in-time recovery is %.*s",
                 SLICE_PRINT(told ? state : SLICE("not told of")));
}

/* ---- Queues --------------------------------------------------------------------------------- */

static void read_queue(const struct examination *examination, struct watched_queue *queue)
{
    struct findings *findings = examination->findings;
    struct error problem = ERROR_NONE;
    if (queue->url == NULL) {
        findings_add(findings, queue->is_of_events ? FOUND_QUEUE_UNSET : FOUND_FINE, queue->subject,
                     queue->is_of_events ? "not set" : "not set, requests come by HTTP alone");
        return;
    }
    if (!answer_judge(findings, queue->subject, queue->call, ANSWER_FOR_SERVICE)) {
        return;
    }
    if (sqs_read_attributes(examination->arena, queue->call, &queue->queue, &problem) !=
        STATUS_OK) {
        findings_add(findings, FOUND_NOT_ANSWERED, queue->subject, "%s", problem.text);
        return;
    }
    queue->is_known = true;
    const struct queue_facts facts = {.subject = queue->subject,
                                      .queue = &queue->queue,
                                      .is_of_events = queue->is_of_events,
                                      .function_timeout_seconds =
                                          examination->account->function_timeout_seconds};
    queue_judge(findings, &facts);
}

/* Second round: where SQS moves what was received too often. */
static void examine_dead(const struct examination *examination)
{
    struct round round = {.count = 0};
    struct aws_call *calls[QUEUES] = {NULL};
    for (size_t i = 0; i < QUEUES; i++) {
        const struct watched_queue *queue = &examination->queues[i];
        const char *url =
            queue->is_known && queue->queue.dead_letter_arn.size > 0
                ? queue_url_beside(examination->arena, queue->url, queue->queue.dead_letter_arn)
                : NULL;
        if (url != NULL) {
            sqs_build_attributes(examination->arena, url, calls[i] = add_call(&round));
        }
    }
    aws_send_all(examination->account->aws, round.calls, round.count);
    for (size_t i = 0; i < QUEUES; i++) {
        if (calls[i] != NULL) {
            account_judge_dead(examination->account, examination->queues[i].dead_subject, calls[i],
                               examination->queues[i].queue.retention_seconds);
        }
    }
}

void account_examine(const struct account *account)
{
    struct round round = {.count = 0};
    struct examination examination = {
        .account = account,
        .findings = account->findings,
        .arena = account->findings->arena,
        .queues = {{.subject = "event queue",
                    .dead_subject = "event queue's dead letters",
                    .url = account->event_queue_url,
                    .is_of_events = true},
                   {.subject = "request queue",
                    .dead_subject = "request queue's dead letters",
                    .url = account->request_queue_url}},
    };
    ask(&examination, &round);
    judge_identity(&examination);
    judge_clock(&examination);
    judge_data_api(&examination);
    judge_backups(&examination);
    for (size_t i = 0; i < QUEUES; i++) {
        read_queue(&examination, &examination.queues[i]);
    }
    examine_dead(&examination);
    if (examination.queues[0].is_known) {
        account_examine_rules(account, &examination.queues[0].queue);
    } else if (account->event_queue_url != NULL) {
        findings_add(account->findings, FOUND_NOT_LOOKED_AT, "rules",
                     "which queue they write to is not known");
    }
}
