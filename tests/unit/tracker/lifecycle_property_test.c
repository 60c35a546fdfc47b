/* Promises 1 and 2 under random attack, of one invocation and of two that share a lock. After every
 * step the invariants are checked; when the attack is over, everything has to settle. */
#include "tests/unit/tracker/lifecycle_world.h"

#include <stdlib.h>
#include <string.h>

#define SEEDS           20000
#define STEPS_OF_ATTACK 60

/* ---- Helpers ------------------------------------------------------------------------------------
 */

static void jump(struct world *const *worlds, size_t count)
{
    static const int64_t jumps_ms[] = {0, 10, 1000, 30000, 130000, 4 * 3600000LL};
    const int64_t jump_ms = jumps_ms[world_draw(worlds[0], ARRAY_COUNT(jumps_ms))];
    for (size_t i = 0; i < count; i++) {
        worlds[i]->now_ms += jump_ms;
    }
}

static void run(struct world *const *worlds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        world_begin(worlds[i]);
    }
    for (size_t i = 0; i < STEPS_OF_ATTACK * count; i++) {
        jump(worlds, count);
        world_happen(worlds[world_draw(worlds[0], count)]);
    }
    world_settle(worlds, count);
}

/* After the end: late adopters are told the same, of a settled record and of its tombstone; late
 * events and cancels change nothing; nothing stays due. */
static void run_afterwards(struct world *world)
{
    for (unsigned i = 0; i < 2 && world->state.settled_at_ms > 0; i++) {
        struct stimulus adopted = world_stimulus(world, STIMULUS_ADOPTED);
        address_init(&adopted.adopter, ADDRESS_TASK_TOKEN,
                     slice_from_text(arena_format(world->arena, "late %u", i)));
        world_feed(world, &adopted);
        assert_int_equal(world->state.settled_at_ms, 0);
        world_settle(&world, 1);
        for (int kind = STIMULUS_SUBMITTED; kind < STIMULUS_CHOSEN; kind++) {
            struct stimulus late = world_stimulus(world, (enum stimulus_kind)kind);
            late.ending = ENDING_FAILED;
            late.details = world_draw(world, 2) == 0;
            struct state before = world->state;
            world_feed(world, &late);
            assert_memory_equal(&before, &world->state, sizeof(before));
        }
        world->now_ms += world->policy.retain_ms;
        world_sweep(world);
        assert_true(world->state.tombstone);
    }
    assert_int_equal(lifecycle_due_at(&world->policy, &world->plan, &world->state), 0);
    assert_true(lifecycle_expires_at(&world->policy, &world->state) > 0);
}

static bool has_fate(const struct world *world, unsigned step, enum fate fate)
{
    for (unsigned attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
        if (world->statements[step][attempt].fate == fate) {
            return true;
        }
    }
    return false;
}

/* FINISHED says that every step has finished, and the last one as it is expected to. */
static void check_finished(const struct world *world)
{
    const struct plan *plan = &world->plan;
    if (world->state.skipped || world->state.tombstone) {
        return;
    }
    for (unsigned step = 1; step <= plan->step_count; step++) {
        assert_true(has_fate(world, step, FATE_FINISHED));
    }
    assert_false(world->state.step_failed);
    const struct statement *last = &world->statements[plan->step_count][world->state.attempt];
    assert_int_equal(last->fate, FATE_FINISHED);
    assert_true(plan->expect_min_rows < 0 || last->rows >= plan->expect_min_rows);
    assert_true(plan->expect_max_rows < 0 || last->rows <= plan->expect_max_rows);
}

/* A failure that was passed over is told in the end, unless something else ended it. */
static void check_passed_over(const struct world *world)
{
    const struct state *state = &world->state;
    bool aborted = false;
    for (unsigned step = 1; step <= STEPS_MAX; step++) {
        aborted |= has_fate(world, step, FATE_ABORTED);
    }
    if (state->step_failed && state->cancel_cause == OUTCOME_NONE && !aborted &&
        state->statement == STATEMENT_ENDED) {
        assert_int_equal(state->outcome, OUTCOME_FAILED);
    }
}

static void check_callbacks(const struct world *world)
{
    const struct state *state = &world->state;
    bool by_reply = world->told_by_reply && strcmp(state->error_type, "ConcurrentExecution") == 0;
    for (size_t i = 0; i < state->callback_count && !by_reply; i++) {
        assert_int_equal(world->effective_callbacks[i], 1);
    }
    assert_int_equal(world->heartbeats_after_outcome, 0);
}

static void check_end(const struct world *world, uint64_t seed)
{
    if (world->state.settled_at_ms == 0) {
        fail_msg("seed %llu: not settled: statement %s, outcome %s", (unsigned long long)seed,
                 statement_state_name(world->state.statement), outcome_name(world->state.outcome));
    }
    check_callbacks(world);
    check_passed_over(world);
    for (unsigned step = 1; step <= STEPS_MAX; step++) {
        for (unsigned attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
            assert_true(world->statements[step][attempt].runs <= 1);
        }
    }
    if (world->state.outcome == OUTCOME_REJECTED) {
        assert_int_equal(world->statements[1][1].runs, 0);
    }
    if (world->state.outcome == OUTCOME_FINISHED) {
        check_finished(world);
    }
}

/* ---- The properties -----------------------------------------------------------------------------
 */

static void promises_hold_under_random_attack(void **unused)
{
    (void)unused;
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_init(world, seed);
        run(&world, 1);
        check_end(world, seed);
        run_afterwards(world);
        check_end(world, seed);
        arena_free(world->arena);
    }
    free(world);
}

static void what_shares_a_lock_never_runs_side_by_side(void **unused)
{
    (void)unused;
    struct world *pair = calloc(2, sizeof(*pair));
    assert_non_null(pair);
    struct world *const worlds[] = {&pair[0], &pair[1]};
    for (uint64_t seed = 1; seed <= SEEDS / 2; seed++) {
        struct world_lock lock = {.rivals = {&pair[0], &pair[1]}};
        for (size_t i = 0; i < 2; i++) {
            world_init(&pair[i], 2 * seed + i);
            world_lock(&pair[i], &lock);
        }
        run(worlds, 2);
        for (size_t i = 0; i < 2; i++) {
            check_end(&pair[i], seed);
            arena_free(pair[i].arena);
        }
    }
    free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promises_hold_under_random_attack),
        cmocka_unit_test(what_shares_a_lock_never_runs_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
