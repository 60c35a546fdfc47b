/* Takes the place of tracker_redis_tls.c where hiredis_ssl was not found. */
#include "tracker/tracker_redis.h"

enum status redis_check_tls(struct error *error)
{
    return error_set(error, STATUS_REJECTED,
                     "tracker url: rediss:// needs TLS, and this build has none: hiredis_ssl was "
                     "not found when it was built");
}

enum status redis_start_tls(struct redis_node *node, struct error *error)
{
    (void)node;
    return redis_check_tls(error);
}
