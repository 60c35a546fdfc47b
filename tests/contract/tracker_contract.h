/*
 * The suite every tracker backend passes, against the real store. A program of the suite brings one
 * `contract_backend`; each file of the suite brings one group of tests.
 */
#ifndef RINGBACK_TESTS_CONTRACT_TRACKER_CONTRACT_H
#define RINGBACK_TESTS_CONTRACT_TRACKER_CONTRACT_H

#include "tests/support/cmocka.h"
#include "tracker/tracker.h"

/* What a backend's program provides. */
struct contract_backend {
    void (*start)(void);
    void (*stop)(void);
    /* The url of an empty store; valid until the next call. */
    const char *(*fresh_url)(void);
    /* NULL: the store needs none. */
    const char *(*ca_bundle)(void);
    /* Raises the schema number in the store of fresh_url, as a later release would. */
    void (*raise_schema)(void);
    /* What else it needs; NULL: nothing. */
    void (*equip)(struct tracker_options *options);
    /* The store removes what has expired: tracker_expire removes nothing, what is over is not seen,
     * and counts follow in their own time. */
    bool expires_by_itself;
};
extern const struct contract_backend contract_backend;

/* A time in 2026, far from both ends of what is stored. */
#define NOW_MS 1784000000000

/* State of each test. */
struct contract {
    struct tracker_options options;
    struct tracker *tracker;
    struct arena *arena;
    struct error error;
};

int contract_setup(void **state);
int contract_teardown(void **state);

/* Another handle on the same store; the caller closes it. */
struct tracker *contract_open(const struct contract *contract);

/* An id with this number in it; numbers next to each other fall into different shards. */
struct contract_id {
    char text[TRACKER_ID_BYTES + 1];
};
struct contract_id contract_id(unsigned number);

/* An open record without group, due at NOW_MS, with a short plan and state. */
struct tracker_record contract_record(unsigned number);
/* Registers it and expects it to be new. */
void contract_register(struct contract *contract, const struct tracker_record *record);
/* The stored record; it must be there. */
struct tracker_record contract_get(struct contract *contract, const char *id);
/* Stores the record (its version is expected) and expects it to work; returns the new version. */
int64_t contract_update(struct contract *contract, const struct tracker_record *record);
struct tracker_counts contract_counts(struct contract *contract);
/* Expires what is over and expects so many to be removed, or none where the store does it. */
void contract_expire(struct contract *contract, int64_t now_ms, size_t removed);

void contract_assert_slice(struct slice actual, struct slice expected);
#define CONTRACT_OK(contract, call)                                                                \
    do {                                                                                           \
        (contract)->error = ERROR_NONE;                                                            \
        if ((call) != STATUS_OK) {                                                                 \
            fail_msg("%s: %s", #call, (contract)->error.text);                                     \
        }                                                                                          \
    } while (0)

#define CONTRACT_TEST(test) cmocka_unit_test_setup_teardown(test, contract_setup, contract_teardown)

/* The groups; each returns the number of failures. */
int contract_run_records(void);
int contract_run_lists(void);
int contract_run_claims(void);
int contract_run_side(void);
int contract_run_storm(void);

#endif
