#include "infra/base/config_rules.h"

#include "infra/base/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define PREFIX_MAX_BYTES 64
#define HOST_MAX_BYTES   253

static bool is_alphanumeric(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9');
}

static bool is_name(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];

        if (!is_alphanumeric(byte) && byte != '.' && byte != '_' && byte != '-') {
            return false;
        }
    }
    return text.size > 0;
}

/* prefix and at least one byte more */
static bool goes_on_after(struct slice text, struct slice prefix)
{
    return text.size > prefix.size && slice_starts_with(text, prefix);
}

bool config_rule_tracker_url(struct slice value)
{
    return goes_on_after(value, SLICE("sqlite:")) || goes_on_after(value, SLICE("redis://")) ||
           goes_on_after(value, SLICE("rediss://")) ||
           goes_on_after(value, SLICE("redis-cluster://")) ||
           goes_on_after(value, SLICE("rediss-cluster://")) ||
           goes_on_after(value, SLICE("dynamodb:"));
}

bool config_rule_http_url(struct slice value)
{
    return goes_on_after(value, SLICE("http://")) || goes_on_after(value, SLICE("https://"));
}

/* Up to the last colon, without the brackets of IPv6. False when it is no host. */
static bool host_of(struct slice listen, size_t colon, char host[HOST_MAX_BYTES + 1])
{
    struct slice text = slice_part(listen, 0, colon);
    bool bracketed = slice_starts_with(text, SLICE("[")) && slice_ends_with(text, SLICE("]"));
    struct in6_addr address;

    if (bracketed) {
        text = slice_part(text, 1, text.size - 2);
    }
    if (text.size == 0 || text.size > HOST_MAX_BYTES) {
        return false;
    }
    memcpy(host, text.data, text.size);
    host[text.size] = '\0';
    return bracketed ? inet_pton(AF_INET6, host, &address) == 1 : is_name(text);
}

static size_t last_colon(struct slice text)
{
    size_t at = text.size;

    while (at > 0 && text.data[at - 1] != ':') {
        at--;
    }
    return at > 0 ? at - 1 : text.size;
}

bool config_rule_listen(struct slice value)
{
    size_t colon = last_colon(value);
    char host[HOST_MAX_BYTES + 1];
    int64_t port = 0;

    return colon < value.size && host_of(value, colon, host) &&
           slice_to_int64(slice_part(value, colon + 1, value.size), 0, 65535, &port, NULL) ==
               STATUS_OK;
}

bool config_listen_is_loopback(struct slice value)
{
    char host[HOST_MAX_BYTES + 1];
    struct in_addr four;
    struct in6_addr six;

    if (!host_of(value, last_colon(value), host)) {
        return false;
    }
    if (inet_pton(AF_INET, host, &four) == 1) {
        return ntohl(four.s_addr) >> 24 == 127;
    }
    if (inet_pton(AF_INET6, host, &six) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&six);
    }
    return strcmp(host, "localhost") == 0;
}

bool config_rule_prefix(struct slice value)
{
    return value.size >= 2 && value.size <= PREFIX_MAX_BYTES + 1 &&
           slice_ends_with(value, SLICE("/")) && is_name(slice_part(value, 0, value.size - 1));
}

bool config_rule_role_arn(struct slice value)
{
    return goes_on_after(value, SLICE("arn:"));
}

bool config_rule_secret_arn(struct slice value)
{
    static const struct slice service = {":secretsmanager:", 16};
    return slice_starts_with(value, SLICE("arn:")) && slice_find(value, service) < value.size;
}

bool config_rule_output(struct slice value)
{
    return slice_equals_text(value, "event") || slice_equals_text(value, "statement");
}

bool config_rule_quotas(struct slice value)
{
    return slice_equals_text(value, "auto") || slice_equals_text(value, "always");
}

bool config_rule_log_level(struct slice value)
{
    enum log_level level = LOG_INFO;

    return log_level_parse(value, &level) == 0;
}
