/* Who is sent next: full targets on a clock that the test moves, and callers that compete. */
#include "invoker/admission.h"
#include "tests/support/cmocka.h"

#include "infra/base/random.h"

#include <string.h>

#define NOW         INT64_C(1000000000)
#define CALLERS_MAX 12
#define ITEMS_MAX   1500
#define SEEDS       60
#define TICK_MS     250

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct pace *pace;
    struct admission *admission;
    int64_t now_ms;
    struct random_seeded random;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(1u << 20), .pace = pace_new(true), .now_ms = NOW};
    random_seeded_init(&fixture.random, 5);
    fixture.admission = admission_new(fixture.pace);
    pace_place(fixture.pace, AWS_REDSHIFT_DATA, SLICE("eu-west-1"), true);
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    struct fixture *fixture = *context;
    admission_free(fixture->admission);
    pace_free(fixture->pace);
    arena_free(fixture->arena);
    return 0;
}

/* ---- Helpers ---- */

static struct admission_key key_of(const char *cluster, const char *group)
{
    const struct plan plan = {.group = slice_from_text(group), .session_keep_alive_seconds = -1};
    const struct plan_target target = {.cluster_identifier = slice_from_text(cluster)};
    return admission_key_of(&plan, &target, PACE_EXECUTE_STATEMENT);
}

static bool asks(struct fixture *fixture, const struct admission_key *key)
{
    int64_t wait_ms = 0;
    return admission_ask(fixture->admission, key, fixture->now_ms, &wait_ms);
}

static int64_t patience_of(struct fixture *fixture, const struct admission_key *key)
{
    int64_t wait_ms = 0;
    (void)admission_ask(fixture->admission, key, fixture->now_ms, &wait_ms);
    return wait_ms;
}

static int64_t turn_of(struct fixture *fixture, const struct admission_key *key)
{
    return admission_queue(fixture->admission, key, fixture->now_ms,
                           random_unit(&fixture->random.random));
}

/* The target says so again and again for so long. */
static void full_for(struct fixture *fixture, const struct admission_key *key, int64_t seconds)
{
    for (int64_t i = 0; i < 2 * seconds; i++) {
        fixture->now_ms += PACE_CUT_MS;
        admission_full(fixture->admission, key, fixture->now_ms);
    }
}

/* How many are let through in so many seconds when one asks every millisecond. */
static size_t admitted_in(struct fixture *fixture, const struct admission_key *key, int64_t seconds)
{
    size_t count = 0;
    for (int64_t end_ms = fixture->now_ms + seconds * 1000; fixture->now_ms < end_ms;
         fixture->now_ms++) {
        count += asks(fixture, key);
    }
    return count;
}

/* ---- A world of callers ---- */

struct caller {
    struct admission_key key;
    size_t demand;
    size_t sent;
    int64_t done_ms; /* when the last one was sent */
};

/* Statements in a tracker: they come due, and are asked for in the order of their time. */
struct queue {
    struct item {
        struct caller *caller; /* NULL: sent */
        int64_t due_ms;
    } items[ITEMS_MAX];
    size_t count;
    size_t asked;
};

static struct item *first_due(struct queue *queue, int64_t now_ms)
{
    struct item *first = NULL;
    for (size_t i = 0; i < queue->count; i++) {
        struct item *item = &queue->items[i];
        if (item->caller != NULL && item->due_ms <= now_ms &&
            (first == NULL || item->due_ms < first->due_ms)) {
            first = item;
        }
    }
    return first;
}

/* As invoker/submit.c and the client do it. */
static void try_to_send(struct fixture *fixture, struct queue *queue, struct item *item)
{
    struct caller *caller = item->caller;
    int64_t most_ms = 0;
    int64_t wait_ms = 0;
    queue->asked++;
    if (admission_ask(fixture->admission, &caller->key, fixture->now_ms, &most_ms) &&
        pace_take(fixture->pace, caller->key.operation, fixture->now_ms, most_ms, &wait_ms)) {
        item->caller = NULL;
        caller->sent++;
        caller->done_ms = fixture->now_ms + wait_ms;
        return;
    }
    item->due_ms = fixture->now_ms + turn_of(fixture, &caller->key);
}

static bool open_items(const struct queue *queue)
{
    for (size_t i = 0; i < queue->count; i++) {
        if (queue->items[i].caller != NULL) {
            return true;
        }
    }
    return false;
}

static void run(struct fixture *fixture, struct queue *queue, int64_t most_ms)
{
    for (const int64_t end_ms = fixture->now_ms + most_ms;
         open_items(queue) && fixture->now_ms < end_ms; fixture->now_ms += TICK_MS) {
        struct item *item = NULL;
        while ((item = first_due(queue, fixture->now_ms)) != NULL) {
            try_to_send(fixture, queue, item);
        }
    }
    assert_false(open_items(queue));
}

static void demand(struct fixture *fixture, struct queue *queue, struct caller *caller,
                   size_t count)
{
    caller->demand += count;
    for (size_t i = 0; i < count; i++) {
        assert_true(queue->count < ITEMS_MAX);
        queue->items[queue->count++] = (struct item){caller, fixture->now_ms};
    }
}

/* ---- Success ---- */

static void keys_tell_targets_and_callers_apart(void **context)
{
    const struct admission_key a = key_of("c", "g");
    const struct admission_key b = key_of("c", "h");
    const struct admission_key c = key_of("d", "g");
    const struct plan plan = {.session_keep_alive_seconds = 60};
    const struct plan_target target = {.cluster_identifier = SLICE("c")};
    const struct plan_target workgroup = {.workgroup_name = SLICE("c")};
    (void)context;
    assert_true(a.target == b.target && a.caller != b.caller);
    assert_true(a.target != c.target && a.caller != c.caller);
    assert_true(admission_key_of(&plan, &target, PACE_EXECUTE_STATEMENT).target != a.target);
    assert_true(admission_key_of(&plan, &workgroup, PACE_EXECUTE_STATEMENT).target !=
                admission_key_of(&plan, &target, PACE_EXECUTE_STATEMENT).target);
}

static void nobody_is_kept_back_without_need(void **context)
{
    struct fixture *fixture = *context;
    const struct admission_key key = key_of("c", "g");
    for (int i = 0; i < 1000; i++) {
        assert_true(asks(fixture, &key));
    }
    assert_int_equal(patience_of(fixture, &key), ADMISSION_NEWCOMER_MS);
    assert_false(admission_waiting(fixture->admission, fixture->now_ms));
    assert_false(admission_congested(fixture->admission, fixture->now_ms));
}

static void a_full_target_gets_few_probes(void **context)
{
    struct fixture *fixture = *context;
    const struct admission_key key = key_of("full", "g");
    full_for(fixture, &key, 5);
    (void)turn_of(fixture, &key); /* has others waiting */
    assert_in_range(admitted_in(fixture, &key, 60), 10, 14);
}

static void success_opens_it_again(void **context)
{
    struct fixture *fixture = *context;
    const struct admission_key key = key_of("full", "g");
    full_for(fixture, &key, 5);
    for (int i = 0; i < 300; i++) {
        fixture->now_ms += 100;
        admission_taken(fixture->admission, &key, fixture->now_ms);
    }
    assert_in_range(admitted_in(fixture, &key, 1), 1000, 1000);
}

static void a_turn_follows_the_last_one_at_the_rate_there_is(void **context)
{
    struct fixture *fixture = *context;
    const struct admission_key key = key_of("c", "g");
    for (int i = 1; i <= 240; i++) {
        assert_in_range(turn_of(fixture, &key), (i - 1) * 1000 / 24, i * 1000 / 24 + 1);
    }
    assert_true(admission_waiting(fixture->admission, fixture->now_ms + 9900));
    assert_false(admission_waiting(fixture->admission, fixture->now_ms + 10001));
    assert_int_equal(patience_of(fixture, &key), ADMISSION_WAITER_MS);
    fixture->now_ms += 10001;
    assert_int_equal(patience_of(fixture, &key), ADMISSION_NEWCOMER_MS);
}

static void a_newcomer_does_not_stand_behind_the_many(void **context)
{
    struct fixture *fixture = *context;
    const struct admission_key many = key_of("c", "many");
    const struct admission_key one = key_of("c", "one");
    for (int i = 0; i < 1000; i++) {
        (void)turn_of(fixture, &many);
    }
    assert_true(turn_of(fixture, &many) > 40000);
    assert_true(turn_of(fixture, &one) < 200);
}

/* Nor does each of many newcomers come at the same time. */
static void newcomers_come_one_after_the_other(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 1; i <= 60; i++) {
        const struct admission_key key = key_of("c", arena_format(fixture->arena, "group %d", i));
        assert_in_range(turn_of(fixture, &key), (i - 1) * 1000 / 24, i * 1000 / 24 + 43);
    }
}

static void the_one_is_not_behind_the_thousand(void **context)
{
    struct fixture *fixture = *context;
    static struct queue queue;
    struct caller many = {.key = key_of("c", "many")};
    struct caller one = {.key = key_of("c", "one")};
    queue.count = 0;
    demand(fixture, &queue, &many, 1000);
    struct item *item = NULL;
    while ((item = first_due(&queue, fixture->now_ms)) != NULL) {
        try_to_send(fixture, &queue, item);
    }
    demand(fixture, &queue, &one, 1);
    const int64_t begun_ms = fixture->now_ms;
    run(fixture, &queue, 100000);
    assert_in_range(one.done_ms - begun_ms, 0, 3000);
    assert_in_range(many.done_ms - begun_ms, 40000, 50000);
}

/* Whatever callers want: no second is wasted, no one gets less than half of a fair share as long as
 * he has something waiting, and little is asked for in vain. */
static void what_is_there_is_shared_fairly(void **context)
{
    struct fixture *fixture = NULL;
    static struct queue queue;
    (void)context;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct random_seeded random;
        struct caller callers[CALLERS_MAX];
        void *fresh = NULL;
        (void)set_up(&fresh);
        fixture = fresh;
        random_seeded_init(&random, seed);
        random_seeded_init(&fixture->random, seed);
        queue = (struct queue){0};
        const size_t count = 2 + random_below(&random.random, CALLERS_MAX - 1);
        size_t total = 0;
        for (size_t i = 0; i < count; i++) {
            callers[i] =
                (struct caller){.key = key_of("c", arena_format(fixture->arena, "%zu", i))};
            demand(fixture, &queue, &callers[i], 1 + random_below(&random.random, 120));
            total += callers[i].demand;
        }
        run(fixture, &queue, 200000);
        const int64_t ideal_ms = (int64_t)total * 1000 / 24;
        assert_true(fixture->now_ms - NOW <= ideal_ms * 11 / 10 + 1000);
        for (size_t i = 0; i < count; i++) {
            const int64_t share_ms = (int64_t)(callers[i].demand * count) * 1000 / 24;
            assert_true(callers[i].done_ms - NOW <= 2 * share_ms + 3000);
        }
        assert_true(queue.asked <= total * (count + 2));
        (void)tear_down(&fresh);
    }
}

/* ---- Failure ---- */

static void a_full_target_delays_no_other(void **context)
{
    struct fixture *fixture = *context;
    static struct queue queue;
    struct caller stuck = {.key = key_of("full", "g")};
    struct caller other = {.key = key_of("other", "g")};
    queue.count = 0;
    full_for(fixture, &stuck.key, 5);
    for (int i = 0; i < 300; i++) {
        (void)asks(fixture, &stuck.key);
        (void)turn_of(fixture, &stuck.key);
    }
    demand(fixture, &queue, &other, 48);
    const int64_t begun_ms = fixture->now_ms;
    run(fixture, &queue, 10000);
    assert_in_range(other.done_ms - begun_ms, 0, 3000);
}

static void a_newcomer_gets_the_next_probe_of_a_full_target(void **context)
{
    struct fixture *fixture = *context;
    const struct admission_key many = key_of("full", "many");
    const struct admission_key one = key_of("full", "one");
    full_for(fixture, &many, 5);
    for (int i = 0; i < 60; i++) {
        (void)turn_of(fixture, &many);
    }
    (void)admitted_in(fixture, &many, 10);
    assert_false(asks(fixture, &many));
    assert_true(asks(fixture, &one));
    assert_false(asks(fixture, &one));
}

static void more_full_targets_than_places_cost_only_what_is_known_of_the_oldest(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 0; i < ADMISSION_TARGETS_MAX + 1; i++) {
        const struct admission_key key = key_of(arena_format(fixture->arena, "c%d", i), "g");
        full_for(fixture, &key, 5);
        (void)turn_of(fixture, &key);
        (void)admitted_in(fixture, &key, 1);
    }
    const struct admission_key oldest = key_of("c0", "g");
    const struct admission_key newest = key_of("c64", "g");
    assert_in_range(admitted_in(fixture, &oldest, 1), 1000, 1000);
    assert_in_range(admitted_in(fixture, &newest, 1), 0, 2);
}

static void nobody_is_sent_away_for_more_than_two_minutes(void **context)
{
    struct fixture *fixture = *context;
    const struct admission_key key = key_of("full", "g");
    full_for(fixture, &key, 5);
    for (int i = 0; i < 1000; i++) {
        assert_in_range(turn_of(fixture, &key), 1, PACE_LINE_MAX_MS);
    }
    assert_true(turn_of(fixture, &key) >= PACE_LINE_MAX_MS / 2);
}

static void a_long_line_for_the_account_is_congestion(void **context)
{
    struct fixture *fixture = *context;
    int64_t wait_ms = 0;
    for (int i = 0; i < 200; i++) {
        (void)pace_take(fixture->pace, PACE_EXECUTE_STATEMENT, fixture->now_ms, 300, &wait_ms);
    }
    assert_false(admission_congested(fixture->admission, fixture->now_ms));
    for (int i = 0; i < 200; i++) {
        (void)pace_take(fixture->pace, PACE_EXECUTE_STATEMENT, fixture->now_ms, 300, &wait_ms);
    }
    assert_true(admission_congested(fixture->admission, fixture->now_ms));
    assert_false(admission_congested(fixture->admission, fixture->now_ms + 10000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_tell_targets_and_callers_apart),
        TEST(nobody_is_kept_back_without_need),
        TEST(a_full_target_gets_few_probes),
        TEST(success_opens_it_again),
        TEST(a_turn_follows_the_last_one_at_the_rate_there_is),
        TEST(a_newcomer_does_not_stand_behind_the_many),
        TEST(newcomers_come_one_after_the_other),
        TEST(the_one_is_not_behind_the_thousand),
        cmocka_unit_test(what_is_there_is_shared_fairly),
        TEST(a_full_target_delays_no_other),
        TEST(a_newcomer_gets_the_next_probe_of_a_full_target),
        TEST(more_full_targets_than_places_cost_only_what_is_known_of_the_oldest),
        TEST(nobody_is_sent_away_for_more_than_two_minutes),
        TEST(a_long_line_for_the_account_is_congestion),
    };
    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
