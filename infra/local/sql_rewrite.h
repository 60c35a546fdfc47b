/* Redshift's spelling to an engine's, while strings, comments and quoted identifiers mean the same.
 */
#ifndef RINGBACK_INFRA_LOCAL_SQL_REWRITE_H
#define RINGBACK_INFRA_LOCAL_SQL_REWRITE_H

#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"
#include "infra/local/engine.h"

#include <stddef.h>

enum sql_dialect {
    SQL_SQLITE,
    SQL_POSTGRES,
};

#define SQL_USES_MAX 1024

/* Statement in the engine's spelling: the i-th place ($i or ?i, from 1) takes the value of
 * parameter uses[i - 1]. */
struct sql_rewritten {
    struct buffer text;
    size_t uses[SQL_USES_MAX];
    size_t use_count;
};

void sql_rewritten_clear(struct sql_rewritten *rewritten);
/* Initialises *rewritten, which must be cleared in any case. REJECTED: a parameter is not among the
 * request's, or there are too many places. */
MUST_CHECK enum status sql_rewrite(enum sql_dialect dialect, const struct engine_request *request,
                                   struct sql_rewritten *rewritten, struct error *error);

#endif
