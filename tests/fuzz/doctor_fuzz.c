/* What others wrote and doctor judges: state machines, patterns of rules, policies of queues. Any
 * JSON is judged, and what is found can be printed. */
#include "tests/fuzz/fuzz.h"

#include "infra/base/json_reader.h"
#include "infra/doctor/event_rule.h"
#include "infra/doctor/machine.h"

#define REPORT_MAX_BYTES (64u << 20)

static void judge_rule(struct findings *findings, struct slice input)
{
    const struct event_bridge_rule rule = {
        .name = SLICE("r"),
        .arn = SLICE("arn:aws:events:eu-west-1:123456789012:rule/r"),
        .pattern = input,
        .is_enabled = true};
    const struct event_bridge_target target = {.arn = SLICE("q")};
    const struct sqs_queue queue = {.arn = SLICE("q"), .policy = input};
    const struct event_rule_facts facts = {
        .rule = &rule, .target = &target, .queue = &queue, .prefix = SLICE("ringback/")};
    (void)event_rule_judge(findings, &facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(FUZZ_ARENA_BYTES);
    CLEANUP(buffer_clear) struct buffer report;
    struct findings findings;
    struct json document;
    buffer_init(&report, REPORT_MAX_BYTES);
    findings_init(&findings, arena);
    machine_judge(&findings, fuzz_input(data, size));
    judge_rule(&findings, fuzz_input(data, size));
    findings_print_json(&findings, &report);
    FUZZ_CHECK(findings.count > 0);
    FUZZ_CHECK(json_parse(arena, buffer_slice(&report), &document, NULL) == STATUS_OK);
    return 0;
}
