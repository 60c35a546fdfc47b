/*
 * What a backend fills in: one static const table with a function for every operation of tracker.h,
 * whose comments hold. tracker.c checks arguments once for all of them. No slot may be NULL
 * (tested).
 */
#ifndef RINGBACK_TRACKER_TRACKER_BACKEND_H
#define RINGBACK_TRACKER_TRACKER_BACKEND_H

#include "tracker/tracker.h"

/* First member of every backend's handle. */
struct tracker {
    const struct tracker_backend *backend;
};

struct tracker_backend {
    const char *name;
    void (*close)(struct tracker *);
    enum status (*ping)(struct tracker *, struct error *);
    enum status (*register_)(struct tracker *, struct arena *, struct tracker_registration *,
                             size_t, struct error *);
    enum status (*find)(struct tracker *, struct arena *, struct tracker_lookup *, size_t,
                        struct error *);
    enum status (*update)(struct tracker *, struct tracker_update *, size_t, struct error *);
    enum status (*claim)(struct tracker *, struct arena *, int64_t now_ms, int64_t lease_ms,
                         const char *owner, size_t limit, struct tracker_record **, size_t *,
                         struct error *);
    enum status (*group_latest)(struct tracker *, struct arena *, struct slice,
                                struct tracker_record *, struct error *);
    enum status (*list)(struct tracker *, struct arena *, const struct tracker_list *,
                        struct tracker_record **, size_t *, struct slice *, struct error *);
    enum status (*count)(struct tracker *, struct tracker_counts *, struct error *);
    enum status (*touch)(struct tracker *, const char *, int64_t, struct error *);
    enum status (*lock_take)(struct tracker *, const char *, const char *, const char *, char *,
                             struct error *);
    enum status (*lock_holder)(struct tracker *, const char *, char *, struct error *);
    enum status (*lock_release)(struct tracker *, const char *, const char *, struct error *);
    enum status (*lock_wait)(struct tracker *, const char *, const char *, int64_t, struct error *);
    enum status (*lock_leave)(struct tracker *, const char *, const char *, struct error *);
    enum status (*lock_first)(struct tracker *, const char *, char *, struct error *);
    enum status (*park)(struct tracker *, const struct tracker_parked *, size_t, struct error *);
    enum status (*parked_list)(struct tracker *, struct arena *, size_t, struct slice,
                               struct tracker_parked **, size_t *, struct slice *, struct error *);
    enum status (*parked_take)(struct tracker *, struct arena *, const char *,
                               struct tracker_parked *, struct error *);
    enum status (*reply_put)(struct tracker *, const char *, const char *, struct slice, int64_t,
                             struct error *);
    enum status (*reply_get)(struct tracker *, struct arena *, const char *, const char *,
                             struct slice *, struct error *);
    enum status (*expire)(struct tracker *, int64_t, size_t, size_t *, struct error *);
};

/* One constructor per backend; tracker_open chooses by the url's scheme. */
MUST_CHECK enum status tracker_sqlite_open(const struct tracker_options *options,
                                           struct tracker **tracker, struct error *error);
MUST_CHECK enum status tracker_redis_open(const struct tracker_options *options,
                                          struct tracker **tracker, struct error *error);
MUST_CHECK enum status tracker_dynamodb_open(const struct tracker_options *options,
                                             struct tracker **tracker, struct error *error);
/* Wraps (and owns) another: one debug log line per operation with its duration, and counts of
 * errors. */
struct tracker *tracker_traced_new(struct tracker *inner);

#endif
