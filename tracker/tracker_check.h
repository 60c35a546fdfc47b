/*
 * What tracker.c and the backends agree on about arguments: how ids, keys and page tokens look.
 */
#ifndef RINGBACK_TRACKER_TRACKER_CHECK_H
#define RINGBACK_TRACKER_TRACKER_CHECK_H

#include "tracker/tracker.h"

/* Times are stored in columns and scores that must keep every digit: below the year 33658. */
#define TRACKER_TIME_MAX_MS 999999999999999
/* A place in a list: time as 15 digits, then the id. Sorts as the pair does. */
#define TRACKER_PLACE_BYTES (15 + TRACKER_ID_BYTES)
/* A page ends early once its blobs pass this, so that 100 large records do not fill an arena. */
#define TRACKER_PAGE_MAX_BYTES (4u * 1024 * 1024)

struct tracker_place {
    char text[TRACKER_PLACE_BYTES + 1];
};

struct tracker_place tracker_place_make(int64_t time_ms, const char *id);
/* The two halves of a place that tracker.c has checked. */
int64_t tracker_place_time_ms(struct slice place);
const char *tracker_place_id(struct slice place);

MUST_CHECK enum status tracker_check_id(const char *name, const char *id, struct error *error);
MUST_CHECK enum status tracker_check_lock_key(const char *key, struct error *error);
MUST_CHECK enum status tracker_check_record(const struct tracker_record *record,
                                            struct error *error);
MUST_CHECK enum status tracker_check_parked(const struct tracker_parked *message,
                                            struct error *error);
MUST_CHECK enum status tracker_check_page(size_t limit, struct slice token, struct error *error);
MUST_CHECK enum status tracker_check_digest(const char *digest, struct error *error);
MUST_CHECK enum status tracker_check_time(const char *name, int64_t time_ms, struct error *error);
MUST_CHECK enum status tracker_check_owner(const char *owner, struct error *error);

#endif
