#include "tests/unit/tracker/lifecycle_world.h"

#include <string.h>

#define STEPS_TO_SETTLE 4000

uint64_t world_draw(struct world *world, uint64_t bound)
{
    return random_below(&world->random.random, bound);
}

static bool chance(struct world *world, unsigned percent)
{
    return world->attack && world_draw(world, 100) < percent;
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

struct stimulus world_stimulus(struct world *world, enum stimulus_kind kind)
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

static bool is_attached(const struct world *world, unsigned step, unsigned attempt)
{
    return attempt == 1 && step <= world->plan.step_count &&
           world->steps[step - 1].attach_id.size > 0;
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
    statement->rows = (int64_t)world_draw(world, 5);
    if (is_attached(world, step, attempt)) {
        return; /* its event has a name that is not ours */
    }
    struct stimulus event = world_stimulus(world, STIMULUS_EVENT);
    event.step = step;
    event.attempt = attempt;
    event.ending = ending_of(fate);
    event.witness = WITNESS_EVENT;
    event.statement_id =
        slice_from_text(arena_format(world->arena, "00000000-0000-0000-%04u-%012u", step, attempt));
    event.event = SLICE("{\"detail\":{}}");
    event.rows = chance(world, 50) ? -1 : statement->rows;
    post(world, event);
}

static void random_ending(struct world *world)
{
    static const enum fate fates[] = {FATE_FINISHED, FATE_FINISHED, FATE_FAILED, FATE_ABORTED};
    for (unsigned step = 1; step <= STEPS_MAX; step++) {
        for (unsigned attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
            if (world_draw(world, 3) == 0) {
                end_statement(world, step, attempt, fates[world_draw(world, ARRAY_COUNT(fates))]);
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
            finished |= world->statements[before][k].fate == FATE_FINISHED ||
                        (world->statements[before][k].fate == FATE_FAILED &&
                         world->steps[before - 1].keep_going);
            assert_int_not_equal(world->statements[before][k].fate, FATE_RUNNING);
        }
        assert_true(finished);
    }
}

static struct slice session_of(const struct world *world)
{
    return world->plan.session_keep_alive_seconds >= 0 ? SLICE("session") : SLICE_NONE;
}

/* What shares a lock never runs side by side, unless the other's ending can no longer be learned.
 */
static void check_rivals(struct world *world)
{
    for (size_t i = 0; world->lock != NULL && i < ARRAY_COUNT(world->lock->rivals); i++) {
        const struct world *rival = world->lock->rivals[i];
        for (unsigned step = 1; step <= STEPS_MAX && rival != world; step++) {
            for (unsigned attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
                assert_true(rival->statements[step][attempt].fate != FATE_RUNNING ||
                            rival->state.statement == STATEMENT_UNKNOWN);
            }
        }
    }
}

/* There is no token of the rate, and nothing is sent: that is certain, and no failure. */
static bool held_back(struct world *world, struct stimulus *answer)
{
    const bool held = chance(world, 15);
    answer->later_ms = held ? 1 + (int64_t)world_draw(world, 120000) : 0;
    return held;
}

static void do_submit(struct world *world)
{
    struct statement *statement = current(world);
    struct stimulus local = world_stimulus(world, STIMULUS_SUBMIT_REFUSED);
    assert_true(world->state.attempt <= ATTEMPTS_MAX);
    assert_false(is_attached(world, world->state.step, world->state.attempt));
    assert_true(world->state.step == 1 || world->plan.session_keep_alive_seconds < 0 ||
                world->state.session_id[0] != '\0');
    if (held_back(world, &local)) {
        local.refusal = REFUSAL_CAPACITY;
        post(world, local);
        return;
    }
    if (chance(world, 10)) {
        post(world, world_stimulus(world, STIMULUS_SUBMIT_IN_DOUBT)); /* never arrived */
        return;
    }
    bool known = statement->runs > 0 && world->now_ms - statement->token_at_ms < TOKEN_LIFE_MS;
    if (!known && chance(world, 15)) {
        struct stimulus refused = world_stimulus(world, STIMULUS_SUBMIT_REFUSED);
        refused.refusal = world_draw(world, 4) == 0 ? REFUSAL_PERMANENT : REFUSAL_CAPACITY;
        refused.error_type = SLICE("ValidationException");
        post(world, refused);
        return;
    }
    if (!known) {
        check_predecessor(world);
        check_rivals(world);
        statement->runs++;
        statement->token_at_ms = world->now_ms;
        statement->fate = FATE_RUNNING;
    }
    /* Promise 2: a statement name runs at most once. */
    assert_int_equal(statement->runs, 1);
    struct stimulus answer =
        world_stimulus(world, chance(world, 10) ? STIMULUS_SUBMIT_IN_DOUBT : STIMULUS_SUBMITTED);
    if (answer.kind == STIMULUS_SUBMITTED) {
        answer.statement_id = id_of(world);
        answer.session_id = session_of(world);
    }
    post(world, answer);
}

static void do_describe(struct world *world)
{
    struct stimulus failed = world_stimulus(world, STIMULUS_LOOK_FAILED);
    if (held_back(world, &failed) || chance(world, 15)) {
        post(world, failed);
        return;
    }
    struct stimulus answer = world_stimulus(world, STIMULUS_DESCRIBED);
    answer.ending = ending_of(current(world)->fate);
    answer.witness = WITNESS_SWEEP;
    answer.details = answer.ending != ENDING_NONE;
    answer.transient = answer.ending == ENDING_FAILED && world_draw(world, 2) == 0;
    answer.statement_id = id_of(world);
    answer.session_id = session_of(world);
    answer.rows = answer.ending == ENDING_FINISHED ? current(world)->rows : -1;
    if (current(world)->fate == FATE_NONE &&
        is_attached(world, world->state.step, world->state.attempt)) {
        answer.not_found = true;
        answer.statement_id = SLICE_NONE;
    }
    post(world, answer);
}

static void do_gather(struct world *world)
{
    post(world,
         world_stimulus(world, chance(world, 20) ? STIMULUS_LOOK_FAILED : STIMULUS_GATHERED));
}

/* As invoker/lock.c: what is final has lost its lock. */
static void do_take_lock(struct world *world)
{
    struct world_lock *lock = world->lock;
    struct stimulus answer = world_stimulus(world, STIMULUS_LOCK_GRANTED);
    if (lock != NULL && lock->owner != NULL && lock->owner != world &&
        !lifecycle_statement_final(lock->owner->state.statement)) {
        answer.kind = STIMULUS_LOCK_HELD;
        answer.told_by_reply = world->told_by_reply;
    } else if (lock != NULL) {
        lock->owner = world;
    }
    post(world, answer);
}

static void do_release_lock(struct world *world)
{
    assert_true(lifecycle_statement_final(world->state.statement));
    if (world->lock != NULL && world->lock->owner == world) {
        world->lock->owner = NULL;
    }
}

static void do_list(struct world *world)
{
    struct stimulus failed = world_stimulus(world, STIMULUS_LOOK_FAILED);
    struct stimulus answer = world_stimulus(world, STIMULUS_LISTED);
    if (held_back(world, &failed)) {
        post(world, failed);
        return;
    }
    answer.found = current(world)->runs > 0;
    answer.statement_id = answer.found ? id_of(world) : SLICE_NONE;
    post(world, answer);
}

static void do_cancel(struct world *world)
{
    unsigned step = world->state.step;
    unsigned attempt = world->state.attempt;
    bool running = current(world)->fate == FATE_RUNNING;
    struct stimulus refused = world_stimulus(world, STIMULUS_CANCEL_REFUSED);
    if (held_back(world, &refused) || !running || chance(world, 30)) {
        post(world, refused);
        return;
    }
    end_statement(world, step, attempt, FATE_ABORTED);
    post(world, world_stimulus(world, STIMULUS_CANCEL_SENT));
}

static void do_callback(struct world *world, size_t address)
{
    struct stimulus answer = world_stimulus(world, STIMULUS_CALLBACK_DELIVERED);
    answer.address = address;
    /* Promise 1: no outcome but the committed one is ever sent. */
    assert_int_not_equal(world->state.outcome, OUTCOME_NONE);
    if (world->told[address] != OUTCOME_NONE) {
        assert_int_equal(world->told[address], world->state.outcome);
    }
    if (held_back(world, &answer) || chance(world, 15)) {
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
    case ACTION_TAKE_LOCK: do_take_lock(world); break;
    case ACTION_GATHER: do_gather(world); break;
    case ACTION_RELEASE_LOCK: do_release_lock(world); break;
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
void world_feed(struct world *world, const struct stimulus *stimulus)
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
        struct stimulus chosen = world_stimulus(world, STIMULUS_CHOSEN);
        chosen.reply = SLICE("{}");
        memset(chosen.reply_digest, 'a' + (int)world_draw(world, 20), SHA256_HEX_BYTES);
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
    size_t index = (size_t)world_draw(world, world->mail_count);
    struct stimulus stimulus = world->mail[index];
    world->mail[index] = world->mail[--world->mail_count];
    world_feed(world, &stimulus);
}

void world_sweep(struct world *world)
{
    int64_t due_ms = lifecycle_due_at(&world->policy, &world->plan, &world->state);
    if (due_ms > 0 && due_ms <= world->now_ms) {
        struct stimulus due = world_stimulus(world, STIMULUS_DUE);
        world_feed(world, &due);
    }
}

static void random_wish(struct world *world)
{
    struct stimulus wish = world_stimulus(world, STIMULUS_CANCEL_REQUESTED);
    switch (world_draw(world, 12)) {
    case 0: world_feed(world, &wish); break;
    case 1:
        wish.kind = STIMULUS_CALLER_GONE;
        wish.execution_over = world_draw(world, 2) == 0;
        world_feed(world, &wish);
        break;
    case 2:
        wish.kind = STIMULUS_ADOPTED;
        address_init(&wish.adopter, ADDRESS_QUEUE,
                     slice_from_text(arena_format(world->arena, "http://q/%u",
                                                  (unsigned)world_draw(world, 3))));
        world_feed(world, &wish);
        break;
    }
}

/* ---- Plans --------------------------------------------------------------------------------------
 */

static bool one_in(struct world *world, uint64_t many)
{
    return world_draw(world, many) == 0;
}

static void init_steps(struct world *world)
{
    static const struct slice sql = {"select 1", 8};
    world->retry = (struct plan_retry){.max_attempts = 2, .base_ms = 10, .max_ms = 100};
    for (size_t i = 0; i < world->plan.step_count; i++) {
        struct plan_step *step = &world->steps[i];
        *step = (struct plan_step){.sqls = &sql,
                                   .sql_count = 1,
                                   .retriable = one_in(world, 2),
                                   .keep_going = one_in(world, 4),
                                   .retry = one_in(world, 4) ? &world->retry : NULL};
        if (one_in(world, 8)) {
            struct statement *attached = &world->statements[i + 1][1];
            step->attach_id = slice_from_text(
                arena_format(world->arena, "00000000-0000-0000-%04u-%012u", (unsigned)i + 1, 1u));
            step->sql_count = one_in(world, 2) ? 1 : 0;
            attached->fate = one_in(world, 6) ? FATE_NONE : FATE_RUNNING;
            attached->runs = attached->fate == FATE_RUNNING ? 1 : 0;
        }
    }
}

/* What the outcome depends on beyond the endings, and what is told of it. */
static void init_terms(struct world *world)
{
    struct plan *plan = &world->plan;
    plan->session_keep_alive_seconds = one_in(world, 5) ? 60 : -1;
    plan->expect_min_rows = one_in(world, 5) ? 2 : -1;
    plan->expect_max_rows = one_in(world, 5) ? 3 : -1;
    plan->result.mode = one_in(world, 4) ? PLAN_RESULT_INLINE : PLAN_RESULT_NONE;
    plan->output = (enum plan_output)world_draw(world, OUTPUT_QUERIES + 1);
    plan->on_conflict = (enum plan_conflict)world_draw(world, PLAN_CONFLICT_QUEUE + 1);
    world->told_by_reply = one_in(world, 2);
}

void world_init(struct world *world, uint64_t seed)
{
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
                                .step_count = 1 + (size_t)world_draw(world, STEPS_MAX),
                                .retry.max_attempts = 1 + (int64_t)world_draw(world, 3),
                                .retry.base_ms = 1000,
                                .retry.max_ms = 10000,
                                .keyed = one_in(world, 4),
                                .address_count = (size_t)world_draw(world, 3)};
    init_terms(world);
    init_steps(world);
    for (size_t i = 0; i < world->plan.address_count; i++) {
        address_init(&world->plan.addresses[i], ADDRESS_TASK_TOKEN,
                     slice_from_text(arena_format(world->arena, "token %zu", i)));
    }
    if (one_in(world, 3)) {
        world->plan.deadline_ms = world->now_ms + 1 + (int64_t)world_draw(world, 600000);
    }
    world->plan.heartbeat_seconds = one_in(world, 3) ? 30 : 0;
}

void world_lock(struct world *world, struct world_lock *lock)
{
    memset(world->plan.lock_key, 'a', TRACKER_LOCK_KEY_BYTES);
    world->lock = lock;
    /* What others have started asks for no lock. */
    for (size_t i = 0; i < world->plan.step_count; i++) {
        if (world->steps[i].attach_id.size > 0) {
            world->steps[i].attach_id = SLICE_NONE;
            world->steps[i].sql_count = 1;
            world->statements[i + 1][1] = (struct statement){0};
        }
    }
}

/* ---- The course of the world --------------------------------------------------------------------
 */

void world_begin(struct world *world)
{
    const struct lifecycle_context context = {world->arena, &world->policy, world->now_ms};
    struct decision first;
    enum lifecycle_start start = one_in(world, 4) ? LIFECYCLE_START_QUEUED : LIFECYCLE_START_SUBMIT;
    lifecycle_accept(&context, &world->plan, start, SLICE_NONE, SLICE_NONE, &first);
    world->state = first.next;
    for (size_t i = 0; i < first.action_count; i++) {
        act(world, &first.actions[i]);
    }
}

void world_happen(struct world *world)
{
    switch (world_draw(world, 5)) {
    case 0:
    case 1: deliver_mail(world); break;
    case 2: world_sweep(world); break;
    case 4: release_one(world); break;
    case 3: one_in(world, 3) ? random_wish(world) : random_ending(world); break;
    }
}

void world_settle(struct world *const *worlds, size_t count)
{
    bool open = true;
    for (int i = 0; i < STEPS_TO_SETTLE && open; i++) {
        open = false;
        for (size_t k = 0; k < count; k++) {
            struct world *world = worlds[k];
            world->attack = false;
            random_ending(world);
            deliver_mail(world);
            world_sweep(world);
            world->now_ms += 20000;
            open |= world->state.settled_at_ms == 0;
        }
    }
}
