/*
 * CloudFormation makes a text of every number and every boolean among a resource's properties:
 * "true", "5". Where a native request has a number or a boolean, such a text is taken for what it
 * was, if it is nothing but that; anything else stays a text, and is refused by who reads it.
 */
#ifndef RINGBACK_INVOKER_CLOUDFORMATION_TYPES_H
#define RINGBACK_INVOKER_CLOUDFORMATION_TYPES_H

#include "infra/base/json_reader.h"

/* *restored is a copy of the object properties whose places are named "<name>.…" in errors, and in
 * which the requests create, update and delete have their types again. */
MUST_CHECK enum status cloudformation_restore(struct arena *arena, struct json properties,
                                              const char *name, struct json *restored,
                                              struct error *error);
/* A boolean member that may be a text; left as it is when absent. */
MUST_CHECK enum status cloudformation_find_bool(struct json object, const char *name, bool *flag,
                                                struct error *error);
/* The same for an integer. */
MUST_CHECK enum status cloudformation_find_int64(struct json object, const char *name,
                                                 int64_t minimum, int64_t maximum, int64_t *number,
                                                 struct error *error);

#endif
