/*
 * Records as ringback writes them: one request with 200 bytes of SQL, a token of 1,000 characters
 * and an executionArn goes through the real invoker and completer (against tests/support/cloud);
 * every other record is its record with an id, a token and a group of its own, sealed anew.
 */
#ifndef RINGBACK_TESTS_BENCH_RECORDS_H
#define RINGBACK_TESTS_BENCH_RECORDS_H

#include "tracker/record.h"

#define RECORDS_GROUP_OF 5 /* invocations of one execution */

struct records;

enum records_stage {
    RECORDS_OPEN, /* submitted */
    RECORDS_SETTLED,
    RECORDS_TOMBSTONE,
    RECORDS_STAGES,
};

/* key_file: as RINGBACK_KEY_FILE. Aborts the program when something fails, as all functions here.
 */
struct records *records_new(const char *key_file);
void records_free(struct records *records);

/* The body of the number-th request. */
const char *records_request(struct arena *arena, unsigned number);
void records_id(unsigned number, char id[TRACKER_ID_BYTES + 1]);
struct slice records_group(struct arena *arena, unsigned number);
/* The number-th record at this stage, sealed, due (and one that is settled, expired) at that time;
 * in the arena. */
struct tracker_record records_make(const struct records *records, struct arena *arena,
                                   enum records_stage stage, unsigned number, int64_t due_at_ms);

/* Opens the tracker of this url; DynamoDB's client is set up by the environment. */
struct tracker *records_open_tracker(struct records *records, const char *url);

#endif
