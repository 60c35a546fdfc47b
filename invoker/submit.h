/*
 * The submit stage: one ExecuteStatement or BatchExecuteStatement per attempt. The input comes from
 * the plan alone, so that a repeat is byte-identical; the completer uses the same handler for next
 * steps and retries.
 */
#ifndef RINGBACK_INVOKER_SUBMIT_H
#define RINGBACK_INVOKER_SUBMIT_H

#include "invoker/dispatch.h"

#include "infra/aws/redshift_data.h"

extern const struct action_handler submit_handler;

/* How a submit call that was refused is to be taken (aws-facts: error handling matrix). */
enum refusal submit_classify_refusal(const struct aws_call *call);
/* What a statement's Status means: NONE while it is alive or not known. */
enum ending submit_ending(enum redshift_data_status status);
/* False: it is in doubt whether the statement was started. */
bool submit_was_refused(const struct aws_call *call);

#endif
