/* The queue against a model that is slow and plain, by random operations from a fixed seed. */
#include "tests/support/cmocka.h"

#include "infra/base/random.h"
#include "infra/local/local_queue.h"

#include <stdlib.h>
#include <string.h>

/* --- fixture --- */

enum { MESSAGES = 400, STEPS = 20000, GROUPS = 5, TAKE_MAX = 10 };

struct twin {
    bool present;
    enum local_message_state state;
    int64_t due_ms;
    char id[37];
    char group[2];
    uint64_t order; /* of sending */
};

struct world {
    struct local_queue *queue;
    struct random_seeded random;
    struct twin twins[MESSAGES];
    int64_t now_ms;
    uint64_t sent_count;
};

/* --- helpers --- */

static size_t draw(struct world *world, size_t bound)
{
    return (size_t)random_below(&world->random.random, bound);
}

static void send_one(struct world *world, struct twin *twin)
{
    struct local_message_parts parts = {.body = SLICE("body")};
    int64_t delay_ms = draw(world, 4) == 0 ? (int64_t)draw(world, 50) : 0;
    int64_t due_ms = world->now_ms + delay_ms;
    if (world->queue->fifo && due_ms < world->queue->last_due_ms) {
        due_ms = world->queue->last_due_ms;
    }
    *twin = (struct twin){.present = true, .due_ms = due_ms, .order = ++world->sent_count};
    twin->state = due_ms > world->now_ms ? LOCAL_MESSAGE_DELAYED : LOCAL_MESSAGE_READY;
    twin->group[0] = (char)('a' + draw(world, GROUPS));
    parts.group_id = slice_from_text(twin->group);
    random_uuid(&world->random.random, twin->id);
    local_queue_add(world->queue, local_message_new(&parts, twin->id, world->now_ms), world->now_ms,
                    delay_ms);
}

static struct local_message *message_of(struct world *world, const struct twin *twin)
{
    struct local_message *message = local_queue_find(world->queue, slice_from_text(twin->id));
    assert_non_null(message);
    return message;
}

static struct twin *twin_of(struct world *world, const struct local_message *message)
{
    for (size_t i = 0; i < MESSAGES; i++) {
        if (world->twins[i].present && strcmp(world->twins[i].id, message->id) == 0) {
            return &world->twins[i];
        }
    }
    print_error("a message that was never sent, or is deleted\n");
    abort();
}

/* No message of its group that is older may be left behind, and none may be in flight. */
static void check_fifo_order(struct world *world, const struct twin *taken)
{
    for (size_t i = 0; i < MESSAGES; i++) {
        const struct twin *other = &world->twins[i];
        if (other->present && other->group[0] == taken->group[0] && other->order < taken->order) {
            assert_int_equal(other->state, LOCAL_MESSAGE_IN_FLIGHT);
            assert_true(other->due_ms == taken->due_ms);
        }
    }
}

static void take_some(struct world *world)
{
    struct local_message *messages[TAKE_MAX];
    /* A visibility of its own for each take, so that what was taken together is known by it. */
    struct local_take take = {.now_ms = world->now_ms,
                              .visibility_ms = 20 + (int64_t)draw(world, 100),
                              .max_count = 1 + draw(world, TAKE_MAX)};
    size_t count = local_queue_take(world->queue, &take, messages);
    assert_true(count <= take.max_count);
    for (size_t i = 0; i < count; i++) {
        struct twin *twin = twin_of(world, messages[i]);
        assert_int_equal(twin->state, LOCAL_MESSAGE_READY);
        twin->state = LOCAL_MESSAGE_IN_FLIGHT;
        twin->due_ms = world->now_ms + take.visibility_ms;
        if (world->queue->fifo) {
            check_fifo_order(world, twin);
        }
    }
}

static void advance(struct world *world)
{
    world->now_ms += (int64_t)draw(world, 30);
    local_queue_settle(world->queue, world->now_ms);
    for (size_t i = 0; i < MESSAGES; i++) {
        struct twin *twin = &world->twins[i];
        if (twin->present && twin->due_ms <= world->now_ms) {
            twin->state = LOCAL_MESSAGE_READY;
        }
    }
}

static void change_due(struct world *world, struct twin *twin)
{
    /* In a FIFO queue all of one take stay together here: check_fifo_order knows them by that. */
    if (twin->state == LOCAL_MESSAGE_IN_FLIGHT && !world->queue->fifo) {
        twin->due_ms = world->now_ms + 1 + (int64_t)draw(world, 100);
        local_queue_set_due(world->queue, message_of(world, twin), twin->due_ms);
    }
}

static void step(struct world *world)
{
    struct twin *twin = &world->twins[draw(world, MESSAGES)];
    switch (draw(world, 5)) {
    case 0:
    case 1:
        if (!twin->present) {
            send_one(world, twin);
        }
        break;
    case 2: take_some(world); break;
    case 3: advance(world); break;
    case 4:
        if (!twin->present) {
            break;
        }
        if (draw(world, 2) == 0) {
            change_due(world, twin);
            break;
        }
        local_queue_delete(world->queue, message_of(world, twin));
        twin->present = false;
        break;
    }
}

static void check_counts(const struct world *world)
{
    size_t counts[3] = {0};
    for (size_t i = 0; i < MESSAGES; i++) {
        if (world->twins[i].present) {
            counts[world->twins[i].state]++;
        }
    }
    assert_int_equal(local_queue_ready_count(world->queue), counts[LOCAL_MESSAGE_READY]);
    assert_int_equal(world->queue->delayed_count, counts[LOCAL_MESSAGE_DELAYED]);
    assert_int_equal(world->queue->in_flight_count, counts[LOCAL_MESSAGE_IN_FLIGHT]);
}

static void run_world(struct slice name, uint64_t seed)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    random_seeded_init(&world.random, seed);
    world.now_ms = INT64_C(1795000000000);
    world.queue = local_queue_new(name, world.now_ms);
    world.queue->numbers[LOCAL_QUEUE_RETENTION] = 345600;
    for (int i = 0; i < STEPS; i++) {
        step(&world);
        check_counts(&world);
    }
    assert_true(world.sent_count > 1000);
    local_queue_free(world.queue);
}

/* --- success --- */

static void standard_queue_agrees_with_the_model(void **state)
{
    (void)state;
    run_world(SLICE("q"), 1);
    run_world(SLICE("q"), 2);
}

static void fifo_queue_agrees_with_the_model(void **state)
{
    (void)state;
    run_world(SLICE("q.fifo"), 3);
    run_world(SLICE("q.fifo"), 4);
}

/* --- failure --- */

static void unknown_message_is_not_found(void **state)
{
    (void)state;
    struct local_queue *queue = local_queue_new(SLICE("q"), 1);
    assert_null(local_queue_find(queue, SLICE("00000000-0000-4000-8000-000000000000")));
    assert_true(local_queue_next_due(queue) == INT64_MAX);
    local_queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standard_queue_agrees_with_the_model),
        cmocka_unit_test(fifo_queue_agrees_with_the_model),
        cmocka_unit_test(unknown_message_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
