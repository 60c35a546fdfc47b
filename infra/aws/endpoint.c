#include "infra/aws/endpoint.h"

#include <stdio.h>
#include <string.h>

#define JSON_1_0 "application/x-amz-json-1.0"
#define JSON_1_1 "application/x-amz-json-1.1"
#define FORM     "application/x-www-form-urlencoded; charset=utf-8"

const struct aws_service_facts *aws_service_facts(enum aws_service service)
{
    static const struct aws_service_facts facts[AWS_SERVICE_COUNT] = {
        [AWS_REDSHIFT_DATA] = {"redshift-data", "redshift-data", "redshift-data", "REDSHIFT_DATA",
                               "RedshiftData", JSON_1_1},
        [AWS_SQS] = {"sqs", "sqs", "sqs", "SQS", "AmazonSQS", JSON_1_0},
        [AWS_STEP_FUNCTIONS] = {"step-functions", "states", "states", "SFN", "AWSStepFunctions",
                                JSON_1_0},
        [AWS_DYNAMODB] = {"dynamodb", "dynamodb", "dynamodb", "DYNAMODB", "DynamoDB_20120810",
                          JSON_1_0},
        [AWS_EVENTBRIDGE] = {"eventbridge", "events", "events", "EVENTBRIDGE", "AWSEvents",
                             JSON_1_1},
        [AWS_SNS] = {"sns", "sns", "sns", "SNS", NULL, FORM},
        [AWS_STS] = {"sts", "sts", "sts", "STS", NULL, FORM},
        [AWS_S3] = {"s3", "s3", "s3", "S3", NULL, NULL},
        [AWS_SECRETS_MANAGER] = {"secretsmanager", "secretsmanager", "secretsmanager",
                                 "SECRETS_MANAGER", "secretsmanager", JSON_1_1},
    };
    return &facts[service];
}

struct partition {
    const char *region_prefix;
    const char *name;
    const char *suffix;
    const char *dual_stack_suffix; /* NULL: the partition has none */
};

/* The first prefix that fits. */
static const struct partition partitions[] = {
    {"us-gov-", "aws-us-gov", "amazonaws.com", "api.aws"},
    {"cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"us-iso-", "aws-iso", "c2s.ic.gov", NULL},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov", NULL},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", NULL},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov", NULL},
    {"eu-isof-", "aws-iso-f", "csp.hci.ic.gov", NULL},
    {"", "aws", "amazonaws.com", "api.aws"},
};

static const struct partition *find_partition(struct slice region)
{
    const struct partition *partition = partitions;
    while (!slice_starts_with(region, slice_from_text(partition->region_prefix))) {
        partition++;
    }
    return partition;
}

const char *endpoint_partition(struct slice region)
{
    return find_partition(region)->name;
}

static const struct profile_section *chosen_section(const struct profile_files *files)
{
    return profile_find(files, "profile", profile_chosen(files->environment));
}

struct slice endpoint_region(const struct profile_files *files)
{
    const char *region = environment_get(files->environment, "AWS_REGION");
    if (region == NULL) {
        region = environment_get(files->environment, "AWS_DEFAULT_REGION");
    }
    return region != NULL ? slice_from_text(region) : profile_get(chosen_section(files), "region");
}

static bool setting_is_true(const struct profile_files *files, const char *variable,
                            const char *property)
{
    const char *value = environment_get(files->environment, variable);
    const struct slice setting =
        value != NULL ? slice_from_text(value) : profile_get(chosen_section(files), property);
    return slice_equals_ignore_case(setting, SLICE("true"));
}

static struct slice url_of_environment(const struct profile_files *files, const char *setting)
{
    char variable[64];
    (void)snprintf(variable, sizeof(variable), "AWS_ENDPOINT_URL_%s", setting);
    const char *url = environment_get(files->environment, variable);
    return slice_from_text(url != NULL ? url
                                       : environment_get(files->environment, "AWS_ENDPOINT_URL"));
}

static struct slice url_of_files(const struct profile_files *files, const char *setting)
{
    char property[64];
    (void)snprintf(property, sizeof(property), "%s.endpoint_url", setting);
    const struct profile_section *profile = chosen_section(files);
    const struct profile_section *services =
        profile_find(files, "services", profile_get(profile, "services"));
    const struct slice url = profile_get(services, property);
    return url.size > 0 ? url : profile_get(profile, "endpoint_url");
}

static struct slice configured_url(const struct profile_files *files, const char *setting)
{
    if (setting_is_true(files, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                        "ignore_configured_endpoint_urls")) {
        return SLICE_NONE;
    }
    const struct slice url = url_of_environment(files, setting);
    return url.size > 0 ? url : url_of_files(files, setting);
}

/* Splits "scheme://host[:port][/path]" and drops the scheme's own port, as libcurl does in Host. */
static enum status split_url(struct arena *arena, struct slice url, struct endpoint *endpoint,
                             struct error *error)
{
    const bool https = slice_starts_with(url, SLICE("https://"));
    if (!https && !slice_starts_with(url, SLICE("http://"))) {
        return error_set(error, STATUS_REJECTED, "endpoint must start with http:// or https://");
    }
    const struct slice scheme = https ? SLICE("https://") : SLICE("http://");
    const struct slice default_port = https ? SLICE(":443") : SLICE(":80");
    const struct slice rest = slice_part(url, scheme.size, url.size);
    const size_t slash = slice_find_byte(rest, '/');
    struct slice host = slice_part(rest, 0, slash);
    struct slice path = slice_part(rest, slash, rest.size);
    if (host.size == 0 || slice_find_byte(rest, '?') < rest.size ||
        slice_find_byte(rest, '#') < rest.size || slice_find_byte(rest, '@') < rest.size) {
        return error_set(error, STATUS_REJECTED,
                         "endpoint must be a scheme, a host, a port and a path, and nothing else");
    }
    if (slice_ends_with(host, default_port)) {
        host = slice_part(host, 0, host.size - default_port.size);
    }
    while (slice_ends_with(path, SLICE("/"))) {
        path = slice_part(path, 0, path.size - 1);
    }
    endpoint->origin =
        slice_from_text(arena_format(arena, "%.*s%.*s", SLICE_PRINT(scheme), SLICE_PRINT(host)));
    endpoint->host = arena_copy(arena, host);
    endpoint->path = slice_from_text(arena_format(arena, "%.*s/", SLICE_PRINT(path)));
    return STATUS_OK;
}

struct variant {
    bool fips;
    bool dual_stack;
};

static enum status computed_endpoint(struct arena *arena, const struct aws_service_facts *facts,
                                     struct slice region, struct variant variant,
                                     struct endpoint *endpoint, struct error *error)
{
    const struct partition *partition = find_partition(region);
    if (variant.dual_stack && partition->dual_stack_suffix == NULL) {
        return error_set(error, STATUS_REJECTED, "partition %s has no dual-stack endpoints",
                         partition->name);
    }
    /* S3 alone writes its dual-stack hosts the older way. */
    const bool s3_dual = variant.dual_stack && strcmp(facts->name, "s3") == 0;
    const char *suffix =
        variant.dual_stack && !s3_dual ? partition->dual_stack_suffix : partition->suffix;
    const char *text = arena_format(arena, "https://%s%s%s.%.*s.%s", facts->host_prefix,
                                    variant.fips ? "-fips" : "", s3_dual ? ".dualstack" : "",
                                    SLICE_PRINT(region), suffix);
    return split_url(arena, slice_from_text(text), endpoint, error);
}

enum status endpoint_resolve(struct arena *arena, const struct profile_files *files,
                             enum aws_service service, struct slice region,
                             struct endpoint *endpoint, struct error *error)
{
    const struct aws_service_facts *facts = aws_service_facts(service);
    const struct slice url = configured_url(files, facts->setting);
    const struct variant variant = {
        .fips = setting_is_true(files, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
        .dual_stack =
            setting_is_true(files, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")};
    endpoint->configured = false;
    if (url.size == 0) {
        return computed_endpoint(arena, facts, region, variant, endpoint, error);
    }
    if (variant.fips || variant.dual_stack) {
        return error_set(error, STATUS_REJECTED,
                         "%s: a configured endpoint cannot be FIPS or dual-stack", facts->name);
    }
    const enum status status = split_url(arena, url, endpoint, error);
    endpoint->configured = true;
    return status == STATUS_OK ? status : error_wrap(error, "%s", facts->name);
}

static bool is_below(struct slice host, const char *domain)
{
    const struct slice end = slice_from_text(domain);
    return end.size > 0 && host.size > end.size && slice_ends_with(host, end) &&
           host.data[host.size - end.size - 1] == '.';
}

bool endpoint_is_aws(const struct endpoint *endpoint)
{
    const struct slice host = slice_part(endpoint->host, 0, slice_find_byte(endpoint->host, ':'));
    bool found = !endpoint->configured;
    for (size_t i = 0; i < ARRAY_COUNT(partitions) && !found; i++) {
        found =
            is_below(host, partitions[i].suffix) || is_below(host, partitions[i].dual_stack_suffix);
    }
    return found;
}
