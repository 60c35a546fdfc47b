/*
 * Promises 1 and 2 under random attack. A small world (a Data API that really runs each name once
 * per ClientToken lifetime, and a caller who takes one answer) is driven by the decisions of the
 * core, while answers and events are lost, doubled, delayed and reordered, processes die between
 * commit and act or between act and settle, and the clock jumps. After every step the invariants
 * are checked; when the attack is over, everything has to settle.
 */
#include "tests/support/cmocka.h"
#include "tracker/lifecycle.h"

#include "infra/base/random.h"

#include <stdlib.h>
#include <string.h>

#define SEEDS           20000
#define STEPS_OF_ATTACK 60
#define STEPS_TO_SETTLE 4000
#define STEPS_MAX       3
#define ATTEMPTS_MAX    8
#define MAIL_MAX        64
#define TOKEN_LIFE_MS   (8 * 3600 * 1000LL)
#define HELD_MAX        8
#define SIGNATURE_MS    (15 * 60 * 1000LL - 1)

/* ---- Fixture: the world -----------------------------------------------------------------------
 */

enum fate { FATE_NONE, FATE_RUNNING, FATE_FINISHED, FATE_FAILED, FATE_ABORTED };

struct statement {
    enum fate fate;
    int runs;
    int64_t token_at_ms; /* when AWS last saw the ClientToken begin */
};

/* An action in the hands of a process that stands still: it is done later, by what was committed
 * then, unless its signature is over. */
struct held {
    struct action action;
    unsigned step;
    unsigned attempt;
    int64_t sent_at_ms;
    int64_t until_ms;
};

struct world {
    struct random_seeded random;
    struct arena *arena;
    struct lifecycle_policy policy;
    struct plan plan;
    struct plan_step steps[STEPS_MAX];
    struct state state;
    int64_t now_ms;
    struct statement statements[STEPS_MAX + 1][ATTEMPTS_MAX + 1];
    struct stimulus mail[MAIL_MAX]; /* answers and events on their way */
    size_t mail_count;
    struct held held[HELD_MAX];
    size_t held_count;
    bool attack;
    /* What must hold. */
    int effective_callbacks[INVOCATION_ADDRESSES_MAX];
    enum outcome told[INVOCATION_ADDRESSES_MAX];
    int heartbeats_after_outcome;
};

static uint64_t draw(struct world *world, uint64_t bound)
{
    return random_below(&world->random.random, bound);
}

static bool chance(struct world *world, unsigned percent)
{
    return world->attack && draw(world, 100) < percent;
}

static void post(struct world *world, struct stimulus stimulus)
{
    if (chance(world, 15)) {
        return; /* lost: the process that would have told died */
    }
    int copies = chance(world, 15) ? 2 : 1;
    for (int i = 0; i < copies && world->mail_count < MAIL_MAX; i++) {
        world->mail[world->mail_count++] = stimulus;
    }
}

static struct stimulus stimulus_of(struct world *world, enum stimulus_kind kind)
{
    return (struct stimulus){.kind = kind,
                             .step = world->state.step,
                             .attempt = world->state.attempt,
                             .sent_at_ms = world->state.last_send_ms,
                             .rows = -1,
                             .duration_ms = -1,
                             .unit = random_unit(&world->random.random)};
}

static struct statement *current(struct world *world)
{
    return &world->statements[world->state.step][world->state.attempt];
}

static struct slice id_of(struct world *world)
{
    return slice_from_text(arena_format(world->arena, "00000000-0000-0000-%04u-%012u",
                                        world->state.step, world->state.attempt));
}

static enum ending ending_of(enum fate fate)
{
    return fate == FATE_FINISHED  ? ENDING_FINISHED
           : fate == FATE_FAILED  ? ENDING_FAILED
           : fate == FATE_ABORTED ? ENDING_ABORTED
                                  : ENDING_NONE;
}

/* ---- Helpers: what the other sides do -----------------------------------------------------------
 */

static void end_statement(struct world *world, unsigned step, unsigned attempt, enum fate fate)
{
    struct statement *statement = &world->statements[step][attempt];
    if (statement->fate != FATE_RUNNING) {
        return;
    }
    statement->fate = fate;
    struct stimulus event = stimulus_of(world, STIMULUS_EVENT);
    event.step = step;
    event.attempt = attempt;
    event.ending = ending_of(fate);
    event.witness = WITNESS_EVENT;
    event.statement_id =
        slice_from_text(arena_format(world->arena, "00000000-0000-0000-%04u-%012u", step, attempt));
    event.event = SLICE("{\"detail\":{}}");
    post(world, event);
}

static void random_ending(struct world *world)
{
    static const enum fate fates[] = {FATE_FINISHED, FATE_FINISHED, FATE_FAILED, FATE_ABORTED};
    for (unsigned step = 1; step <= STEPS_MAX; step++) {
        for (unsigned attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
            if (draw(world, 3) == 0) {
                end_statement(world, step, attempt, fates[draw(world, ARRAY_COUNT(fates))]);
            }
        }
    }
}

/* An attempt may begin only when the one before it is over. */
static void check_predecessor(struct world *world)
{
    unsigned step = world->state.step;
    unsigned attempt = world->state.attempt;
    if (attempt > 1) {
        assert_int_equal(world->statements[step][attempt - 1].fate, FATE_FAILED);
    }
    for (unsigned before = 1; before < step; before++) {
        bool finished = false;
        for (unsigned k = 1; k <= ATTEMPTS_MAX; k++) {
            finished |= world->statements[before][k].fate == FATE_FINISHED;
            assert_int_not_equal(world->statements[before][k].fate, FATE_RUNNING);
        }
        assert_true(finished);
    }
}

static void do_submit(struct world *world)
{
    struct statement *statement = current(world);
    assert_true(world->state.attempt <= ATTEMPTS_MAX);
    if (chance(world, 10)) {
        post(world, stimulus_of(world, STIMULUS_SUBMIT_IN_DOUBT)); /* never arrived */
        return;
    }
    bool known = statement->runs > 0 && world->now_ms - statement->token_at_ms < TOKEN_LIFE_MS;
    if (!known && chance(world, 15)) {
        struct stimulus refused = stimulus_of(world, STIMULUS_SUBMIT_REFUSED);
        refused.refusal = draw(world, 4) == 0 ? REFUSAL_PERMANENT : REFUSAL_CAPACITY;
        refused.error_type = SLICE("ValidationException");
        post(world, refused);
        return;
    }
    if (!known) {
        check_predecessor(world);
        statement->runs++;
        statement->token_at_ms = world->now_ms;
        statement->fate = FATE_RUNNING;
    }
    /* Promise 2: a statement name runs at most once. */
    assert_int_equal(statement->runs, 1);
    struct stimulus answer =
        stimulus_of(world, chance(world, 10) ? STIMULUS_SUBMIT_IN_DOUBT : STIMULUS_SUBMITTED);
    if (answer.kind == STIMULUS_SUBMITTED) {
        answer.statement_id = id_of(world);
    }
    post(world, answer);
}

static void do_describe(struct world *world)
{
    if (chance(world, 15)) {
        post(world, stimulus_of(world, STIMULUS_LOOK_FAILED));
        return;
    }
    struct stimulus answer = stimulus_of(world, STIMULUS_DESCRIBED);
    answer.ending = ending_of(current(world)->fate);
    answer.witness = WITNESS_SWEEP;
    answer.details = answer.ending != ENDING_NONE;
    answer.transient = answer.ending == ENDING_FAILED && draw(world, 2) == 0;
    answer.statement_id = id_of(world);
    post(world, answer);
}

static void do_list(struct world *world)
{
    struct stimulus answer = stimulus_of(world, STIMULUS_LISTED);
    answer.found = current(world)->runs > 0;
    answer.statement_id = answer.found ? id_of(world) : SLICE_NONE;
    post(world, answer);
}

static void do_cancel(struct world *world)
{
    unsigned step = world->state.step;
    unsigned attempt = world->state.attempt;
    bool running = current(world)->fate == FATE_RUNNING;
    if (running && !chance(world, 30)) {
        end_statement(world, step, attempt, FATE_ABORTED);
        post(world, stimulus_of(world, STIMULUS_CANCEL_SENT));
    } else {
        post(world, stimulus_of(world, STIMULUS_CANCEL_REFUSED));
    }
}

static void do_callback(struct world *world, size_t address)
{
    struct stimulus answer = stimulus_of(world, STIMULUS_CALLBACK_DELIVERED);
    answer.address = address;
    /* Promise 1: no outcome but the committed one is ever sent. */
    assert_int_not_equal(world->state.outcome, OUTCOME_NONE);
    if (world->told[address] != OUTCOME_NONE) {
        assert_int_equal(world->told[address], world->state.outcome);
    }
    if (chance(world, 15)) {
        answer.kind = STIMULUS_CALLBACK_REFUSED;
        answer.callback_refusal = CALLBACK_REFUSAL_AGAIN; /* before it arrived */
        post(world, answer);
        return;
    }
    world->told[address] = world->state.outcome;
    if (world->effective_callbacks[address] > 0) {
        answer.kind = STIMULUS_CALLBACK_REFUSED;
        answer.callback_refusal = CALLBACK_REFUSAL_CLOSED;
    } else {
        world->effective_callbacks[address]++;
        if (chance(world, 15)) {
            answer.kind = STIMULUS_CALLBACK_REFUSED;
            answer.callback_refusal = CALLBACK_REFUSAL_AGAIN; /* after it arrived */
        }
    }
    post(world, answer);
}

static void perform(struct world *world, const struct action *action)
{
    switch (action->kind) {
    case ACTION_SUBMIT: do_submit(world); break;
    case ACTION_DESCRIBE: do_describe(world); break;
    case ACTION_LIST: do_list(world); break;
    case ACTION_CANCEL: do_cancel(world); break;
    case ACTION_TAKE_LOCK: post(world, stimulus_of(world, STIMULUS_LOCK_GRANTED)); break;
    case ACTION_GATHER: post(world, stimulus_of(world, STIMULUS_GATHERED)); break;
    case ACTION_RELEASE_LOCK: break;
    case ACTION_HEARTBEAT:
        world->heartbeats_after_outcome += world->state.outcome != OUTCOME_NONE;
        break;
    case ACTION_CALLBACK: do_callback(world, action->address); break;
    case ACTION_CHOOSE: fail_msg("choosing is done before the commit"); break;
    }
}

static void act(struct world *world, const struct action *action)
{
    if (chance(world, 10)) {
        return; /* killed between commit and act */
    }
    if (action->kind != ACTION_HEARTBEAT && world->held_count < HELD_MAX && chance(world, 15)) {
        world->held[world->held_count++] =
            (struct held){*action, world->state.step, world->state.attempt,
                          world->state.last_send_ms, world->now_ms + SIGNATURE_MS};
        return;
    }
    perform(world, action);
}

/* The process that stood still goes on. */
static void release_one(struct world *world)
{
    if (world->held_count == 0) {
        return;
    }
    const struct held held = world->held[--world->held_count];
    const unsigned step = world->state.step;
    const unsigned attempt = world->state.attempt;
    const int64_t last_send_ms = world->state.last_send_ms;
    if (world->now_ms < held.until_ms) {
        world->state.last_send_ms = held.sent_at_ms;
        world->state.step = held.step;
        world->state.attempt = held.attempt;
        perform(world, &held.action);
        world->state.step = step;
        world->state.attempt = attempt;
        world->state.last_send_ms = last_send_ms;
    }
}

static void check_moves(const struct state *before, const struct state *after)
{
    assert_true(lifecycle_statement_legal(before->statement, after->statement));
    for (size_t i = 0; i < before->callback_count; i++) {
        if (strcmp(before->callbacks[i].digest, after->callbacks[i].digest) == 0) {
            assert_true(
                lifecycle_callback_legal(before->callbacks[i].state, after->callbacks[i].state));
        }
    }
    /* Promise 1: the first committed outcome is final, and so is its reply. */
    if (before->outcome != OUTCOME_NONE) {
        assert_int_equal(before->outcome, after->outcome);
    }
    if (before->reply_digest[0] != '\0') {
        assert_string_equal(before->reply_digest, after->reply_digest);
    }
    assert_true(after->doubt_since_ms == 0 || before->doubt_since_ms == 0 ||
                after->doubt_since_ms == before->doubt_since_ms || after->step != before->step ||
                after->attempt != before->attempt || before->statement == STATEMENT_QUEUED);
}

/* The plan too, as invoker/dispatch.c does. */
static void commit(struct world *world, const struct decision *decision)
{
    check_moves(&world->state, &decision->next);
    world->state = decision->next;
    if (decision->settled) {
        plan_scrub(&world->plan);
    }
    if (decision->shrunk) {
        plan_shrink(&world->plan);
    }
}

/* Decide, choose, commit, act: what invoker/dispatch.c does. */
static void feed(struct world *world, const struct stimulus *stimulus)
{
    const struct lifecycle_context context = {world->arena, &world->policy, world->now_ms};
    struct decision decision;
    lifecycle_decide(&context, &world->plan, &world->state, stimulus, &decision);
    if (!decision.changed) {
        return;
    }
    struct action actions[2 * LIFECYCLE_ACTIONS_MAX];
    size_t count = 0;
    struct decision total = decision;
    for (size_t i = 0; i < decision.action_count; i++) {
        if (decision.actions[i].kind != ACTION_CHOOSE) {
            actions[count++] = decision.actions[i];
            continue;
        }
        struct stimulus chosen = stimulus_of(world, STIMULUS_CHOSEN);
        chosen.reply = SLICE("{}");
        memset(chosen.reply_digest, 'a' + (int)draw(world, 20), SHA256_HEX_BYTES);
        struct decision second;
        lifecycle_decide(&context, &world->plan, &total.next, &chosen, &second);
        second.settled |= total.settled;
        total = second;
        for (size_t k = 0; k < second.action_count; k++) {
            actions[count++] = second.actions[k];
        }
    }
    commit(world, &total);
    for (size_t i = 0; i < count; i++) {
        act(world, &actions[i]);
    }
}

static void deliver_mail(struct world *world)
{
    if (world->mail_count == 0) {
        return;
    }
    size_t index = (size_t)draw(world, world->mail_count);
    struct stimulus stimulus = world->mail[index];
    world->mail[index] = world->mail[--world->mail_count];
    feed(world, &stimulus);
}

static void sweep(struct world *world)
{
    int64_t due_ms = lifecycle_due_at(&world->policy, &world->plan, &world->state);
    if (due_ms > 0 && due_ms <= world->now_ms) {
        struct stimulus due = stimulus_of(world, STIMULUS_DUE);
        feed(world, &due);
    }
}

static void random_wish(struct world *world)
{
    struct stimulus wish = stimulus_of(world, STIMULUS_CANCEL_REQUESTED);
    switch (draw(world, 12)) {
    case 0: feed(world, &wish); break;
    case 1:
        wish.kind = STIMULUS_CALLER_GONE;
        feed(world, &wish);
        break;
    case 2:
        wish.kind = STIMULUS_ADOPTED;
        address_init(
            &wish.adopter, ADDRESS_QUEUE,
            slice_from_text(arena_format(world->arena, "http://q/%u", (unsigned)draw(world, 3))));
        feed(world, &wish);
        break;
    }
}

static void world_init(struct world *world, uint64_t seed)
{
    static const struct slice sql = {"select 1", 8};
    *world = (struct world){.arena = arena_new(64u << 20), .now_ms = 1000000000000, .attack = true};
    random_seeded_init(&world->random, seed);
    world->policy = (struct lifecycle_policy){.lease_ms = 120000,
                                              .overdue_ms = 60000,
                                              .cancel_grace_ms = 30000,
                                              .gather_ms = 60000,
                                              .retain_ms = 86400000,
                                              .dedupe_ms = 16 * 86400000LL};
    world->plan = (struct plan){.prefix = SLICE("ringback/"),
                                .steps = world->steps,
                                .step_count = 1 + (size_t)draw(world, STEPS_MAX),
                                .retry.max_attempts = 1 + (int64_t)draw(world, 3),
                                .retry.base_ms = 1000,
                                .retry.max_ms = 10000,
                                .keyed = draw(world, 4) == 0,
                                .session_keep_alive_seconds = -1,
                                .expect_min_rows = -1,
                                .expect_max_rows = -1,
                                .address_count = (size_t)draw(world, 3)};
    for (size_t i = 0; i < world->plan.step_count; i++) {
        world->steps[i] =
            (struct plan_step){.sqls = &sql, .sql_count = 1, .retriable = draw(world, 2) == 0};
    }
    for (size_t i = 0; i < world->plan.address_count; i++) {
        address_init(&world->plan.addresses[i], ADDRESS_TASK_TOKEN,
                     slice_from_text(arena_format(world->arena, "token %zu", i)));
    }
    if (draw(world, 3) == 0) {
        world->plan.deadline_ms = world->now_ms + 1 + (int64_t)draw(world, 600000);
    }
    world->plan.heartbeat_seconds = draw(world, 3) == 0 ? 30 : 0;
}

/* ---- The property -------------------------------------------------------------------------------
 */

static void settle(struct world *world)
{
    for (int i = 0; i < STEPS_TO_SETTLE && world->state.settled_at_ms == 0; i++) {
        random_ending(world);
        deliver_mail(world);
        sweep(world);
        world->now_ms += 20000;
    }
}

static void run(struct world *world)
{
    const struct lifecycle_context context = {world->arena, &world->policy, world->now_ms};
    struct decision first;
    enum lifecycle_start start =
        draw(world, 4) == 0 ? LIFECYCLE_START_QUEUED : LIFECYCLE_START_SUBMIT;
    lifecycle_accept(&context, &world->plan, start, SLICE_NONE, SLICE_NONE, &first);
    world->state = first.next;
    for (size_t i = 0; i < first.action_count; i++) {
        act(world, &first.actions[i]);
    }
    for (int i = 0; i < STEPS_OF_ATTACK; i++) {
        static const int64_t jumps_ms[] = {0, 10, 1000, 30000, 130000, 4 * 3600000LL};
        world->now_ms += jumps_ms[draw(world, ARRAY_COUNT(jumps_ms))];
        switch (draw(world, 5)) {
        case 0:
        case 1: deliver_mail(world); break;
        case 2: sweep(world); break;
        case 4: release_one(world); break;
        case 3: draw(world, 3) == 0 ? random_wish(world) : random_ending(world); break;
        }
    }
    /* The attack is over: statements end, mail arrives, the sweep goes on. */
    world->attack = false;
    settle(world);
}

/* After the end: late adopters are told the same, of a settled record and of its tombstone; late
 * events and cancels change nothing; nothing stays due. */
static void run_afterwards(struct world *world)
{
    for (unsigned i = 0; i < 2 && world->state.settled_at_ms > 0; i++) {
        struct stimulus adopted = stimulus_of(world, STIMULUS_ADOPTED);
        address_init(&adopted.adopter, ADDRESS_TASK_TOKEN,
                     slice_from_text(arena_format(world->arena, "late %u", i)));
        feed(world, &adopted);
        assert_int_equal(world->state.settled_at_ms, 0);
        settle(world);
        for (int kind = STIMULUS_SUBMITTED; kind < STIMULUS_CHOSEN; kind++) {
            struct stimulus late = stimulus_of(world, (enum stimulus_kind)kind);
            late.ending = ENDING_FAILED;
            late.details = draw(world, 2) == 0;
            struct state before = world->state;
            feed(world, &late);
            assert_memory_equal(&before, &world->state, sizeof(before));
        }
        world->now_ms += world->policy.retain_ms;
        sweep(world);
        assert_true(world->state.tombstone);
    }
    assert_int_equal(lifecycle_due_at(&world->policy, &world->plan, &world->state), 0);
    assert_true(lifecycle_expires_at(&world->policy, &world->state) > 0);
}

static void check_end(struct world *world, uint64_t seed)
{
    if (world->state.settled_at_ms == 0) {
        fail_msg("seed %llu: not settled: statement %s, outcome %s", (unsigned long long)seed,
                 statement_state_name(world->state.statement), outcome_name(world->state.outcome));
    }
    for (size_t i = 0; i < world->state.callback_count; i++) {
        assert_int_equal(world->effective_callbacks[i], 1);
    }
    assert_int_equal(world->heartbeats_after_outcome, 0);
    for (unsigned step = 1; step <= STEPS_MAX; step++) {
        for (unsigned attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
            assert_true(world->statements[step][attempt].runs <= 1);
        }
    }
    if (world->state.outcome == OUTCOME_REJECTED) {
        assert_int_equal(world->statements[1][1].runs, 0);
    }
}

static void promises_hold_under_random_attack(void **unused)
{
    (void)unused;
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_init(world, seed);
        run(world);
        check_end(world, seed);
        run_afterwards(world);
        check_end(world, seed);
        arena_free(world->arena);
    }
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promises_hold_under_random_attack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
