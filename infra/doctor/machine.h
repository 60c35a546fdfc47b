/*
 * State machines that wait for ringback: what in their definition (Amazon States Language, with
 * JSONPath or JSONata) is certain to go wrong when it counts. Pure.
 * https://states-language.net/spec.html
 */
#ifndef RINGBACK_INFRA_DOCTOR_MACHINE_H
#define RINGBACK_INFRA_DOCTOR_MACHINE_H

#include "infra/doctor/findings.h"

/*
 * definition: a machine, or DescribeStateMachine's answer, which has it as text. Looked at is every
 * task that ends in .waitForTaskToken, also in branches of Parallel and in Maps; what a request
 * must hold is asked of those whose request is ringback's, as its members show.
 */
void machine_judge(struct findings *findings, struct slice definition);

#endif
