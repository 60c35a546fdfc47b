#include "infra/doctor/account_rules.h"

#include "infra/aws/arn.h"
#include "infra/aws/event_bridge.h"
#include "infra/doctor/answer.h"
#include "infra/doctor/event_rule.h"
#include "infra/doctor/queue.h"

#include <string.h>

#define RULES_MAX 20 /* that are looked at */

struct watched_rule {
    struct slice name;
    const char *subject;
    struct event_bridge_rule rule;
    struct event_bridge_target target; /* the queue's */
    bool has_target;
};

struct rules {
    const struct account *account;
    struct findings *findings;
    struct arena *arena;
    const struct sqs_queue *queue;
    struct watched_rule list[RULES_MAX];
    size_t count;
    bool has_endings; /* or may have, in what was not seen */
};

void account_judge_dead(const struct account *account, const char *subject,
                        const struct aws_call *call, int64_t source_retention_seconds)
{
    struct findings *findings = account->findings;
    struct sqs_queue dead;
    struct error problem = ERROR_NONE;
    if (call->status == STATUS_NOT_FOUND) {
        findings_add(findings, FOUND_DEAD_LETTER_QUEUE, subject, "there is no such queue");
        return;
    }
    if (!answer_judge(findings, subject, call, ANSWER_FOR_DOCTOR)) {
        return;
    }
    if (sqs_read_attributes(findings->arena, call, &dead, &problem) != STATUS_OK) {
        findings_add(findings, FOUND_NOT_LOOKED_AT, subject, "%s", problem.text);
        return;
    }
    queue_judge_dead(findings, subject, &dead, source_retention_seconds);
}

/* False: not seen. */
static bool find_names(struct rules *rules)
{
    struct aws_call call = {0};
    struct slice *names = NULL;
    size_t count = 0;
    bool more = false;
    struct error problem = ERROR_NONE;
    event_bridge_build_rule_names(rules->arena, rules->queue->arn, &call);
    aws_send_all(rules->account->aws, &call, 1);
    if (!answer_judge(rules->findings, "rules", &call, ANSWER_FOR_DOCTOR)) {
        return false;
    }
    if (event_bridge_read_rule_names(rules->arena, &call, &names, &count, &more, &problem) !=
        STATUS_OK) {
        findings_add(rules->findings, FOUND_NOT_LOOKED_AT, "rules", "%s", problem.text);
        return false;
    }
    rules->count = count < RULES_MAX ? count : RULES_MAX;
    for (size_t i = 0; i < rules->count; i++) {
        rules->list[i].name = names[i];
        rules->list[i].subject = arena_format(rules->arena, "rule %.*s", SLICE_PRINT(names[i]));
    }
    if (count > RULES_MAX || more) {
        findings_add(rules->findings, FOUND_NOT_LOOKED_AT, "rules",
                     "%zu of more that write to the event queue are looked at", rules->count);
        rules->has_endings = true;
    }
    return true;
}

static void read_target(struct rules *rules, struct watched_rule *watched,
                        const struct aws_call *call)
{
    struct event_bridge_target *targets = NULL;
    size_t count = 0;
    if (event_bridge_read_targets(rules->arena, call, &targets, &count, NULL) != STATUS_OK) {
        return;
    }
    for (size_t i = 0; i < count && !watched->has_target; i++) {
        watched->has_target = slice_equals(targets[i].arn, rules->queue->arn);
        watched->target = targets[i];
    }
}

/* calls: DescribeRule, ListTargetsByRule. */
static void judge_rule(struct rules *rules, struct watched_rule *watched,
                       const struct aws_call calls[2])
{
    const bool described =
        answer_judge(rules->findings, watched->subject, &calls[0], ANSWER_FOR_DOCTOR);
    const bool listed =
        answer_judge(rules->findings, watched->subject, &calls[1], ANSWER_FOR_DOCTOR);
    struct error problem = ERROR_NONE;
    if (!described || !listed) {
        rules->has_endings = true;
        return;
    }
    if (event_bridge_read_rule(rules->arena, &calls[0], &watched->rule, &problem) != STATUS_OK) {
        findings_add(rules->findings, FOUND_NOT_LOOKED_AT, watched->subject, "%s", problem.text);
        rules->has_endings = true;
        return;
    }
    read_target(rules, watched, &calls[1]);
    if (!watched->has_target) {
        return; /* taken off between the two calls */
    }
    const struct event_rule_facts facts = {.rule = &watched->rule,
                                           .target = &watched->target,
                                           .queue = rules->queue,
                                           .prefix = rules->account->prefix};
    rules->has_endings |= event_rule_judge(rules->findings, &facts) == EVENT_RULE_ENDINGS;
}

static void judge_rules(struct rules *rules)
{
    struct aws_call calls[2 * RULES_MAX];
    struct arn queue;
    memset(calls, 0, sizeof(calls));
    (void)arn_parse(rules->queue->arn, &queue);
    for (size_t i = 0; i < rules->count; i++) {
        const struct slice name = rules->list[i].name;
        event_bridge_build_rule(rules->arena, name, queue.region, &calls[2 * i]);
        event_bridge_build_targets(rules->arena, name, queue.region, &calls[2 * i + 1]);
    }
    aws_send_all(rules->account->aws, calls, 2 * rules->count);
    for (size_t i = 0; i < rules->count; i++) {
        judge_rule(rules, &rules->list[i], &calls[2 * i]);
    }
}

/* Where EventBridge puts what it could not deliver. */
static void judge_dead(const struct rules *rules)
{
    struct aws_call calls[RULES_MAX];
    const char *subjects[RULES_MAX];
    size_t count = 0;
    memset(calls, 0, sizeof(calls));
    for (size_t i = 0; i < rules->count; i++) {
        const struct watched_rule *watched = &rules->list[i];
        const char *url = watched->has_target && watched->target.dead_letter_arn.size > 0
                              ? queue_url_beside(rules->arena, rules->account->event_queue_url,
                                                 watched->target.dead_letter_arn)
                              : NULL;
        if (url != NULL) {
            subjects[count] = arena_format(rules->arena, "%s's dead letters", watched->subject);
            sqs_build_attributes(rules->arena, url, &calls[count++]);
        }
    }
    aws_send_all(rules->account->aws, calls, count);
    for (size_t i = 0; i < count; i++) {
        account_judge_dead(rules->account, subjects[i], &calls[i], -1);
    }
}

void account_examine_rules(const struct account *account, const struct sqs_queue *queue)
{
    struct rules rules = {.account = account,
                          .findings = account->findings,
                          .arena = account->findings->arena,
                          .queue = queue};
    if (!find_names(&rules)) {
        return;
    }
    judge_rules(&rules);
    if (!rules.has_endings) {
        findings_add(rules.findings, FOUND_RULE_MISSING, "rules",
                     "no rule of the default bus brings endings of statements to the event queue");
    }
    judge_dead(&rules);
}
