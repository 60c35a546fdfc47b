/* What the texts of the configuration must look like. Each answers whether value fits; the words of
 * its rule stand in the table (infra/base/config.c). */
#ifndef RINGBACK_INFRA_BASE_CONFIG_RULES_H
#define RINGBACK_INFRA_BASE_CONFIG_RULES_H

#include "infra/base/slice.h"

#include <stdbool.h>

bool config_rule_tracker_url(struct slice value);
bool config_rule_http_url(struct slice value);
/* host:port, an IPv6 address in brackets; the port may be 0. */
bool config_rule_listen(struct slice value);
bool config_rule_prefix(struct slice value);
bool config_rule_role_arn(struct slice value);
bool config_rule_secret_arn(struct slice value);
bool config_rule_output(struct slice value);
bool config_rule_quotas(struct slice value);
bool config_rule_log_level(struct slice value);

/* Whether an address that passed config_rule_listen is of this machine alone: localhost,
 * 127.0.0.0/8 or ::1. */
bool config_listen_is_loopback(struct slice value);

#endif
