#include "invoker/resource_built_in.h"

#include "invoker/request_fields.h"
#include "invoker/user_sql.h"

#include "infra/base/encode.h"

#include <string.h>

void resource_set_sqls(struct arena *arena, struct request *request, const struct slice *sqls,
                       size_t count)
{
    request->sqls = ARENA_ARRAY(arena, count, struct slice);
    memcpy(request->sqls, sqls, count * sizeof(*sqls));
    request->sql_count = count;
    request->mode = count > 1 ? REQUEST_TRANSACTION : REQUEST_SEQUENCE;
}

/* Shortened; absent when properties make no built-in resource. */
static struct slice made_from(struct arena *arena, struct json properties)
{
    static const char *const names[] = {"create_sql",      "username",
                                        "password",        "create_db",
                                        "create_user",     "unrestricted_syslog_access",
                                        "groups",          "valid_until",
                                        "session_timeout", "connection_limit"};
    CLEANUP(buffer_clear) struct buffer out;
    char hex[SHA256_HEX_BYTES + 1];
    buffer_init(&out, 2u * REQUEST_MAX_BYTES);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct json value = json_member(properties, names[i]);
        if (json_exists(value)) {
            buffer_append_format(&out, "\n%s ", names[i]);
            json_print(value, &out);
        }
    }
    if (buffer_slice(&out).size == 0) {
        return SLICE_NONE;
    }
    digest_sha256_hex(buffer_slice(&out), hex);
    buffer_wipe(&out);
    return arena_copy(arena, slice_from_text(hex));
}

void resource_read_made(const struct resource_change *change, struct plan_resource *resource)
{
    if (change->event != RESOURCE_DELETE) {
        resource->made_after = made_from(change->arena, change->properties);
    }
    if (change->event == RESOURCE_UPDATE) {
        resource->made_before = made_from(change->arena, change->old);
    }
}

enum status resource_replace(const struct resource_change *change, struct request *request,
                             struct error *error)
{
    struct json made = json_member(change->properties, "create_sql");
    struct json drop = json_member(change->old, "drop_sql");
    struct slice old = SLICE_NONE;
    struct slice sqls[2] = {SLICE_NONE, SLICE_NONE};
    size_t count = 0;
    /* An old statement that is none was refused, and has made nothing. */
    if (!json_exists(made) ||
        request_read_sql(json_member(change->old, "create_sql"), &old, NULL) != STATUS_OK) {
        return STATUS_OK;
    }
    if (json_exists(drop) && request_read_sql(drop, &sqls[count], NULL) == STATUS_OK) {
        count++;
    }
    enum status status = request_read_sql(made, &sqls[count++], error);
    if (status == STATUS_OK && !slice_equals(old, sqls[count - 1])) {
        resource_set_sqls(change->arena, request, sqls, count);
    }
    request->made = true;
    return status;
}

/* From the old properties to the new ones. A change that is refused may be one that takes back what
 * was refused before it: whether it is, is known later. */
MUST_CHECK static enum status update_user(const struct resource_change *change,
                                          const struct user_properties *user,
                                          struct user_statements *statements,
                                          struct request *request, struct error *error)
{
    struct user_properties old;
    struct error refusal = ERROR_NONE;
    request->made = true;
    if (user_properties_read(change->arena, change->old, &old, &refusal) != STATUS_OK) {
        return STATUS_OK;
    }
    enum status status = user_sql_update(change->arena, &old, user, statements, &refusal);
    if (status == STATUS_REJECTED) {
        request->made_refusal = arena_text(change->arena, slice_from_text(refusal.text));
        return STATUS_OK;
    }
    if (status != STATUS_OK && error != NULL) {
        *error = refusal;
    }
    return status;
}

enum status resource_read_user(const struct resource_change *change, struct request *request,
                               struct error *error)
{
    struct user_properties user;
    struct user_statements statements = {0};
    enum status status = user_properties_read(change->arena, change->properties, &user, error);
    if (status != STATUS_OK) {
        return status;
    }
    switch (change->event) {
    case RESOURCE_CREATE: user_sql_create(change->arena, &user, &statements); break;
    case RESOURCE_UPDATE: status = update_user(change, &user, &statements, request, error); break;
    case RESOURCE_DELETE: user_sql_delete(change->arena, &user, &statements); break;
    }
    if (statements.count > 0) {
        resource_set_sqls(change->arena, request, statements.sqls, statements.count);
    }
    request->nothing_to_run = statements.count == 0;
    return status;
}
