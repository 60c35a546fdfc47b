/*
 * Where a service is: its region, partition and host, or the endpoint that was configured.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
#ifndef RINGBACK_INFRA_AWS_ENDPOINT_H
#define RINGBACK_INFRA_AWS_ENDPOINT_H

#include "infra/aws/client.h"
#include "infra/aws/profile.h"
#include "infra/base/arena.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"

/* What the services differ in (aws-facts.md 0.1). */
struct aws_service_facts {
    const char *name;          /* in texts: "redshift-data" */
    const char *host_prefix;   /* "states" */
    const char *signing_name;  /* "states" */
    const char *setting;       /* "SFN": AWS_ENDPOINT_URL_SFN; in any case in the files */
    const char *target_prefix; /* "AWSStepFunctions"; NULL: no JSON service */
    const char *content_type;
};

const struct aws_service_facts *aws_service_facts(enum aws_service service);

struct endpoint {
    struct slice origin; /* "https://sqs.eu-west-1.amazonaws.com", without a slash at the end */
    struct slice host;   /* as the Host header carries it */
    struct slice path;   /* "/", or the path of a configured endpoint with '/' at its end */
    bool configured;     /* rather than computed of the region */
};

/* AWS_REGION, AWS_DEFAULT_REGION, the profile's region; absent when there is none (IMDS is the
 * caller's). */
struct slice endpoint_region(const struct profile_files *files);
/* "aws", "aws-cn", ... */
const char *endpoint_partition(struct slice region);
/* REJECTED when a configured URL is malformed, or FIPS or dual-stack is asked of one. Slices live
 * in arena. */
MUST_CHECK enum status endpoint_resolve(struct arena *arena, const struct profile_files *files,
                                        enum aws_service service, struct slice region,
                                        struct endpoint *endpoint, struct error *error);
/* Computed, or configured with a host of AWS's own: a VPC endpoint is one. */
bool endpoint_is_aws(const struct endpoint *endpoint);

#endif
