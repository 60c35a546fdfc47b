#include "infra/local/local_queue.h"

#include "infra/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEDUP_WINDOW_MS INT64_C(300000)

/* --- heaps --- */

static bool comes_before(enum local_heap_order order, const struct local_message *a,
                         const struct local_message *b)
{
    int64_t time_a = order == LOCAL_HEAP_DUE ? a->due_at_ms : a->sent_at_ms;
    int64_t time_b = order == LOCAL_HEAP_DUE ? b->due_at_ms : b->sent_at_ms;
    return time_a != time_b ? time_a < time_b : a->sequence < b->sequence;
}

static void heap_put(struct local_heap *heap, size_t slot, struct local_message *message)
{
    heap->items[slot] = message;
    message->slots[heap->order] = slot;
}

/* Moves the message at slot up or down to where it belongs. */
static void heap_fix(struct local_heap *heap, size_t slot)
{
    struct local_message *message = heap->items[slot];
    while (slot > 0 && comes_before(heap->order, message, heap->items[(slot - 1) / 2])) {
        heap_put(heap, slot, heap->items[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    for (size_t child = slot * 2 + 1; child < heap->count; child = slot * 2 + 1) {
        if (child + 1 < heap->count &&
            comes_before(heap->order, heap->items[child + 1], heap->items[child])) {
            child++;
        }
        if (!comes_before(heap->order, heap->items[child], message)) {
            break;
        }
        heap_put(heap, slot, heap->items[child]);
        slot = child;
    }
    heap_put(heap, slot, message);
}

static void heap_add(struct local_heap *heap, struct local_message *message)
{
    heap->items =
        local_grow(heap->items, &heap->capacity, heap->count + 1, sizeof(struct local_message *));
    heap_put(heap, heap->count++, message);
    heap_fix(heap, heap->count - 1);
}

static void heap_remove(struct local_heap *heap, const struct local_message *message)
{
    size_t slot = message->slots[heap->order];
    struct local_message *last = heap->items[--heap->count];
    if (last != message) {
        heap_put(heap, slot, last);
        heap_fix(heap, slot);
    }
}

/* --- groups --- */

static struct local_group *group_get(struct local_queue *queue, struct slice group_id)
{
    struct slice id = queue->fifo && group_id.data != NULL ? group_id : SLICE("");
    struct local_group *group = local_table_find(&queue->groups, id);
    if (group == NULL) {
        group = memory_new(sizeof(*group));
        group->id = local_copy_text(id);
        local_table_put(&queue->groups, slice_from_text(group->id), group);
    }
    return group;
}

static void group_unlist(struct local_queue *queue, struct local_group *group)
{
    *(group->previous != NULL ? &group->previous->next : &queue->ready_first) = group->next;
    *(group->next != NULL ? &group->next->previous : &queue->ready_last) = group->previous;
    group->listed = false;
}

static void group_list(struct local_queue *queue, struct local_group *group)
{
    group->previous = queue->ready_last;
    group->next = NULL;
    *(queue->ready_last != NULL ? &queue->ready_last->next : &queue->ready_first) = group;
    queue->ready_last = group;
    group->listed = true;
}

/* After any change of a group: lists it when it can be received from, and wakes a waiter then. */
static void group_update(struct local_queue *queue, struct local_group *group)
{
    bool ready = group->first != NULL && !(queue->fifo && group->in_flight_count > 0);
    if (ready && !group->listed) {
        group_list(queue, group);
    } else if (!ready && group->listed) {
        group_unlist(queue, group);
    }
    if (ready) {
        pthread_cond_signal(&queue->changed);
    }
}

/* After messages have left a group: frees it when it was the last. */
static void group_release(struct local_queue *queue, struct local_group *group)
{
    group_update(queue, group);
    if (group->total_count == 0) {
        local_table_remove(&queue->groups, slice_from_text(group->id));
        free(group->id);
        free(group);
    }
}

static void ready_insert_before(struct local_group *group, struct local_message *message,
                                struct local_message *next)
{
    message->next = next;
    message->previous = next != NULL ? next->previous : group->last;
    *(message->previous != NULL ? &message->previous->next : &group->first) = message;
    *(next != NULL ? &next->previous : &group->last) = message;
}

/* A FIFO message that comes back goes to its old place, which is near the front; a standard one
 * goes to the back. */
static void ready_insert(const struct local_queue *queue, struct local_message *message)
{
    struct local_group *group = message->group;
    struct local_message *next = NULL;
    message->state = LOCAL_MESSAGE_READY;
    if (queue->fifo && group->last != NULL && group->last->sequence > message->sequence) {
        next = group->first;
        while (next->sequence < message->sequence) {
            next = next->next;
        }
    }
    ready_insert_before(group, message, next);
}

static void ready_remove(struct local_message *message)
{
    struct local_group *group = message->group;
    *(message->previous != NULL ? &message->previous->next : &group->first) = message->next;
    *(message->next != NULL ? &message->next->previous : &group->last) = message->previous;
    message->previous = NULL;
    message->next = NULL;
}

/* --- the queue --- */

struct local_queue *local_queue_new(struct slice name, int64_t now_ms)
{
    struct local_queue *queue = memory_new(sizeof(*queue));
    pthread_condattr_t attributes;
    (void)snprintf(queue->name, sizeof(queue->name), "%.*s", SLICE_PRINT(name));
    queue->fifo = slice_ends_with(name, SLICE(".fifo"));
    queue->created_at_ms = now_ms;
    queue->modified_at_ms = now_ms;
    queue->due.order = LOCAL_HEAP_DUE;
    queue->age.order = LOCAL_HEAP_AGE;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return queue;
}

static void forget_dedup(struct local_queue *queue)
{
    struct local_dedup *dedup = queue->dedup_first;
    queue->dedup_first = dedup->next;
    if (queue->dedup_first == NULL) {
        queue->dedup_last = NULL;
    }
    local_table_remove(&queue->dedups, slice_from_text(dedup->key));
    free(dedup->key);
    free(dedup);
}

void local_queue_free(struct local_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    local_queue_purge(queue);
    while (queue->dedup_first != NULL) {
        forget_dedup(queue);
    }
    for (size_t i = 0; i < LOCAL_QUEUE_TEXT_COUNT; i++) {
        free(queue->texts[i]);
    }
    local_table_clear(&queue->messages);
    local_table_clear(&queue->groups);
    local_table_clear(&queue->dedups);
    free(queue->due.items);
    free(queue->age.items);
    pthread_cond_destroy(&queue->changed);
    free(queue);
}

static void add_later(struct local_queue *queue, struct local_message *message, int64_t due_ms)
{
    message->state = LOCAL_MESSAGE_DELAYED;
    message->due_at_ms = due_ms;
    queue->delayed_count++;
    heap_add(&queue->due, message);
    if (message->slots[LOCAL_HEAP_DUE] == 0) {
        /* Whoever waits must wake earlier than planned. */
        pthread_cond_broadcast(&queue->changed);
    }
}

void local_queue_add(struct local_queue *queue, struct local_message *message, int64_t now_ms,
                     int64_t delay_ms)
{
    int64_t due_ms = now_ms + delay_ms;
    if (queue->fifo && due_ms < queue->last_due_ms) {
        due_ms = queue->last_due_ms;
    }
    queue->last_due_ms = due_ms;
    message->sequence = ++queue->sequence;
    message->group = group_get(queue, message->parts.group_id);
    message->group->total_count++;
    local_table_put(&queue->messages, (struct slice){message->id, sizeof(message->id) - 1},
                    message);
    heap_add(&queue->age, message);
    if (due_ms > now_ms) {
        add_later(queue, message, due_ms);
    } else {
        ready_insert(queue, message);
        group_update(queue, message->group);
    }
}

/* Takes a delayed or in-flight message out of the heap. */
static void due_remove(struct local_queue *queue, struct local_message *message)
{
    heap_remove(&queue->due, message);
    if (message->state == LOCAL_MESSAGE_IN_FLIGHT) {
        queue->in_flight_count--;
        message->group->in_flight_count--;
    } else {
        queue->delayed_count--;
    }
}

/* What every message has, whatever its state. The group must be released afterwards. */
static void forget(struct local_queue *queue, struct local_message *message)
{
    local_table_remove(&queue->messages, (struct slice){message->id, sizeof(message->id) - 1});
    heap_remove(&queue->age, message);
    message->group->total_count--;
    message->group = NULL;
}

void local_queue_delete(struct local_queue *queue, struct local_message *message)
{
    struct local_group *group = message->group;
    if (message->state == LOCAL_MESSAGE_READY) {
        ready_remove(message);
    } else {
        due_remove(queue, message);
    }
    forget(queue, message);
    group_release(queue, group);
    local_message_free(message);
}

void local_queue_settle(struct local_queue *queue, int64_t now_ms)
{
    while (queue->due.count > 0 && queue->due.items[0]->due_at_ms <= now_ms) {
        struct local_message *message = queue->due.items[0];
        due_remove(queue, message);
        ready_insert(queue, message);
        group_update(queue, message->group);
    }
    int64_t oldest_ms = now_ms - queue->numbers[LOCAL_QUEUE_RETENTION] * 1000;
    while (queue->age.count > 0 && queue->age.items[0]->sent_at_ms <= oldest_ms) {
        local_queue_delete(queue, queue->age.items[0]);
    }
    while (queue->dedup_first != NULL && queue->dedup_first->expires_at_ms <= now_ms) {
        forget_dedup(queue);
    }
}

/* A standard queue's message keeps its age in the dead-letter queue; a FIFO one's begins anew. */
static void move_to_dead(struct local_queue *queue, struct local_message *message,
                         struct local_queue *dead, int64_t now_ms)
{
    char arn[LOCAL_QUEUE_NAME_MAX + 64];
    int size = snprintf(arn, sizeof(arn), "arn:aws:sqs:us-east-1:000000000000:%s", queue->name);
    free(message->dead_source_arn);
    message->dead_source_arn = local_copy_text((struct slice){arn, (size_t)size});
    if (queue->fifo) {
        message->sent_at_ms = now_ms;
    }
    local_queue_add(dead, message, now_ms, 0);
}

static void take_one(struct local_queue *queue, struct local_message *message,
                     const struct local_take *take)
{
    message->state = LOCAL_MESSAGE_IN_FLIGHT;
    message->due_at_ms = take->now_ms + take->visibility_ms;
    message->taken_at_ms = take->now_ms;
    message->receive_count++;
    if (message->first_received_at_ms == 0) {
        message->first_received_at_ms = take->now_ms;
    }
    message->group->in_flight_count++;
    queue->in_flight_count++;
    heap_add(&queue->due, message);
}

static size_t take_from_group(struct local_queue *queue, struct local_group *group,
                              const struct local_take *take, size_t max_count,
                              struct local_message **messages)
{
    size_t count = 0;
    while (count < max_count && group->first != NULL) {
        struct local_message *message = group->first;
        ready_remove(message);
        if (take->dead != NULL && message->receive_count >= queue->max_receive_count) {
            forget(queue, message);
            move_to_dead(queue, message, take->dead, take->now_ms);
        } else {
            take_one(queue, message, take);
            messages[count++] = message;
        }
    }
    return count;
}

size_t local_queue_take(struct local_queue *queue, const struct local_take *take,
                        struct local_message **messages)
{
    size_t count = 0;
    while (count < take->max_count && queue->ready_first != NULL) {
        struct local_group *group = queue->ready_first;
        count += take_from_group(queue, group, take, take->max_count - count, messages + count);
        group_release(queue, group);
    }
    return count;
}

struct local_message *local_queue_find(const struct local_queue *queue, struct slice message_id)
{
    return local_table_find(&queue->messages, message_id);
}

void local_queue_set_due(struct local_queue *queue, struct local_message *message, int64_t due_ms)
{
    message->due_at_ms = due_ms;
    heap_fix(&queue->due, message->slots[LOCAL_HEAP_DUE]);
}

void local_queue_purge(struct local_queue *queue)
{
    while (queue->age.count > 0) {
        local_queue_delete(queue, queue->age.items[queue->age.count - 1]);
    }
}

size_t local_queue_ready_count(const struct local_queue *queue)
{
    return queue->age.count - queue->due.count;
}

int64_t local_queue_next_due(const struct local_queue *queue)
{
    return queue->due.count > 0 ? queue->due.items[0]->due_at_ms : INT64_MAX;
}

const struct local_dedup *local_queue_find_dedup(const struct local_queue *queue, struct slice key)
{
    return local_table_find(&queue->dedups, key);
}

void local_queue_add_dedup(struct local_queue *queue, struct slice key,
                           const struct local_message *message, int64_t now_ms)
{
    struct local_dedup *dedup = memory_new(sizeof(*dedup));
    dedup->key = local_copy_text(key);
    memcpy(dedup->message_id, message->id, sizeof(dedup->message_id));
    dedup->sequence = message->sequence;
    dedup->expires_at_ms = now_ms + DEDUP_WINDOW_MS;
    *(queue->dedup_last != NULL ? &queue->dedup_last->next : &queue->dedup_first) = dedup;
    queue->dedup_last = dedup;
    local_table_put(&queue->dedups, slice_from_text(dedup->key), dedup);
}
