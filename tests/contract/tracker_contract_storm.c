/* Many threads with a handle each, and processes that are killed in the middle of a write. */
#include "tests/contract/tracker_contract.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS  8
#define VERSIONS 160
#define RECORDS  240
#define KILLS    8
#define KEY      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Helpers */

struct storm {
    const struct tracker_options *options;
    atomic_uint turn;               /* numbers the threads */
    atomic_uint wins[VERSIONS + 1]; /* by version */
    atomic_uint taken[RECORDS];     /* by number of the record or message */
    atomic_uint created;
    atomic_uint locked;
};

/* In a thread cmocka's assertions cannot be used. */
static void must(enum status status, const struct error *error)
{
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "storm: %s: %s\n", status_name(status), error->text);
        abort();
    }
}

static struct tracker *storm_open(const struct storm *storm)
{
    struct error error = ERROR_NONE;
    struct tracker *tracker = NULL;

    must(tracker_open(storm->options, &tracker, &error), &error);
    return tracker;
}

static void run_threads(void *(*body)(void *), struct storm *storm)
{
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, body, storm), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static unsigned number_of(const struct tracker_record *record)
{
    return (unsigned)(record->created_at_ms - NOW_MS);
}

static void *update_until_last_version(void *context)
{
    struct storm *storm = context;
    struct tracker *tracker = storm_open(storm);
    struct arena *arena = arena_new(1024 * 1024);
    struct error error = ERROR_NONE;
    struct contract_id id = contract_id(1);
    struct tracker_lookup lookup = {.id = id.text};

    for (;;) {
        struct tracker_update update = {0};
        arena_reset(arena);
        must(tracker_find(tracker, arena, &lookup, 1, &error), &error);
        if (lookup.record.version >= VERSIONS) {
            break;
        }
        update.record = lookup.record;
        must(tracker_update(tracker, &update, 1, &error), &error);
        if (update.status == STATUS_OK) {
            atomic_fetch_add(&storm->wins[update.record.version], 1);
        } else if (update.status != STATUS_CONFLICT) {
            abort();
        }
    }
    arena_free(arena);
    tracker_close(tracker);
    return NULL;
}

static void *register_all(void *context)
{
    struct storm *storm = context;
    struct tracker *tracker = storm_open(storm);
    struct arena *arena = arena_new(4 * 1024 * 1024);
    struct error error = ERROR_NONE;

    for (unsigned from = 0; from < RECORDS; from += 16) {
        struct tracker_registration registrations[16];
        for (unsigned i = 0; i < 16; i++) {
            registrations[i] =
                (struct tracker_registration){.record = contract_record((from + i) % RECORDS)};
        }
        must(tracker_register(tracker, arena, registrations, 16, &error), &error);
        for (unsigned i = 0; i < 16; i++) {
            if (registrations[i].created) {
                atomic_fetch_add(&storm->taken[number_of(&registrations[i].record)], 1);
            }
        }
    }
    arena_free(arena);
    tracker_close(tracker);
    return NULL;
}

static void *claim_all(void *context)
{
    struct storm *storm = context;
    struct tracker *tracker = storm_open(storm);
    struct arena *arena = arena_new(4 * 1024 * 1024);
    struct error error = ERROR_NONE;
    size_t count = 0;
    size_t empty_count = 0;

    /* Another thread may have taken what was planned: only twice nothing is the end. */
    while (empty_count < 2) {
        struct tracker_record *records = NULL;
        must(tracker_claim(tracker, arena, NOW_MS, TRACKER_LEASE_MS, "storm", 7, &records, &count,
                           &error),
             &error);
        for (size_t i = 0; i < count; i++) {
            atomic_fetch_add(&storm->taken[number_of(&records[i])], 1);
        }
        empty_count = count == 0 ? empty_count + 1 : 0;
    }
    arena_free(arena);
    tracker_close(tracker);
    return NULL;
}

static void *take_all_parked(void *context)
{
    struct storm *storm = context;
    struct tracker *tracker = storm_open(storm);
    struct arena *arena = arena_new(4 * 1024 * 1024);
    struct error error = ERROR_NONE;

    for (unsigned i = 0; i < RECORDS; i++) {
        struct tracker_parked message;
        struct contract_id id = contract_id(i);
        enum status status = tracker_parked_take(tracker, arena, id.text, &message, &error);
        if (status == STATUS_OK) {
            atomic_fetch_add(&storm->taken[i], 1);
        } else if (status != STATUS_NOT_FOUND) {
            must(status, &error);
        }
    }
    arena_free(arena);
    tracker_close(tracker);
    return NULL;
}

static void *take_lock(void *context)
{
    struct storm *storm = context;
    struct tracker *tracker = storm_open(storm);
    struct contract_id owner = contract_id(atomic_fetch_add(&storm->turn, 1));
    char holder[TRACKER_ID_BYTES + 1];
    struct error error = ERROR_NONE;
    enum status status = tracker_lock_take(tracker, KEY, owner.text, NULL, holder, &error);

    if (status == STATUS_OK) {
        atomic_fetch_add(&storm->locked, 1);
    } else if (status != STATUS_CONFLICT) {
        must(status, &error);
    }
    tracker_close(tracker);
    return NULL;
}

static void assert_each_taken_once(struct storm *storm)
{
    for (size_t i = 0; i < RECORDS; i++) {
        assert_int_equal(atomic_load(&storm->taken[i]), 1);
    }
}

/* What version n of the record looks like in the test with the kills. */
static struct tracker_record generation(int64_t version, char text[32])
{
    struct tracker_record record = contract_record(1);

    (void)snprintf(text, 32, "state %lld", (long long)version);
    record.version = version;
    record.due_at_ms = NOW_MS + version;
    record.state = slice_from_text(text);
    return record;
}

/* Runs in a process of its own until it is killed; says how far it got after every answer. */
static _Noreturn void update_until_killed(const struct tracker_options *options,
                                          _Atomic int64_t *acknowledged)
{
    struct storm storm = {.options = options};
    struct tracker *tracker = storm_open(&storm);
    struct error error = ERROR_NONE;
    char text[32];

    for (int64_t version = atomic_load(acknowledged);; version++) {
        struct tracker_update update = {.record = generation(version + 1, text)};
        update.record.version = version;
        must(tracker_update(tracker, &update, 1, &error), &error);
        if (update.status != STATUS_OK) {
            abort();
        }
        atomic_store(acknowledged, version + 1);
    }
}

static void let_it_run_and_kill_it(const struct tracker_options *options,
                                   _Atomic int64_t *acknowledged)
{
    const struct timespec pause = {.tv_nsec = 200000};
    int64_t until = atomic_load(acknowledged) + 20;
    pid_t child = fork();
    int state = 0;

    assert_true(child >= 0);
    if (child == 0) {
        update_until_killed(options, acknowledged);
    }
    for (int i = 0; i < 100000 && atomic_load(acknowledged) < until; i++) {
        (void)nanosleep(&pause, NULL);
    }
    assert_true(atomic_load(acknowledged) >= until);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &state, 0), child);
    assert_true(WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL);
}

static struct storm *storm_new(const struct contract *contract)
{
    struct storm *storm = arena_alloc(contract->arena, sizeof(*storm));

    storm->options = &contract->options;
    return storm;
}

/* Success */

static void of_all_writers_one_wins_each_version(void **state)
{
    struct contract *contract = *state;
    struct storm *storm = storm_new(contract);
    struct tracker_record record = contract_record(1);

    contract_register(contract, &record);
    run_threads(update_until_last_version, storm);
    for (size_t version = 2; version <= VERSIONS; version++) {
        assert_int_equal(atomic_load(&storm->wins[version]), 1);
    }
    assert_int_equal(contract_get(contract, record.id).version, VERSIONS);
}

static void of_all_registrars_one_creates_each_record(void **state)
{
    struct contract *contract = *state;
    struct storm *storm = storm_new(contract);

    run_threads(register_all, storm);
    assert_each_taken_once(storm);
    assert_int_equal(contract_counts(contract).records, RECORDS);
    assert_int_equal(contract_counts(contract).open, RECORDS);
}

static void of_all_claimers_one_gets_each_record(void **state)
{
    struct contract *contract = *state;
    struct storm *storm = storm_new(contract);

    (void)register_all(storm);
    memset(storm->taken, 0, sizeof(storm->taken));
    run_threads(claim_all, storm);
    assert_each_taken_once(storm);
}

static void of_all_takers_one_gets_each_parked_message(void **state)
{
    struct contract *contract = *state;
    struct storm *storm = storm_new(contract);

    for (unsigned i = 0; i < RECORDS; i++) {
        struct tracker_parked message = {.first_seen_ms = NOW_MS, .body = SLICE("body")};
        memcpy(message.id, contract_id(i).text, sizeof(message.id));
        CONTRACT_OK(contract, tracker_park(contract->tracker, &message, 1, &contract->error));
    }
    run_threads(take_all_parked, storm);
    assert_each_taken_once(storm);
    assert_int_equal(contract_counts(contract).parked, 0);
}

static void of_all_owners_one_gets_the_lock(void **state)
{
    struct contract *contract = *state;
    struct storm *storm = storm_new(contract);

    run_threads(take_lock, storm);
    assert_int_equal(atomic_load(&storm->locked), 1);
}

static void a_killed_writer_leaves_what_was_acknowledged(void **state)
{
    struct contract *contract = *state;
    void *shared = mmap(NULL, sizeof(_Atomic int64_t), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    _Atomic int64_t *acknowledged = shared;
    char text[32];
    struct tracker_record expected = generation(1, text);
    struct tracker_record stored;

    assert_ptr_not_equal(shared, MAP_FAILED);
    contract_register(contract, &expected);
    atomic_store(acknowledged, 1);
    for (int i = 0; i < KILLS; i++) {
        /* An open SQLite handle must not be carried into another process. */
        tracker_close(contract->tracker);
        let_it_run_and_kill_it(&contract->options, acknowledged);
        contract->tracker = contract_open(contract);
        stored = contract_get(contract, expected.id);
        assert_in_range(stored.version, atomic_load(acknowledged), atomic_load(acknowledged) + 1);
        expected = generation(stored.version, text);
        assert_int_equal(stored.due_at_ms, expected.due_at_ms);
        contract_assert_slice(stored.state, expected.state);
        atomic_store(acknowledged, stored.version);
    }
    assert_int_equal(contract_counts(contract).records, 1);
    (void)munmap(shared, sizeof(*acknowledged));
}

int contract_run_storm(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(of_all_writers_one_wins_each_version),
        CONTRACT_TEST(of_all_registrars_one_creates_each_record),
        CONTRACT_TEST(of_all_claimers_one_gets_each_record),
        CONTRACT_TEST(of_all_takers_one_gets_each_parked_message),
        CONTRACT_TEST(of_all_owners_one_gets_the_lock),
        CONTRACT_TEST(a_killed_writer_leaves_what_was_acknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
