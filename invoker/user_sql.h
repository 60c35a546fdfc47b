/*
 * Built-in user management: from the properties of a CloudFormation resource (username, password,
 * ...) to the SQL that makes them so. The names are those of cdk-stepfunctions-redshift's
 * manage_user. CloudFormation turns booleans and numbers into texts: "false" is false here, and
 * anything else that is neither is refused. Pure.
 *
 * The lists of statements run as one transaction, and fit into one batch. They hold password
 * digests: they are secrets.
 */
#ifndef RINGBACK_INVOKER_USER_SQL_H
#define RINGBACK_INVOKER_USER_SQL_H

#include "infra/base/arena.h"
#include "infra/base/error.h"
#include "infra/base/json_reader.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* With 8 options, leaving 16 groups and joining 16 others makes 40 statements: one batch. */
#define USER_GROUPS_MAX 16

struct user_properties {
    struct slice username; /* as given: quoted names of users keep their case */
    struct slice password; /* md5<32 hex> or sha256|<64 hex>|<64 hex>; absent: disabled */
    bool create_db;
    bool create_user; /* Redshift's CREATEUSER: a superuser */
    bool unrestricted_syslog_access;
    struct slice *groups; /* which must exist */
    size_t group_count;
    struct slice valid_until; /* absent: for ever */
    int64_t connection_limit; /* -1: unlimited */
    int64_t session_timeout;  /* seconds; 0: the cluster's */
};

struct user_statements {
    struct slice *sqls;
    size_t count;
};

/* Whether an object of resource properties asks for user management at all. */
bool user_properties_given(struct json properties);

/*
 * Reads them; other members are not looked at. REJECTED names the field and the rule, never the
 * value: a password in plain text, a superuser whose password is disabled (Redshift refuses that),
 * a name that is PUBLIC, empty, longer than 127 bytes or has control characters, more than
 * USER_GROUPS_MAX groups, the same group twice. Slices are in properties' document.
 */
MUST_CHECK enum status user_properties_read(struct arena *arena, struct json properties,
                                            struct user_properties *user, struct error *error);

/* CREATE USER. It fails when there is such a user: no resource takes over what it has not made. */
void user_sql_create(struct arena *arena, const struct user_properties *user,
                     struct user_statements *statements);

/*
 * From old to user: one ALTER for each difference, none when there is none; an option that is no
 * longer there goes back to its default. REJECTED: a rename with the md5 password of the old name,
 * which would lock the user out, since the name is its salt.
 */
MUST_CHECK enum status user_sql_update(struct arena *arena, const struct user_properties *old,
                                       const struct user_properties *user,
                                       struct user_statements *statements, struct error *error);

/* DROP USER IF EXISTS. Not for the Delete that follows a failed Create: the user of that name was
 * somebody else's, and the caller answers it without SQL. */
void user_sql_delete(struct arena *arena, const struct user_properties *user,
                     struct user_statements *statements);

#endif
