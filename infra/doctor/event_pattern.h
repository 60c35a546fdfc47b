/*
 * Whether an EventBridge pattern takes an event, as far as that can be told.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
#ifndef RINGBACK_INFRA_DOCTOR_EVENT_PATTERN_H
#define RINGBACK_INFRA_DOCTOR_EVENT_PATTERN_H

#include "infra/base/arena.h"
#include "infra/base/json_reader.h"
#include "infra/doctor/verdict.h"

/*
 * A null in the event is a value that is not known: what is asked of it is UNKNOWN. So is an
 * operator that is not known here (cidr, those to come), and what is asked of numbers. Judged are
 * exact values, prefix, suffix, equals-ignore-case, wildcard, anything-but, exists, numeric (no
 * text is a number), $or and arrays.
 */
enum verdict event_pattern_judge(struct arena *arena, struct json pattern, struct json event);

#endif
