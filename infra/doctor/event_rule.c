#include "infra/doctor/event_rule.h"

#include "infra/aws/arn.h"
#include "infra/base/json_writer.h"
#include "infra/doctor/event_pattern.h"
#include "infra/doctor/queue_policy.h"

#define SAMPLE_MAX_BYTES 16384

static const char *const states[] = {"FINISHED", "FAILED", "ABORTED"};

/* ---- Sample events: what is not known is null ----------------------------------------------- */

static void begin_sample(struct json_writer *writer, struct buffer *out, const char *source,
                         const char *detail_type)
{
    static const char *const unknown[] = {"id", "account", "time", "region", "resources"};
    json_writer_init(writer, out);
    json_begin_object(writer, NULL);
    json_write_text(writer, "version", SLICE("0"));
    json_write_text(writer, "source", slice_from_text(source));
    json_write_text(writer, "detail-type", slice_from_text(detail_type));
    for (size_t i = 0; i < ARRAY_COUNT(unknown); i++) {
        json_write_null(writer, unknown[i]);
    }
}

static struct json parse_sample(struct arena *arena, const struct buffer *text)
{
    struct json sample = {NULL, NULL};
    return json_parse(arena, arena_copy(arena, buffer_slice(text)), &sample, NULL) == STATUS_OK
               ? sample
               : (struct json){NULL, NULL};
}

/* https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-redshift-data.html
 * An absent name: the whole detail is unknown. */
static struct json statement_sample(struct arena *arena, struct slice name, const char *state)
{
    static const char *const unknown[] = {"principal", "statementId", "redshiftQueryId", "rows",
                                          "expireAt"};
    CLEANUP(buffer_clear) struct buffer text;
    struct json_writer writer;
    buffer_init(&text, SAMPLE_MAX_BYTES);
    begin_sample(&writer, &text, "aws.redshift-data", "Redshift Data Statement Status Change");
    if (name.data == NULL) {
        json_write_null(&writer, "detail");
    } else {
        json_begin_object(&writer, "detail");
        json_write_text(&writer, "statementName", name);
        json_write_text(&writer, "state", slice_from_text(state));
        for (size_t i = 0; i < ARRAY_COUNT(unknown); i++) {
            json_write_null(&writer, unknown[i]);
        }
        json_end_object(&writer);
    }
    json_end_object(&writer);
    return parse_sample(arena, &text);
}

/* https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html */
static struct json execution_sample(struct arena *arena)
{
    CLEANUP(buffer_clear) struct buffer text;
    struct json_writer writer;
    buffer_init(&text, SAMPLE_MAX_BYTES);
    begin_sample(&writer, &text, "aws.states", "Step Functions Execution Status Change");
    json_write_null(&writer, "detail");
    json_end_object(&writer);
    return parse_sample(arena, &text);
}

/* ---- Its pattern ---------------------------------------------------------------------------- */

struct pattern_facts {
    enum verdict states[ARRAY_COUNT(states)]; /* of our own statements */
    enum verdict all;
    enum verdict any;
    enum verdict foreign; /* statements of others */
    bool is_of_statements;
    bool is_of_executions;
};

/* Names that are not ours: anything, and what begins as ours but for the slash. */
static enum verdict judge_foreign(struct arena *arena, struct json pattern, struct slice prefix)
{
    const struct slice names[] = {
        SLICE("QS2-somebody"),
        slice_from_text(
            arena_format(arena, "%.*s-2/x", SLICE_PRINT(slice_part(prefix, 0, prefix.size - 1))))};
    enum verdict verdict = VERDICT_NO;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        const struct json sample = statement_sample(arena, names[i], states[0]);
        verdict = verdict_any(verdict, event_pattern_judge(arena, pattern, sample));
    }
    return verdict;
}

static struct pattern_facts judge_pattern(struct arena *arena, struct slice text,
                                          struct slice prefix)
{
    struct pattern_facts facts = {.all = VERDICT_YES, .any = VERDICT_NO};
    struct json pattern = {NULL, NULL};
    /* An invocation's id is 32 characters; a pattern that knows better is none of ours. */
    const struct slice name = slice_from_text(
        arena_format(arena, "%.*sabcdefghijklmnopqrstuvwxyz234567/1.1", SLICE_PRINT(prefix)));
    if (json_parse(arena, text, &pattern, NULL) != STATUS_OK) {
        pattern = (struct json){NULL, NULL}; /* of which nothing can be told */
    }
    for (size_t i = 0; i < ARRAY_COUNT(states); i++) {
        facts.states[i] =
            event_pattern_judge(arena, pattern, statement_sample(arena, name, states[i]));
        facts.all = verdict_all(facts.all, facts.states[i]);
        facts.any = verdict_any(facts.any, facts.states[i]);
    }
    facts.foreign = judge_foreign(arena, pattern, prefix);
    facts.is_of_statements =
        event_pattern_judge(arena, pattern, statement_sample(arena, SLICE_NONE, NULL)) !=
        VERDICT_NO;
    facts.is_of_executions =
        event_pattern_judge(arena, pattern, execution_sample(arena)) != VERDICT_NO;
    return facts;
}

static void tell_pattern(struct findings *findings, const char *subject,
                         const struct pattern_facts *pattern, struct slice prefix)
{
    if (pattern->any == VERDICT_NO) {
        findings_add(findings, FOUND_RULE_PATTERN, subject,
                     "its pattern takes no event of a statement named %.*s...",
                     SLICE_PRINT(prefix));
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(states); i++) {
        if (pattern->states[i] == VERDICT_NO) {
            findings_add(findings, FOUND_RULE_PATTERN, subject, "its pattern leaves out %s",
                         states[i]);
        }
    }
    if (pattern->all == VERDICT_UNKNOWN) {
        findings_add(findings, FOUND_RULE_PATTERN_UNCLEAR, subject,
                     "whether its pattern takes our events cannot be told");
    }
    if (pattern->foreign == VERDICT_YES) {
        findings_add(findings, FOUND_RULE_PATTERN_WIDE, subject,
                     "its pattern also takes statements that are not named %.*s...",
                     SLICE_PRINT(prefix));
    }
}

/* ---- Its target, and whether that lets it write --------------------------------------------- */

static void judge_target(struct findings *findings, const char *subject,
                         const struct event_bridge_target *target)
{
    if (target->changes_input) {
        findings_add(findings, FOUND_RULE_INPUT, subject, "its target changes the event");
    }
    if (target->dead_letter_arn.size == 0) {
        findings_add(findings, FOUND_RULE_DEAD_LETTERS, subject,
                     "its target has no dead-letter queue");
    }
}

static void judge_policy(struct findings *findings, const struct event_rule_facts *facts)
{
    const struct slice name = facts->rule->name;
    struct json policy = {NULL, NULL};
    struct arn rule;
    if (facts->queue->policy.size > 0 &&
        json_parse(findings->arena, facts->queue->policy, &policy, NULL) != STATUS_OK) {
        findings_add(findings, FOUND_QUEUE_POLICY_UNCLEAR, "event queue", "its policy is no JSON");
        return;
    }
    (void)arn_parse(facts->rule->arn, &rule);
    const struct queue_policy_question question = {
        .queue_arn = facts->queue->arn, .rule_arn = facts->rule->arn, .account = rule.account};
    const struct queue_policy_answer answer = queue_policy_judge(policy, &question);
    if (answer.may_write == VERDICT_NO && !facts->target->has_role) {
        findings_add(findings, FOUND_QUEUE_POLICY, "event queue",
                     "its policy does not let the rule %.*s write", SLICE_PRINT(name));
    } else if (answer.may_write != VERDICT_YES) {
        findings_add(findings, FOUND_QUEUE_POLICY_UNCLEAR, "event queue",
                     "whether the rule %.*s may write to it cannot be told", SLICE_PRINT(name));
    }
    if (answer.is_open) {
        findings_add(findings, FOUND_QUEUE_POLICY_OPEN, "event queue",
                     "its policy asks neither for a rule nor for an account");
    }
}

enum event_rule_use event_rule_judge(struct findings *findings,
                                     const struct event_rule_facts *facts)
{
    const struct event_bridge_rule *rule = facts->rule;
    const char *subject = arena_format(findings->arena, "rule %.*s", SLICE_PRINT(rule->name));
    const struct pattern_facts pattern =
        judge_pattern(findings->arena, rule->pattern, facts->prefix);
    const bool executions = pattern.any == VERDICT_NO && pattern.is_of_executions;
    if (rule->pattern.data == NULL ||
        (pattern.any == VERDICT_NO && !pattern.is_of_statements && !executions)) {
        findings_add(findings, FOUND_RULE_FOREIGN, subject,
                     rule->pattern.data == NULL
                         ? "it is a schedule"
                         : "its pattern takes no event that is for ringback");
        return EVENT_RULE_FOREIGN;
    }
    findings_add(findings, FOUND_FINE, subject,
                 executions ? "brings executions that are over" : "brings endings of statements");
    if (!rule->is_enabled) {
        findings_add(findings, FOUND_RULE_DISABLED, subject, "it is disabled");
    }
    if (!executions) {
        tell_pattern(findings, subject, &pattern, facts->prefix);
    }
    judge_target(findings, subject, facts->target);
    judge_policy(findings, facts);
    return executions ? EVENT_RULE_EXECUTIONS : EVENT_RULE_ENDINGS;
}
