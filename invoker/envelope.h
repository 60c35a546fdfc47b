/*
 * What requests come wrapped in: an SNS notification, whose Message is the request's text, and an
 * EventBridge event, whose detail is the request. Members of an envelope that are not known are
 * tolerated.
 */
#ifndef RINGBACK_INVOKER_ENVELOPE_H
#define RINGBACK_INVOKER_ENVELOPE_H

#include "invoker/request.h"

#include "infra/base/json_reader.h"

/* *root becomes what is inside, and *identity the envelope's own id; both are left alone where
 * there is none. REJECTED: a Message that is no JSON. */
MUST_CHECK enum status envelope_open(struct arena *arena, struct json *root,
                                     struct plan_identity *identity, struct error *error);

#endif
