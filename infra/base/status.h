/*
 * The closed set of results. A status tells the caller what to do next; the text that tells a
 * person what happened travels in struct error (infra/base/error.h).
 */
#ifndef RINGBACK_INFRA_BASE_STATUS_H
#define RINGBACK_INFRA_BASE_STATUS_H

enum status {
    STATUS_OK,        /* done */
    STATUS_RETRY,     /* not done, may be later: throttled, unreachable, busy */
    STATUS_IN_DOUBT,  /* sent, and nobody knows whether it was done: I/O error or 5xx after sending
                       */
    STATUS_REJECTED,  /* never will be: the input or the permission is wrong */
    STATUS_NOT_FOUND, /* there is no such thing */
    STATUS_CONFLICT,  /* somebody else was first; read again and decide again */
    STATUS_INTERNAL,  /* a bug or a broken store; a person must look */
};

/* Lower-case name for logs and metrics, such as "in-doubt". Never NULL. */
const char *status_name(enum status status);

#endif
