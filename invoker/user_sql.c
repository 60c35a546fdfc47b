#include "invoker/user_sql.h"

#include "infra/base/encode.h"
#include "infra/base/sql_lexer.h"

#include <string.h>

#define NAME_MAX_BYTES          127
#define VALID_UNTIL_MAX_BYTES   64
#define SESSION_TIMEOUT_MINIMUM 60
#define SESSION_TIMEOUT_MAXIMUM 1728000
#define STATEMENTS_MAX          40
#define STATEMENT_MAX_BYTES     16384

/* ---- Properties ----------------------------------------------------------------------------- */

bool user_properties_given(struct json properties)
{
    return json_exists(json_member(properties, "username"));
}

/* A name that can be quoted: printable, and none that means everybody. */
MUST_CHECK static enum status read_name(struct json value, struct slice *name, struct error *error)
{
    enum status status = json_text(value, name, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (name->size == 0 || name->size > NAME_MAX_BYTES) {
        return json_reject(value, error, "must be 1 to %d bytes", NAME_MAX_BYTES);
    }
    for (size_t i = 0; i < name->size; i++) {
        if ((unsigned char)name->data[i] < ' ' || name->data[i] == '\x7F') {
            return json_reject(value, error, "must not hold control characters");
        }
    }
    if (slice_equals_ignore_case(*name, SLICE("public"))) {
        return json_reject(value, error, "must not be PUBLIC");
    }
    return STATUS_OK;
}

static bool is_hex(struct slice text, size_t size)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\0' || strchr(digits, text.data[i]) == NULL) {
            return false;
        }
    }
    return text.size == size;
}

static bool is_md5(struct slice password)
{
    return slice_starts_with(password, SLICE("md5")) &&
           is_hex(slice_part(password, 3, password.size), MD5_HEX_BYTES);
}

static bool is_sha256(struct slice password)
{
    if (!slice_starts_with(password, SLICE("sha256|"))) {
        return false;
    }
    struct slice rest = slice_part(password, 7, password.size);
    size_t bar = slice_find_byte(rest, '|');
    return is_hex(slice_part(rest, 0, bar), SHA256_HEX_BYTES) &&
           is_hex(slice_part(rest, bar + 1, rest.size), SHA256_HEX_BYTES);
}

MUST_CHECK static enum status read_password(struct json properties, struct user_properties *user,
                                            struct error *error)
{
    struct json value = json_member(properties, "password");
    if (!json_exists(value)) {
        return STATUS_OK;
    }
    enum status status = json_text(value, &user->password, error);
    if (status == STATUS_OK && !is_md5(user->password) && !is_sha256(user->password)) {
        return json_reject(
            value, error,
            "must be a digest: md5 and the 32 hex digits of MD5(password + username), "
            "or sha256|digest|salt with 64 hex digits each");
    }
    return status;
}

/* CloudFormation hands booleans over as texts. */
MUST_CHECK static enum status read_flag(struct json properties, const char *name, bool *flag,
                                        struct error *error)
{
    struct json value = json_member(properties, name);
    struct slice text = SLICE_NONE;
    if (!json_exists(value)) {
        return STATUS_OK;
    }
    if (json_kind(value) == JSON_BOOL) {
        return json_find_bool(properties, name, flag, error);
    }
    if (json_kind(value) == JSON_TEXT && json_text(value, &text, NULL) == STATUS_OK &&
        (slice_equals_text(text, "true") || slice_equals_text(text, "false"))) {
        *flag = slice_equals_text(text, "true");
        return STATUS_OK;
    }
    return json_reject(value, error, "must be true or false");
}

/* And numbers too. */
MUST_CHECK static enum status read_number(struct json value, int64_t minimum, int64_t maximum,
                                          int64_t *number, struct error *error)
{
    struct slice text = SLICE_NONE;
    if (json_kind(value) != JSON_TEXT) {
        return json_int64(value, minimum, maximum, number, error);
    }
    if (json_text(value, &text, NULL) != STATUS_OK ||
        slice_to_int64(text, minimum, maximum, number, NULL) != STATUS_OK) {
        return json_reject(value, error, "must be a whole number between %lld and %lld",
                           (long long)minimum, (long long)maximum);
    }
    return STATUS_OK;
}

MUST_CHECK static enum status read_limits(struct json properties, struct user_properties *user,
                                          struct error *error)
{
    struct json limit = json_member(properties, "connection_limit");
    struct json timeout = json_member(properties, "session_timeout");
    struct slice text = SLICE_NONE;
    enum status status = STATUS_OK;
    bool unlimited = json_kind(limit) == JSON_TEXT && json_text(limit, &text, NULL) == STATUS_OK &&
                     slice_equals_ignore_case(text, SLICE("unlimited"));
    if (json_exists(limit) && !unlimited) {
        status = read_number(limit, 0, INT32_MAX, &user->connection_limit, error);
    }
    if (status == STATUS_OK && json_exists(timeout)) {
        status = read_number(timeout, SESSION_TIMEOUT_MINIMUM, SESSION_TIMEOUT_MAXIMUM,
                             &user->session_timeout, error);
    }
    return status;
}

MUST_CHECK static enum status read_valid_until(struct json properties, struct user_properties *user,
                                               struct error *error)
{
    struct json value = json_member(properties, "valid_until");
    enum status status =
        json_find_text(properties, "valid_until", VALID_UNTIL_MAX_BYTES, &user->valid_until, error);
    if (status != STATUS_OK || user->valid_until.data == NULL) {
        return status;
    }
    for (size_t i = 0; i < user->valid_until.size; i++) {
        const char c = user->valid_until.data[i];
        if (c < ' ' || c > '~') {
            return json_reject(value, error, "must be a time such as 2030-01-31 12:00:00");
        }
    }
    return user->valid_until.size > 0
               ? STATUS_OK
               : json_reject(value, error, "must be a time such as 2030-01-31 12:00:00");
}

static bool has_group(const struct user_properties *user, size_t count, struct slice group)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equals(user->groups[i], group)) {
            return true;
        }
    }
    return false;
}

MUST_CHECK static enum status read_groups(struct arena *arena, struct json properties,
                                          struct user_properties *user, struct error *error)
{
    struct json groups;
    enum status status = json_find_array(properties, "groups", &groups, error);
    if (status != STATUS_OK) {
        return status;
    }
    user->group_count = json_count(groups);
    if (user->group_count > USER_GROUPS_MAX) {
        return json_reject(groups, error, "must be at most %d, got %zu", USER_GROUPS_MAX,
                           user->group_count);
    }
    user->groups = ARENA_ARRAY(arena, user->group_count, struct slice);
    struct json value = json_element(groups, 0);
    for (size_t i = 0; i < user->group_count && status == STATUS_OK; i++) {
        status = read_name(value, &user->groups[i], error);
        if (status == STATUS_OK && has_group(user, i, user->groups[i])) {
            return json_reject(value, error, "must not be there twice");
        }
        value = json_next(value);
    }
    return status;
}

enum status user_properties_read(struct arena *arena, struct json properties,
                                 struct user_properties *user, struct error *error)
{
    *user = (struct user_properties){.connection_limit = -1};
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"create_db", &user->create_db},
        {"create_user", &user->create_user},
        {"unrestricted_syslog_access", &user->unrestricted_syslog_access},
    };
    /* For the text of an error when it is not there. */
    enum status status = json_get_text(properties, "username", 0, &user->username, error);
    if (status == STATUS_OK) {
        status = read_name(json_member(properties, "username"), &user->username, error);
    }
    if (status == STATUS_OK) {
        status = read_password(properties, user, error);
    }
    for (size_t i = 0; i < ARRAY_COUNT(flags) && status == STATUS_OK; i++) {
        status = read_flag(properties, flags[i].name, flags[i].flag, error);
    }
    if (status == STATUS_OK) {
        status = read_limits(properties, user, error);
    }
    if (status == STATUS_OK) {
        status = read_valid_until(properties, user, error);
    }
    if (status == STATUS_OK) {
        status = read_groups(arena, properties, user, error);
    }
    if (status == STATUS_OK && user->create_user && user->password.data == NULL) {
        return json_reject(json_member(properties, "create_user"), error,
                           "needs a password, since a superuser's cannot be disabled");
    }
    return status;
}

/* ---- SQL ------------------------------------------------------------------------------------ */

/* Makes statements one after the other. */
struct maker {
    struct arena *arena;
    struct user_statements *statements;
    struct buffer sql;
};

static void maker_init(struct maker *maker, struct arena *arena, struct user_statements *statements)
{
    *statements =
        (struct user_statements){.sqls = ARENA_ARRAY(arena, STATEMENTS_MAX, struct slice)};
    *maker = (struct maker){.arena = arena, .statements = statements};
    buffer_init(&maker->sql, STATEMENT_MAX_BYTES);
}

static void maker_cleanup(struct maker *maker)
{
    buffer_wipe(&maker->sql);
    buffer_clear(&maker->sql);
}

static void add(struct maker *maker, const char *words)
{
    buffer_append_text(&maker->sql, words);
}

static void add_name(struct maker *maker, struct slice name)
{
    sql_append_name(&maker->sql, name);
}

static void finish(struct maker *maker)
{
    struct user_statements *statements = maker->statements;
    statements->sqls[statements->count++] = arena_copy(maker->arena, buffer_slice(&maker->sql));
    buffer_wipe(&maker->sql);
}

static void add_password(struct maker *maker, struct slice password)
{
    add(maker, " PASSWORD ");
    if (password.data == NULL) {
        add(maker, "DISABLE");
    } else {
        sql_append_literal(&maker->sql, password);
    }
}

static void add_valid_until(struct maker *maker, struct slice time)
{
    add(maker, " VALID UNTIL ");
    sql_append_literal(&maker->sql, time.data == NULL ? SLICE("infinity") : time);
}

static void add_connection_limit(struct maker *maker, int64_t limit)
{
    add(maker, " CONNECTION LIMIT ");
    if (limit < 0) {
        add(maker, "UNLIMITED");
    } else {
        buffer_append_int64(&maker->sql, limit);
    }
}

static void add_session_timeout(struct maker *maker, int64_t seconds)
{
    add(maker, " SESSION TIMEOUT ");
    buffer_append_int64(&maker->sql, seconds);
}

void user_sql_create(struct arena *arena, const struct user_properties *user,
                     struct user_statements *statements)
{
    CLEANUP(maker_cleanup) struct maker maker;
    maker_init(&maker, arena, statements);
    add(&maker, "CREATE USER ");
    add_name(&maker, user->username);
    add_password(&maker, user->password);
    add(&maker, user->create_db ? " CREATEDB" : "");
    add(&maker, user->create_user ? " CREATEUSER" : "");
    add(&maker, user->unrestricted_syslog_access ? " SYSLOG ACCESS UNRESTRICTED" : "");
    for (size_t i = 0; i < user->group_count; i++) {
        add(&maker, i == 0 ? " IN GROUP " : ", ");
        add_name(&maker, user->groups[i]);
    }
    if (user->valid_until.data != NULL) {
        add_valid_until(&maker, user->valid_until);
    }
    if (user->connection_limit >= 0) {
        add_connection_limit(&maker, user->connection_limit);
    }
    if (user->session_timeout > 0) {
        add_session_timeout(&maker, user->session_timeout);
    }
    finish(&maker);
}

static void begin_alter(struct maker *maker, const struct user_properties *user)
{
    add(maker, "ALTER USER ");
    add_name(maker, user->username);
}

static void alter_flag(struct maker *maker, const struct user_properties *user, bool was, bool is,
                       const char *const words[2])
{
    if (was != is) {
        begin_alter(maker, user);
        add(maker, words[is ? 1 : 0]);
        finish(maker);
    }
}

static void alter_flags(struct maker *maker, const struct user_properties *old,
                        const struct user_properties *user)
{
    static const char *const db[] = {" NOCREATEDB", " CREATEDB"};
    static const char *const superuser[] = {" NOCREATEUSER", " CREATEUSER"};
    static const char *const syslog[] = {" SYSLOG ACCESS RESTRICTED",
                                         " SYSLOG ACCESS UNRESTRICTED"};
    alter_flag(maker, user, old->create_db, user->create_db, db);
    alter_flag(maker, user, old->create_user, user->create_user, superuser);
    alter_flag(maker, user, old->unrestricted_syslog_access, user->unrestricted_syslog_access,
               syslog);
}

static void alter_limits(struct maker *maker, const struct user_properties *old,
                         const struct user_properties *user)
{
    if (!slice_equals(old->valid_until, user->valid_until)) {
        begin_alter(maker, user);
        add_valid_until(maker, user->valid_until);
        finish(maker);
    }
    if (old->connection_limit != user->connection_limit) {
        begin_alter(maker, user);
        add_connection_limit(maker, user->connection_limit);
        finish(maker);
    }
    if (old->session_timeout != user->session_timeout) {
        begin_alter(maker, user);
        if (user->session_timeout > 0) {
            add_session_timeout(maker, user->session_timeout);
        } else {
            add(maker, " RESET SESSION TIMEOUT");
        }
        finish(maker);
    }
}

/* The user joins (" ADD USER ") or leaves (" DROP USER ") the groups of `from` that `other` has
 * not. */
static void alter_groups(struct maker *maker, const struct user_properties *user,
                         const struct user_properties *from, const struct user_properties *other,
                         const char *verb)
{
    for (size_t i = 0; i < from->group_count; i++) {
        if (!has_group(other, other->group_count, from->groups[i])) {
            add(maker, "ALTER GROUP ");
            add_name(maker, from->groups[i]);
            add(maker, verb);
            add_name(maker, user->username);
            finish(maker);
        }
    }
}

enum status user_sql_update(struct arena *arena, const struct user_properties *old,
                            const struct user_properties *user, struct user_statements *statements,
                            struct error *error)
{
    CLEANUP(maker_cleanup) struct maker maker;
    maker_init(&maker, arena, statements);
    const bool renamed = !slice_equals(old->username, user->username);
    const bool same_password = slice_equals_ignore_case(old->password, user->password);
    if (renamed && same_password && is_md5(user->password)) {
        return error_set(error, STATUS_REJECTED,
                         "password: must change with the username, which is the salt of an md5 "
                         "password");
    }
    if (renamed) {
        add(&maker, "ALTER USER ");
        add_name(&maker, old->username);
        add(&maker, " RENAME TO ");
        add_name(&maker, user->username);
        finish(&maker);
    }
    /* What is no superuser any more may have its password disabled, and not before. */
    alter_flags(&maker, old, user);
    /* Redshift clears the password of whom it renames. */
    if (renamed || !same_password) {
        begin_alter(&maker, user);
        add_password(&maker, user->password);
        finish(&maker);
    }
    alter_limits(&maker, old, user);
    alter_groups(&maker, user, old, user, " DROP USER ");
    alter_groups(&maker, user, user, old, " ADD USER ");
    return STATUS_OK;
}

void user_sql_delete(struct arena *arena, const struct user_properties *user,
                     struct user_statements *statements)
{
    CLEANUP(maker_cleanup) struct maker maker;
    maker_init(&maker, arena, statements);
    add(&maker, "DROP USER IF EXISTS ");
    add_name(&maker, user->username);
    finish(&maker);
}
