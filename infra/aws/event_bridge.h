/*
 * Amazon EventBridge, JSON protocol, as pure functions: build a call, read its answer.
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
 */
#ifndef RINGBACK_INFRA_AWS_EVENT_BRIDGE_H
#define RINGBACK_INFRA_AWS_EVENT_BRIDGE_H

#include "infra/aws/client.h"
#include "infra/base/arena.h"

#define EVENT_BRIDGE_ENTRIES_MAX 10
/* Of source, detail type and detail together. */
#define EVENT_BRIDGE_ENTRY_MAX_BYTES 262143u

struct event_bridge_entry {
    struct slice bus; /* name or ARN; absent: the account's default bus */
    struct slice source;
    struct slice detail_type;
    struct slice detail; /* a JSON object */
};

/* What became of one entry: an id, or an error. */
struct event_bridge_result {
    struct slice event_id;
    struct slice error_code;
    struct slice error_message;
};

/* At most EVENT_BRIDGE_ENTRIES_MAX entries; goes to the region of the first one's bus. */
void event_bridge_build_put(struct arena *arena, const struct event_bridge_entry *entries,
                            size_t count, struct aws_call *call);
/* results has as many places as the call had entries, in their order. A 200 may hold failures. */
MUST_CHECK enum status event_bridge_read_put(struct arena *arena, const struct aws_call *call,
                                             struct event_bridge_result *results, size_t count,
                                             struct error *error);

/* ---- Rules of the default bus --------------------------------------------------------------- */

/* https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListRuleNamesByTarget.html
 * Of the target's own region, where its rules are. */
void event_bridge_build_rule_names(struct arena *arena, struct slice target_arn,
                                   struct aws_call *call);
/* The first page, at most 100; *more: there are others. */
MUST_CHECK enum status event_bridge_read_rule_names(struct arena *arena,
                                                    const struct aws_call *call,
                                                    struct slice **names, size_t *count, bool *more,
                                                    struct error *error);

struct event_bridge_rule {
    struct slice name;
    struct slice arn;
    struct slice pattern; /* JSON; absent: a schedule */
    bool is_enabled;
};

/* DescribeRule of a rule in this region. */
void event_bridge_build_rule(struct arena *arena, struct slice name, struct slice region,
                             struct aws_call *call);
MUST_CHECK enum status event_bridge_read_rule(struct arena *arena, const struct aws_call *call,
                                              struct event_bridge_rule *rule, struct error *error);

struct event_bridge_target {
    struct slice arn;
    struct slice dead_letter_arn; /* absent: none */
    bool changes_input;           /* by Input, InputPath or InputTransformer */
    bool has_role;                /* writes with a role of its own */
};

/* ListTargetsByRule; a rule has at most five targets, which are one page. */
void event_bridge_build_targets(struct arena *arena, struct slice rule, struct slice region,
                                struct aws_call *call);
MUST_CHECK enum status event_bridge_read_targets(struct arena *arena, const struct aws_call *call,
                                                 struct event_bridge_target **targets,
                                                 size_t *count, struct error *error);

#endif
