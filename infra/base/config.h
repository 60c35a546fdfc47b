/*
 * Configuration: one table (infra/base/config.c) drives the environment's names, the flags,
 * parsing, validation, `ringback help`, the manual and docs/configuration.md. Values land in one
 * struct that is const from then on. An unknown RINGBACK_* name or an invalid value stops the start
 * and is named.
 *
 * A flag has the name of its variable without RINGBACK_, in lower case, with '-' for '_'
 * (RINGBACK_SWEEP_SECONDS: --sweep-seconds); a flag beats the environment, RINGBACK_* beats the
 * names of earlier systems (CLUSTER_IDENTIFIER, ...).
 */
#ifndef RINGBACK_INFRA_BASE_CONFIG_H
#define RINGBACK_INFRA_BASE_CONFIG_H

#include "infra/base/arena.h"
#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct config {
    /* Texts are NULL when unset. They live as long as the arena given to config_load. */
    const char *tracker_url;
    const char *event_queue_url;
    const char *request_queue_url;
    const char *http_listen;
    const char *http_token_file;
    const char *admin_listen;
    const char *url;
    const char *statement_prefix;
    const char *targets_file;
    const char *key_file;
    const char *key_secret_arn;
    const char *statement_role_arn;
    const char *quotas; /* "auto" or "always" */
    const char *output; /* "event" or "statement" */
    int64_t workers;
    int64_t sweep_seconds;
    int64_t overdue_seconds;
    int64_t wait_seconds;
    int64_t cancel_grace_seconds;
    int64_t gather_seconds;
    int64_t retain_days;
    int64_t dedupe_days;
    int64_t redis_wait;
    bool direct;
    /* The environment's target, P3's names. */
    const char *cluster_identifier;
    const char *workgroup_name;
    const char *database;
    const char *db_user;
    const char *secret_arn;
    const char *log_level;
    const char *ddb_table_name;
};

/*
 * Reads environment (NULL-terminated NAME=VALUE, usually environ) and flags. arguments[0..count)
 * are what follows the command; flags of the table are taken out and what remains is moved to the
 * front, its number in *count. REJECTED names the variable or flag and its rule.
 */
MUST_CHECK enum status config_load(struct arena *arena, char *const *environment, int *count,
                                   char **arguments, struct config *config, struct error *error);

/* A line of the table, for whoever prints it. Texts are static; alias and initial may be NULL. */
struct config_setting {
    const char *variable;
    const char *alias;   /* the name that an earlier system gave it */
    const char *initial; /* the default */
    const char *rule;    /* in words, behind "must be" */
    const char *meaning;
};

size_t config_setting_count(void);
struct config_setting config_setting_at(size_t index);
/* The name of a variable's flag: "--sweep-seconds". */
void config_append_flag(const char *variable, struct buffer *out);

/* docs/configuration.md, from the table. */
void config_print_markdown(struct buffer *out);
/* A file of NAME=VALUE lines that sets nothing and explains all, from the table. */
void config_print_environment(struct buffer *out);
/* The flags as `ringback help` lists them. */
void config_print_help(struct buffer *out);

#endif
