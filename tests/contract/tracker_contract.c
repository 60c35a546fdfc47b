#include "tests/contract/tracker_contract.h"

#include "tracker/tracker_backend.h"

#include <stdlib.h>
#include <string.h>

#ifndef CONTRACT_TRACED
#    define CONTRACT_TRACED 0 /* 1: every handle is wrapped by the tracing backend */
#endif
#define ARENA_MAX_BYTES (256u * 1024 * 1024)

int contract_setup(void **state)
{
    struct contract *contract = calloc(1, sizeof(*contract));

    assert_non_null(contract);
    contract->arena = arena_new(ARENA_MAX_BYTES);
    contract->options = (struct tracker_options){
        .url = contract_backend.fresh_url(),
        .ca_bundle = contract_backend.ca_bundle ? contract_backend.ca_bundle() : NULL,
    };
    if (contract_backend.equip) {
        contract_backend.equip(&contract->options);
    }
    contract->tracker = contract_open(contract);
    *state = contract;
    return 0;
}

int contract_teardown(void **state)
{
    struct contract *contract = *state;

    tracker_close(contract->tracker);
    arena_free(contract->arena);
    free(contract);
    return 0;
}

struct tracker *contract_open(const struct contract *contract)
{
    struct tracker *tracker = NULL;
    struct error error = ERROR_NONE;

    if (tracker_open(&contract->options, &tracker, &error) != STATUS_OK) {
        fail_msg("open: %s", error.text);
    }
    return CONTRACT_TRACED ? tracker_traced_new(tracker) : tracker;
}

struct contract_id contract_id(unsigned number)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    struct contract_id id;

    /* The lowest bits come first, where the shard is read. */
    memset(id.text, 'a', TRACKER_ID_BYTES);
    for (size_t i = 0; i < 7; i++) {
        id.text[i] = digits[number >> (5 * i) & 31u];
    }
    id.text[TRACKER_ID_BYTES] = '\0';
    return id;
}

struct tracker_record contract_record(unsigned number)
{
    struct tracker_record record = {
        .format = TRACKER_FORMAT,
        .created_at_ms = NOW_MS + number,
        .due_at_ms = NOW_MS,
        .plan = SLICE("plan"),
        .state = SLICE("state"),
    };

    memcpy(record.id, contract_id(number).text, sizeof(record.id));
    return record;
}

void contract_register(struct contract *contract, const struct tracker_record *record)
{
    struct tracker_registration registration = {.record = *record};

    CONTRACT_OK(contract, tracker_register(contract->tracker, contract->arena, &registration, 1,
                                           &contract->error));
    assert_true(registration.created);
}

struct tracker_record contract_get(struct contract *contract, const char *id)
{
    struct tracker_lookup lookup = {.id = id};

    CONTRACT_OK(contract,
                tracker_find(contract->tracker, contract->arena, &lookup, 1, &contract->error));
    assert_true(lookup.found);
    return lookup.record;
}

int64_t contract_update(struct contract *contract, const struct tracker_record *record)
{
    struct tracker_update update = {.record = *record};

    CONTRACT_OK(contract, tracker_update(contract->tracker, &update, 1, &contract->error));
    assert_int_equal(update.status, STATUS_OK);
    return update.record.version;
}

struct tracker_counts contract_counts(struct contract *contract)
{
    struct tracker_counts counts = {0};

    CONTRACT_OK(contract, tracker_count(contract->tracker, &counts, &contract->error));
    return counts;
}

void contract_expire(struct contract *contract, int64_t now_ms, size_t removed)
{
    size_t count = 0;

    CONTRACT_OK(contract, tracker_expire(contract->tracker, now_ms, 100, &count, &contract->error));
    assert_int_equal(count, contract_backend.expires_by_itself ? 0 : removed);
}

void contract_assert_slice(struct slice actual, struct slice expected)
{
    assert_int_equal(actual.data == NULL, expected.data == NULL);
    assert_int_equal(actual.size, expected.size);
    if (expected.size > 0) {
        assert_memory_equal(actual.data, expected.data, expected.size);
    }
}

int main(void)
{
    int failures = 0;

    contract_backend.start();
    failures += contract_run_records();
    failures += contract_run_lists();
    failures += contract_run_claims();
    failures += contract_run_side();
    failures += contract_run_storm();
    contract_backend.stop();
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
