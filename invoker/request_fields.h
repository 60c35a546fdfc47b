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
/* An object of name -> text or number, for a script; numbers as their texts. */
MUST_CHECK enum status request_read_variables(struct arena *arena, struct json object,
                                              struct plan_parameter **variables, size_t *count,
                                              struct error *error);
/* The Id of a statement, which is required. */
MUST_CHECK enum status request_read_statement_id(struct json object, const char *name,
                                                 struct slice *id, struct error *error);
/* That the URI, which value stands for, is one of an object in S3. */
MUST_CHECK enum status request_check_uri(struct json value, struct slice uri, struct error *error);

MUST_CHECK enum status request_read_mode(struct json root, enum request_mode *mode,
                                         struct error *error);
/* What is to run: exactly one of sqlStatement, sqlStatements, sqlUri and queries, with
 * mode, variables and parameters. */
MUST_CHECK enum status request_read_statements(struct arena *arena, struct json root,
                                               struct request *request, struct error *error);
/* A list of queries, or a text, which is a list of one. */
MUST_CHECK enum status request_read_queries(struct arena *arena, struct json list,
                                            struct request *request, struct error *error);
/* singleton, retry, result and expect. */
MUST_CHECK enum status request_read_settings(struct json root, struct request *request,
                                             struct error *error);
/* What a native request says besides what is to run: target, callers, settings and options. */
MUST_CHECK enum status request_read_company(struct arena *arena, struct json root,
                                            struct request *request, struct error *error);

/* The shape of the ETL sample: an object with the object Input. */
bool request_is_input(struct json root);
MUST_CHECK enum status request_read_input(struct arena *arena, struct json root,
                                          struct request *request, struct error *error);

#endif
