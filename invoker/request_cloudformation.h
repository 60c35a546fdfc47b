/*
 * The shape of CloudFormation's events: a custom resource is made, changed or removed by SQL
 * (docs/requests.md, "CloudFormation").
 */
#ifndef RINGBACK_INVOKER_REQUEST_CLOUDFORMATION_H
#define RINGBACK_INVOKER_REQUEST_CLOUDFORMATION_H

#include "invoker/request.h"

/* Whether an object is meant as such an event. */
bool request_is_cloudformation(struct json root);
/* Whom a refusal is to be told: response_url and resource, or neither. */
void request_find_resource(struct arena *arena, struct json root,
                           struct request_addresses *addresses);
/* *request is as request_init leaves it. Members of the event and of its properties that are not
 * known are tolerated; in the requests among the properties they are not. */
MUST_CHECK enum status request_read_cloudformation(struct arena *arena, struct json root,
                                                   struct request *request, struct error *error);

#endif
