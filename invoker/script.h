/*
 * Scripts in S3: fetched for a whole batch at once, filled in and split into the statements of
 * their requests.
 */
#ifndef RINGBACK_INVOKER_SCRIPT_H
#define RINGBACK_INVOKER_SCRIPT_H

#include "invoker/dispatch.h"
#include "invoker/request.h"

#define SCRIPT_MAX_BYTES (1u << 20)

/* A request whose script_uri is to become sqls. */
struct script {
    struct request *request;
    /* Out. OK; REJECTED names the field and the rule (no such object, no permission, too large, a
     * variable that does not fit, too many statements for the mode); RETRY: S3 is away. */
    enum status status;
    struct error error;
};

void scripts_fetch(struct dispatch *dispatch, struct script *scripts, size_t count);

/*
 * The statements of a script's text as its request wants them: variables filled in, split, and in
 * mode transaction without BEGIN and COMMIT. Pure. REJECTED as above.
 */
MUST_CHECK enum status script_read(struct arena *arena, struct slice text, struct request *request,
                                   struct error *error);

#endif
