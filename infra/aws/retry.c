#include "infra/aws/retry.h"

#include "infra/base/backoff.h"
#include "infra/base/compiler.h"

#include <string.h>
#include <strings.h>

#define BASE_TRANSIENT_MS   50
#define BASE_DYNAMODB_MS    25
#define BASE_THROTTLING_MS  1000
#define RETRY_AFTER_MORE_MS 5000
#define HTTP_TIMEOUT        408
#define HTTP_TOO_MANY       429

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_throttling(int code, const char *name, const char *message)
{
    static const char *const names[] = {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "Throttled",
        "RequestThrottledException",
        "RequestThrottled",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
        "KmsThrottled",
        "KmsThrottlingException",
        "KMSThrottlingException",
    };
    if (code == HTTP_TOO_MANY || is_one_of(name, names, ARRAY_COUNT(names))) {
        return true;
    }
    return strcmp(name, "ValidationException") == 0 &&
           (strcasestr(message, "rate exceeded") != NULL ||
            strcasestr(message, "too many requests") != NULL);
}

static bool is_transient(int code, const char *name)
{
    static const char *const names[] = {
        "RequestTimeout", "RequestTimeoutException", "InternalError", "IDPCommunicationError",
        /* DynamoDB: somebody else writes this item just now. */
        "TransactionConflictException", "ReplicatedWriteConflictException"};
    return code >= 500 || code == HTTP_TIMEOUT || is_one_of(name, names, ARRAY_COUNT(names));
}

static bool is_clock(const char *name, const char *message)
{
    static const char *const names[] = {"RequestTimeTooSkewed", "RequestExpired",
                                        "RequestInTheFuture"};
    if (is_one_of(name, names, ARRAY_COUNT(names))) {
        return true;
    }
    return (strcmp(name, "InvalidSignatureException") == 0 ||
            strcmp(name, "SignatureDoesNotMatch") == 0 || strcmp(name, "AuthFailure") == 0) &&
           (strstr(message, "Signature expired") != NULL ||
            strstr(message, "Signature not yet current") != NULL);
}

static bool is_expired(const char *name)
{
    static const char *const names[] = {"ExpiredToken", "ExpiredTokenException",
                                        "UnrecognizedClientException"};
    return is_one_of(name, names, ARRAY_COUNT(names));
}

enum retry_class retry_classify(enum status sent, int code, const char *name, const char *message)
{
    if (sent != STATUS_OK) {
        return sent == STATUS_RETRY || sent == STATUS_IN_DOUBT ? RETRY_TRANSIENT : RETRY_NEVER;
    }
    if (code >= 200 && code < 300) {
        return RETRY_NEVER;
    }
    if (is_throttling(code, name, message)) {
        return RETRY_THROTTLING;
    }
    if (is_clock(name, message)) {
        return RETRY_CLOCK;
    }
    if (is_expired(name)) {
        return RETRY_EXPIRED;
    }
    return is_transient(code, name) ? RETRY_TRANSIENT : RETRY_NEVER;
}

/* Capacity that is full now: the caller waits for minutes, not this client for seconds. */
static bool is_capacity(const char *name)
{
    static const char *const names[] = {"ActiveStatementsExceededException",
                                        "ActiveSessionsExceededException",
                                        "ActiveWaitingRequestsExceededException"};
    return is_one_of(name, names, ARRAY_COUNT(names));
}

enum status retry_final_status(enum retry_class class, enum status sent, int code, const char *name)
{
    static const char *const missing[] = {"ResourceNotFoundException", "QueueDoesNotExist",
                                          "TaskDoesNotExist"};
    if (sent != STATUS_OK) {
        return sent;
    }
    if (class == RETRY_THROTTLING || class == RETRY_CLOCK || is_capacity(name) ||
        (class == RETRY_EXPIRED && strcmp(name, "UnrecognizedClientException") != 0)) {
        return STATUS_RETRY;
    }
    if (code >= 500) {
        return STATUS_IN_DOUBT;
    }
    if (class == RETRY_TRANSIENT) {
        return STATUS_RETRY;
    }
    return code == 404 || is_one_of(name, missing, ARRAY_COUNT(missing)) ? STATUS_NOT_FOUND
                                                                         : STATUS_REJECTED;
}

int64_t retry_delay_ms(enum retry_class class, bool dynamodb, unsigned retry, double unit,
                       int64_t retry_after_ms)
{
    if (class == RETRY_CLOCK || class == RETRY_EXPIRED) {
        return 0;
    }
    const int64_t base_ms = class == RETRY_THROTTLING ? BASE_THROTTLING_MS
                            : dynamodb                ? BASE_DYNAMODB_MS
                                                      : BASE_TRANSIENT_MS;
    const int64_t computed_ms = backoff_full_jitter_ms(base_ms, RETRY_DELAY_MAX_MS, retry, unit);
    if (retry_after_ms < 0 || retry_after_ms <= computed_ms) {
        return computed_ms;
    }
    const int64_t most_ms = computed_ms + RETRY_AFTER_MORE_MS;
    return retry_after_ms < most_ms ? retry_after_ms : most_ms;
}

void retry_bucket_init(struct retry_bucket *bucket)
{
    bucket->tokens = RETRY_TOKENS;
}

int retry_bucket_take(struct retry_bucket *bucket, enum retry_class class)
{
    const int cost = class == RETRY_THROTTLING ? RETRY_COST_THROTTLING : RETRY_COST_TRANSIENT;
    if (bucket->tokens < cost) {
        return 0;
    }
    bucket->tokens -= cost;
    return cost;
}

void retry_bucket_give(struct retry_bucket *bucket, int cost)
{
    bucket->tokens += cost > 0 ? cost : 1;
    if (bucket->tokens > RETRY_TOKENS) {
        bucket->tokens = RETRY_TOKENS;
    }
}
