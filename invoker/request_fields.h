/*
 * How the fields of a request are read: what the shapes share. Every function leaves what is absent
 * as it was; REJECTED names the place and the rule, and never repeats a value, which may be a
 * secret.
 */
#ifndef RINGBACK_INVOKER_REQUEST_FIELDS_H
#define RINGBACK_INVOKER_REQUEST_FIELDS_H

#include "invoker/request.h"

struct name_value {
    const char *name;
    int value;
};

/* A text member that must be one of a closed set. */
MUST_CHECK enum status request_read_choice(struct json object, const char *name,
                                           const struct name_value *choices, size_t count,
                                           int *value, struct error *error);
/* A text that must not be empty when it is there. */
MUST_CHECK enum status request_read_text(struct json object, const char *name, size_t max,
                                         struct slice *text, struct error *error);
/* A number of seconds, fractions allowed, in 0..maximum; *ms in milliseconds. */
MUST_CHECK enum status request_read_seconds(struct json object, const char *name, int64_t maximum,
                                            int64_t *ms, struct error *error);
/* A pattern as infra/base/regex.h has it. */
MUST_CHECK enum status request_read_pattern(struct json object, const char *name,
                                            struct slice *pattern, struct error *error);
/* The text of one statement, as it is. */
MUST_CHECK enum status request_read_sql(struct json value, struct slice *sql, struct error *error);
/* A list of {"name","value"}, as the Data API takes it; value is the list itself. */
MUST_CHECK enum status request_read_parameters(struct arena *arena, struct json list,
                                               struct plan_parameter **parameters, size_t *count,
                                               struct error *error);
/* What is to run: exactly one of sqlStatement, sqlStatements and queries, with mode and
 * parameters. */
MUST_CHECK enum status request_read_statements(struct arena *arena, struct json root,
                                               struct request *request, struct error *error);
/* A list of queries, or a text, which is a list of one. */
MUST_CHECK enum status request_read_queries(struct arena *arena, struct json list,
                                            struct request *request, struct error *error);
/* singleton, retry, result and expect. */
MUST_CHECK enum status request_read_settings(struct json root, struct request *request,
                                             struct error *error);

#endif
