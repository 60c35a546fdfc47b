#include "infra/doctor/queue_policy.h"

#include "infra/base/compiler.h"

#define FLAG_MAX_BYTES 256

static const struct glob_style iam_style = {.question_mark = true};
static const struct glob_style action_style = {.question_mark = true, .ignore_case = true};

static struct slice text_of(struct json value)
{
    struct slice text = SLICE_NONE;
    return json_text(value, &text, NULL) == STATUS_OK ? text : SLICE_NONE;
}

/* A text, or any text of a list. */
static bool any_fits(struct json patterns, struct slice text, struct glob_style style)
{
    struct json item = json_kind(patterns) == JSON_ARRAY ? json_element(patterns, 0) : patterns;
    bool fits = false;
    for (; json_kind(item) == JSON_TEXT && !fits; item = json_next(item)) {
        fits = glob_fits(text_of(item), text, style);
        if (json_kind(patterns) != JSON_ARRAY) {
            break;
        }
    }
    return fits;
}

/* ---- Conditions ----------------------------------------------------------------------------- */

/* "ArnLike", and so on; with IfExists, or for any value, they ask the same of a rule. */
static bool is_likeness(struct slice name)
{
    static const char *const names[] = {"ArnEquals", "ArnLike", "StringEquals", "StringLike",
                                        "StringEqualsIgnoreCase"};
    const struct slice any = SLICE("ForAnyValue:");
    const struct slice ending = SLICE("IfExists");
    if (slice_starts_with(name, any)) {
        name = slice_part(name, any.size, name.size);
    }
    if (slice_ends_with(name, ending)) {
        name = slice_part(name, 0, name.size - ending.size);
    }
    return slice_is_one_of(name, names, ARRAY_COUNT(names));
}

/* EventBridge comes by TLS. The value is a flag, or a text, or a list of one. */
static enum verdict judge_transport(struct json values)
{
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, FLAG_MAX_BYTES);
    json_print(values, &text);
    return verdict_of(slice_find(buffer_slice(&text), SLICE("true")) < text.size);
}

/* One "key": values of one operator. *asks: whether it asks who is behind the rule. */
static enum verdict judge_key(struct slice name, struct slice key, struct json values,
                              const struct queue_policy_question *question, bool *asks)
{
    if (slice_equals_text(name, "Bool") &&
        slice_equals_ignore_case(key, SLICE("aws:SecureTransport"))) {
        return judge_transport(values);
    }
    if (!is_likeness(name)) {
        return VERDICT_UNKNOWN;
    }
    if (slice_equals_ignore_case(key, SLICE("aws:SourceArn"))) {
        *asks = true;
        return verdict_of(any_fits(values, question->rule_arn, iam_style));
    }
    if (slice_equals_ignore_case(key, SLICE("aws:SourceAccount"))) {
        *asks = true;
        return verdict_of(any_fits(values, question->account, iam_style));
    }
    return VERDICT_UNKNOWN;
}

static enum verdict judge_condition(struct json condition,
                                    const struct queue_policy_question *question, bool *asks)
{
    enum verdict verdict = VERDICT_YES;
    for (size_t i = 0; i < json_count(condition); i++) {
        struct slice name = SLICE_NONE;
        const struct json keys = json_member_at(condition, i, &name);
        for (size_t j = 0; j < json_count(keys); j++) {
            struct slice key = SLICE_NONE;
            const struct json values = json_member_at(keys, j, &key);
            verdict = verdict_all(verdict, judge_key(name, key, values, question, asks));
        }
    }
    return verdict;
}

/* ---- Statements ----------------------------------------------------------------------------- */

static bool is_event_bridge(struct json principal)
{
    const struct slice events = SLICE("events.amazonaws.com");
    return slice_equals_text(text_of(principal), "*") ||
           any_fits(json_member(principal, "Service"), events, iam_style) ||
           (json_exists(json_member(principal, "AWS")) &&
            any_fits(json_member(principal, "AWS"), SLICE("*"), (struct glob_style){0}));
}

static bool is_negated(struct json statement)
{
    static const char *const names[] = {"NotPrincipal", "NotAction", "NotResource"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (json_exists(json_member(statement, names[i]))) {
            return true;
        }
    }
    return false;
}

/* Whether the statement is about this rule's writing to this queue. */
static enum verdict judge_statement(struct json statement,
                                    const struct queue_policy_question *question, bool *asks)
{
    if (is_negated(statement)) {
        return VERDICT_UNKNOWN;
    }
    if (!is_event_bridge(json_member(statement, "Principal")) ||
        !any_fits(json_member(statement, "Action"), SLICE("sqs:SendMessage"), action_style) ||
        !any_fits(json_member(statement, "Resource"), question->queue_arn, iam_style)) {
        return VERDICT_NO;
    }
    return judge_condition(json_member(statement, "Condition"), question, asks);
}

struct queue_policy_answer queue_policy_judge(struct json policy,
                                              const struct queue_policy_question *question)
{
    struct queue_policy_answer answer = {.may_write = VERDICT_NO};
    enum verdict denied = VERDICT_NO;
    const struct json list = json_member(policy, "Statement");
    const bool one = json_kind(list) == JSON_OBJECT;
    struct json statement = one ? list : json_element(list, 0);
    while (json_kind(statement) == JSON_OBJECT) {
        bool asks = false;
        const enum verdict verdict = judge_statement(statement, question, &asks);
        if (slice_equals_text(text_of(json_member(statement, "Effect")), "Allow")) {
            answer.may_write = verdict_any(answer.may_write, verdict);
            answer.is_open |= verdict == VERDICT_YES && !asks;
        } else {
            denied = verdict_any(denied, verdict);
        }
        statement = one ? (struct json){NULL, NULL} : json_next(statement);
    }
    answer.may_write = verdict_all(answer.may_write, verdict_not(denied));
    return answer;
}
