/*
 * AWS Step Functions' task callbacks, as pure functions: build a call, classify its answer; and
 * what a state machine is.
 * https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
 */
#ifndef RINGBACK_INFRA_AWS_STEP_FUNCTIONS_H
#define RINGBACK_INFRA_AWS_STEP_FUNCTIONS_H

#include "infra/aws/client.h"
#include "infra/base/arena.h"

#define STEP_FUNCTIONS_TOKEN_MAX_BYTES  2048
#define STEP_FUNCTIONS_OUTPUT_MAX_BYTES 262144u
#define STEP_FUNCTIONS_ERROR_MAX_BYTES  256
#define STEP_FUNCTIONS_CAUSE_MAX_BYTES  32768

/* What a SendTask* answer means for the caller's address. */
enum step_functions_verdict {
    STEP_FUNCTIONS_TAKEN,          /* 200 */
    STEP_FUNCTIONS_CLOSED,         /* TaskTimedOut: closed already, perhaps by ourselves */
    STEP_FUNCTIONS_UNDELIVERABLE,  /* TaskDoesNotExist, InvalidToken, ValidationException */
    STEP_FUNCTIONS_INVALID_OUTPUT, /* InvalidOutput: the only case in which success may turn into
                                      failure */
    STEP_FUNCTIONS_AGAIN,          /* throttle, KMS, permission, 5xx, I/O */
};

/* output is JSON text of at most STEP_FUNCTIONS_OUTPUT_MAX_BYTES. */
void step_functions_build_success(struct arena *arena, struct slice task_token, struct slice output,
                                  struct aws_call *call);
/* error_name and cause may be absent. */
void step_functions_build_failure(struct arena *arena, struct slice task_token,
                                  struct slice error_name, struct slice cause,
                                  struct aws_call *call);
void step_functions_build_heartbeat(struct arena *arena, struct slice task_token,
                                    struct aws_call *call);
enum step_functions_verdict step_functions_verdict(const struct aws_call *call);

/* DescribeStateMachine, in the region that its ARN names. */
void step_functions_build_machine(struct arena *arena, struct slice machine_arn,
                                  struct aws_call *call);

#endif
