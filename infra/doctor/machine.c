#include "infra/doctor/machine.h"

#include "infra/doctor/machine_state.h"

struct walk {
    struct findings *findings;
    size_t waiting; /* tasks with .waitForTaskToken */
};

static void walk_states(struct walk *walk, struct json machine, bool is_in_map);

static struct slice text_of(struct json object, const char *name)
{
    struct slice text = SLICE_NONE;
    return json_find_text(object, name, 0, &text, NULL) == STATUS_OK ? text : SLICE_NONE;
}

/* Items of a distributed Map are executions of their own. */
static void walk_map(struct walk *walk, struct json processor)
{
    const struct slice mode = text_of(json_member(processor, "ProcessorConfig"), "Mode");
    walk_states(walk, processor, !slice_equals_text(mode, "DISTRIBUTED"));
}

static void walk_state(struct walk *walk, struct slice name, struct json value, bool is_in_map)
{
    const struct machine_state state = {
        .subject = arena_format(walk->findings->arena, "state %.*s", SLICE_PRINT(name)),
        .state = value,
        .is_in_map = is_in_map,
    };
    struct json branch = json_element(json_member(value, "Branches"), 0);
    if (slice_equals_text(text_of(value, "Type"), "Task")) {
        walk->waiting += machine_state_judge(walk->findings, &state);
    }
    for (; json_kind(branch) != JSON_ABSENT; branch = json_next(branch)) {
        walk_states(walk, branch, is_in_map);
    }
    walk_map(walk, json_member(value, "ItemProcessor"));
    walk_map(walk, json_member(value, "Iterator"));
}

static void walk_states(struct walk *walk, struct json machine, bool is_in_map)
{
    const struct json states = json_member(machine, "States");
    for (size_t i = 0; json_kind(states) == JSON_OBJECT && i < json_count(states); i++) {
        struct slice name = SLICE_NONE;
        const struct json state = json_member_at(states, i, &name);
        walk_state(walk, name, state, is_in_map);
    }
}

void machine_judge(struct findings *findings, struct slice definition)
{
    struct walk walk = {.findings = findings};
    struct json machine = {NULL, NULL};
    struct error problem = ERROR_NONE;
    enum status status = json_parse(findings->arena, definition, &machine, &problem);
    const struct slice inner = text_of(machine, "definition");
    if (status == STATUS_OK && inner.data != NULL) {
        status = json_parse(findings->arena, inner, &machine, &problem);
    }
    if (status != STATUS_OK || json_kind(json_member(machine, "States")) != JSON_OBJECT) {
        findings_add(findings, FOUND_MACHINE, "state machine", "%s",
                     status != STATUS_OK ? problem.text : "it has no States");
        return;
    }
    walk_states(&walk, machine, false);
    findings_add(findings, FOUND_FINE, "state machine", "%zu of its tasks wait for a callback",
                 walk.waiting);
}
