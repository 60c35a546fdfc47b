/*
 * The AWS account as doctor sees it: who asks, the clock, the Data API, queues, rules, the table's
 * backups. Read-only calls, as many at once as can be; each one that is not allowed or not answered
 * is a finding, and the rest goes on.
 */
#ifndef RINGBACK_INFRA_DOCTOR_ACCOUNT_H
#define RINGBACK_INFRA_DOCTOR_ACCOUNT_H

#include "infra/aws/client.h"
#include "infra/doctor/findings.h"

struct account {
    struct aws_client *aws;
    struct findings *findings;
    const char *credentials_source;   /* as credentials_source_name */
    const char *event_queue_url;      /* NULL: none */
    const char *request_queue_url;    /* NULL: none */
    const char *table;                /* of the tracker; NULL: it is no DynamoDB */
    struct slice prefix;              /* of statement names */
    int64_t function_timeout_seconds; /* of the Lambda function that reads the queues; 0: none */
};

void account_examine(const struct account *account);

#endif
