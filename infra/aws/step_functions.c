#include "infra/aws/step_functions.h"

#include "infra/aws/arn.h"
#include "infra/base/json_writer.h"

#include <string.h>

/* Output and token with every byte escaped as \u00XX. */
#define BODY_MAX_BYTES ((size_t)2 << 20)

struct member {
    const char *name;
    struct slice text;
};

static void build(struct arena *arena, const char *operation, const struct member *members,
                  size_t count, struct aws_call *call)
{
    CLEANUP(buffer_clear) struct buffer body;
    struct json_writer writer;
    buffer_init(&body, BODY_MAX_BYTES);
    json_writer_init(&writer, &body);
    json_begin_object(&writer, NULL);
    for (size_t i = 0; i < count; i++) {
        json_write_text_if(&writer, members[i].name, members[i].text);
    }
    json_end_object(&writer);
    call->service = AWS_STEP_FUNCTIONS;
    call->operation = operation;
    call->body = arena_copy(arena, buffer_slice(&body));
    buffer_wipe(&body);
}

void step_functions_build_success(struct arena *arena, struct slice task_token, struct slice output,
                                  struct aws_call *call)
{
    const struct member members[] = {{"taskToken", task_token}, {"output", output}};
    build(arena, "SendTaskSuccess", members, ARRAY_COUNT(members), call);
}

void step_functions_build_failure(struct arena *arena, struct slice task_token,
                                  struct slice error_name, struct slice cause,
                                  struct aws_call *call)
{
    const struct member members[] = {
        {"taskToken", task_token},
        {"error", error_name.data != NULL
                      ? slice_cut_utf8(error_name, STEP_FUNCTIONS_ERROR_MAX_BYTES)
                      : SLICE_NONE},
        {"cause",
         cause.data != NULL ? slice_cut_utf8(cause, STEP_FUNCTIONS_CAUSE_MAX_BYTES) : SLICE_NONE}};
    build(arena, "SendTaskFailure", members, ARRAY_COUNT(members), call);
}

void step_functions_build_heartbeat(struct arena *arena, struct slice task_token,
                                    struct aws_call *call)
{
    const struct member members[] = {{"taskToken", task_token}};
    build(arena, "SendTaskHeartbeat", members, ARRAY_COUNT(members), call);
}

enum step_functions_verdict step_functions_verdict(const struct aws_call *call)
{
    static const struct {
        const char *error_name;
        enum step_functions_verdict verdict;
    } verdicts[] = {
        {"TaskTimedOut", STEP_FUNCTIONS_CLOSED},
        {"TaskDoesNotExist", STEP_FUNCTIONS_UNDELIVERABLE},
        {"InvalidToken", STEP_FUNCTIONS_UNDELIVERABLE},
        {"ValidationException", STEP_FUNCTIONS_UNDELIVERABLE},
        {"InvalidOutput", STEP_FUNCTIONS_INVALID_OUTPUT},
    };
    if (call->status == STATUS_OK) {
        return STEP_FUNCTIONS_TAKEN;
    }
    for (size_t i = 0; !call->throttled && i < ARRAY_COUNT(verdicts); i++) {
        if (strcmp(call->error_name, verdicts[i].error_name) == 0) {
            return verdicts[i].verdict;
        }
    }
    return STEP_FUNCTIONS_AGAIN;
}

void step_functions_build_machine(struct arena *arena, struct slice machine_arn,
                                  struct aws_call *call)
{
    const struct member members[] = {{"stateMachineArn", machine_arn}};
    struct arn machine;
    build(arena, "DescribeStateMachine", members, ARRAY_COUNT(members), call);
    call->region = arn_parse(machine_arn, &machine) ? machine.region : SLICE_NONE;
}
