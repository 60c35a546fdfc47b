/*
 * The built-in kinds of CloudFormation resources: what create_sql and drop_sql make and remove, and
 * a database user (user_sql.h). Their Updates are made from what has changed. Pure.
 */
#ifndef RINGBACK_INVOKER_RESOURCE_BUILT_IN_H
#define RINGBACK_INVOKER_RESOURCE_BUILT_IN_H

#include "invoker/request.h"

enum resource_event { RESOURCE_CREATE, RESOURCE_UPDATE, RESOURCE_DELETE };

/* One event, with ResourceProperties and OldResourceProperties. */
struct resource_change {
    struct arena *arena;
    enum resource_event event;
    struct json properties;
    struct json old;
};

/* One statement, or several as one transaction. */
void resource_set_sqls(struct arena *arena, struct request *request, const struct slice *sqls,
                       size_t count);

/* What the resource was and is to be made from (struct plan_resource). */
void resource_read_made(const struct resource_change *change, struct plan_resource *resource);

/*
 * An Update without update_sql: the new statement in the place of the old one. Nothing is lost when
 * it fails, since the old drop_sql and the new create_sql are one transaction. Nothing runs when
 * create_sql has not changed.
 */
MUST_CHECK enum status resource_replace(const struct resource_change *change,
                                        struct request *request, struct error *error);

/* A user is created, altered or dropped. */
MUST_CHECK enum status resource_read_user(const struct resource_change *change,
                                          struct request *request, struct error *error);

#endif
