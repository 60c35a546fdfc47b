/*
 * The DynamoDB table as it has to be, described once: what `ringback doctor` makes, checks and
 * prints, and what a template must agree with.
 */
#ifndef RINGBACK_TRACKER_TRACKER_DYNAMODB_TABLE_H
#define RINGBACK_TRACKER_TRACKER_DYNAMODB_TABLE_H

#include "infra/aws/client.h"
#include "infra/base/buffer.h"

/* "TABLE" of "dynamodb:TABLE"; NULL: another url. */
const char *tracker_dynamodb_table_name(const char *url);

/* The properties of the table as one JSON object, in the words of CreateTable and CloudFormation:
 * with TimeToLiveSpecification, which is UpdateTimeToLive's. */
void tracker_dynamodb_table_print(const char *table, struct buffer *out);

/* Creates the table unless there is one, waits until it is active, turns expiry on. REJECTED: there
 * is one that is not as described, which is left as it is. */
MUST_CHECK enum status tracker_dynamodb_table_create(struct aws_client *aws,
                                                     const struct clock *clock, const char *table,
                                                     bool *created, struct error *error);

/* OK: the table is as described. NOT_FOUND: there is none. REJECTED: the text names what is missing
 * or different. *remark (of the arena): what is weaker than it should be, or NULL. */
MUST_CHECK enum status tracker_dynamodb_table_check(struct aws_client *aws, struct arena *arena,
                                                    const char *table, const char **remark,
                                                    struct error *error);

#endif
