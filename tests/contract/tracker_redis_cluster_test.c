/* What only a Redis Cluster does: parts that are away, replicas that take over, slots that move. */
#include "tests/support/cmocka.h"
#include "tests/support/redis_cluster.h"
#include "tracker/tracker.h"

#include "infra/base/clock.h"

#include <hiredis/hiredis.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fixture */

#define NOW_MS     1784000000000
#define TIMEOUT_MS 2000
#define PAUSE_MS   5
#define TRIES      4000 /* of PAUSE_MS */
#define CLIENTS    4
#define KEYS_MAX   100000

struct fixture {
    struct redis_cluster cluster;
    struct tracker_options options;
    struct tracker *tracker;
    struct arena *arena;
    struct error error;
};

static struct tracker *open_handle(const struct fixture *fixture)
{
    struct tracker *tracker = NULL;
    struct error error = ERROR_NONE;

    if (tracker_open(&fixture->options, &tracker, &error) != STATUS_OK) {
        fail_msg("open: %s", error.text);
    }
    return tracker;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    redis_cluster_start(&fixture->cluster);
    fixture->arena = arena_new(64 * 1024 * 1024);
    fixture->options =
        (struct tracker_options){.url = redis_cluster_url(&fixture->cluster, REDIS_CLUSTER_MASTERS),
                                 .ca_bundle = redis_server_ca(),
                                 .timeout_ms = TIMEOUT_MS};
    fixture->tracker = open_handle(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    tracker_close(fixture->tracker);
    arena_free(fixture->arena);
    redis_cluster_stop(&fixture->cluster);
    free(fixture);
    return 0;
}

/* Helpers */

struct id {
    char text[TRACKER_ID_BYTES + 1];
};

static struct id id_in(unsigned shard, unsigned number)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    struct id id;

    memset(id.text, 'a', TRACKER_ID_BYTES);
    id.text[0] = digits[shard / 2];
    id.text[1] = digits[shard % 2 * 16];
    for (size_t i = 2; i < 8; i++) {
        id.text[i] = digits[number >> (5 * (i - 2)) & 31u];
    }
    id.text[TRACKER_ID_BYTES] = '\0';
    assert_int_equal(tracker_shard(id.text), shard);
    return id;
}

static int slot_of(const struct fixture *fixture, unsigned shard)
{
    char text[32];

    redis_server_ask(&fixture->cluster.nodes[1], text, sizeof(text),
                     "CLUSTER KEYSLOT rb:{%02u}:all", shard);
    return (int)strtol(text, NULL, 10);
}

/* The number of the node that has the shard at the start. */
static int master_of(struct fixture *fixture, unsigned shard)
{
    return (int)(redis_cluster_master(&fixture->cluster, slot_of(fixture, shard)) -
                 fixture->cluster.nodes);
}

static unsigned shard_of_master(struct fixture *fixture, int master)
{
    for (unsigned shard = 0; shard < TRACKER_SHARDS; shard++) {
        if (master_of(fixture, shard) == master) {
            return shard;
        }
    }
    fail_msg("node %d has no shard", master);
    return 0;
}

static enum status put(struct tracker *tracker, struct arena *arena, const struct id *id,
                       struct error *error)
{
    struct tracker_registration registration = {.record = {.format = TRACKER_FORMAT,
                                                           .created_at_ms = NOW_MS,
                                                           .due_at_ms = NOW_MS,
                                                           .group = SLICE("group"),
                                                           .plan = SLICE("plan"),
                                                           .state = SLICE("state")}};

    memcpy(registration.record.id, id->text, sizeof(id->text));
    *error = ERROR_NONE;
    return tracker_register(tracker, arena, &registration, 1, error);
}

static bool is_there(struct fixture *fixture, const struct id *id)
{
    struct tracker_lookup lookup = {.id = id->text};

    assert_int_equal(tracker_find(fixture->tracker, fixture->arena, &lookup, 1, &fixture->error),
                     STATUS_OK);
    return lookup.found;
}

static size_t claim_all(struct fixture *fixture)
{
    struct tracker_record *records = NULL;
    size_t count = 0;
    size_t all = 0;

    do {
        if (tracker_claim(fixture->tracker, fixture->arena, NOW_MS, TRACKER_LEASE_MS, "test", 100,
                          &records, &count, &fixture->error) != STATUS_OK) {
            fail_msg("claim: %s", fixture->error.text);
        }
        all += count;
    } while (count > 0);
    return all;
}

/* Until the shard can be written to again. */
static void put_until_taken(struct fixture *fixture, const struct id *id)
{
    enum status status = STATUS_RETRY;

    for (int i = 0; i < TRIES && status == STATUS_RETRY; i++) {
        status = put(fixture->tracker, fixture->arena, id, &fixture->error);
        if (status == STATUS_RETRY) {
            clock_sleep_ms(clock_system(), PAUSE_MS);
        }
    }
    if (status != STATUS_OK) {
        fail_msg("put: %s", fixture->error.text);
    }
}

/* Of an array, what could be reached stands. */
static void find_and_update_both(struct fixture *fixture, const struct id *away,
                                 const struct id *here)
{
    struct tracker_lookup lookups[] = {{.id = away->text}, {.id = here->text}};
    struct tracker_update updates[2] = {0};

    assert_int_equal(tracker_find(fixture->tracker, fixture->arena, lookups, 2, &fixture->error),
                     STATUS_OK);
    assert_int_equal(lookups[0].status, STATUS_RETRY);
    assert_int_equal(lookups[1].status, STATUS_OK);
    assert_true(lookups[1].found);
    updates[1].record = updates[0].record = lookups[1].record;
    memcpy(updates[0].record.id, away->text, sizeof(away->text));
    assert_int_equal(tracker_update(fixture->tracker, updates, 2, &fixture->error), STATUS_OK);
    assert_int_equal(updates[0].status, STATUS_RETRY);
    assert_int_equal(updates[1].status, STATUS_OK);
}

static long long refusals(const struct fixture *fixture, const char *kind)
{
    char name[64];
    long long sum = 0;

    (void)snprintf(name, sizeof(name), "errorstat_%s", kind);
    for (int i = 0; i < REDIS_CLUSTER_NODES; i++) {
        sum += redis_server_info(&fixture->cluster.nodes[i], name);
    }
    return sum;
}

/* Registers, updates and claims in one shard until told to stop. */
struct client {
    const struct fixture *fixture;
    unsigned shard;
    unsigned number;
    atomic_bool *stop;
    atomic_uint acknowledged; /* records whose registration and update were */
    unsigned retries;
};

/* In a thread cmocka's assertions cannot be used. */
static bool must_be_retry(enum status status, const struct error *error)
{
    if (status != STATUS_OK && status != STATUS_RETRY) {
        (void)fprintf(stderr, "client: %s\n", error->text);
        abort();
    }
    return status == STATUS_OK;
}

static bool put_and_update(struct tracker *tracker, struct arena *arena, const struct id *id)
{
    struct error error = ERROR_NONE;
    struct tracker_lookup lookup = {.id = id->text};
    struct tracker_update update = {0};

    arena_reset(arena);
    if (!must_be_retry(put(tracker, arena, id, &error), &error) ||
        !must_be_retry(tracker_find(tracker, arena, &lookup, 1, &error), &error)) {
        return false;
    }
    if (!lookup.found) {
        (void)fprintf(stderr, "client: %s is not there\n", id->text);
        abort();
    }
    update.record = lookup.record;
    update.record.state = SLICE("updated");
    return must_be_retry(tracker_update(tracker, &update, 1, &error), &error) &&
           update.status == STATUS_OK;
}

static void *run_client(void *context)
{
    struct client *client = context;
    struct tracker *tracker = open_handle(client->fixture);
    struct arena *arena = arena_new(1024 * 1024);

    while (!atomic_load(client->stop)) {
        struct id id = id_in(client->shard, client->number + client->acknowledged * CLIENTS);
        if (put_and_update(tracker, arena, &id)) {
            client->acknowledged++;
        } else {
            client->retries++;
        }
    }
    arena_free(arena);
    tracker_close(tracker);
    return NULL;
}

/* Until each client has got two more records through, however slow the machine is. */
static void wait_for_progress(struct client clients[CLIENTS])
{
    unsigned wanted[CLIENTS];

    for (unsigned i = 0; i < CLIENTS; i++) {
        wanted[i] = atomic_load(&clients[i].acknowledged) + 2;
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        for (int waited_ms = 0; atomic_load(&clients[i].acknowledged) < wanted[i]; waited_ms++) {
            assert_in_range(waited_ms, 0, 60000);
            clock_sleep_ms(clock_system(), 1);
        }
    }
}

/* Key by key, as redis-cli --cluster reshard does it. */
static void move_keys(const struct redis_server *from, const struct redis_server *to, int slot)
{
    redisContext *context = redisConnect("127.0.0.1", from->port);
    size_t moved = 0;

    do {
        redisReply *keys = redisCommand(context, "CLUSTER GETKEYSINSLOT %d 10", slot);
        assert_non_null(keys);
        moved = keys->elements;
        for (size_t i = 0; i < moved; i++) {
            redisReply *reply = redisCommand(context, "MIGRATE 127.0.0.1 %d %s 0 5000", to->port,
                                             keys->element[i]->str);
            assert_non_null(reply);
            if (reply->type == REDIS_REPLY_ERROR) {
                fail_msg("MIGRATE %s: %s", keys->element[i]->str, reply->str);
            }
            freeReplyObject(reply);
        }
        freeReplyObject(keys);
    } while (moved > 0);
    redisFree(context);
}

/* The probe is a record of the slot, read when all keys have moved and nobody says so yet (ASK),
 * and once it is said (MOVED). */
static void move_slot(struct fixture *fixture, int from, int to, int slot, const struct id *probe)
{
    struct redis_server *nodes = fixture->cluster.nodes;
    char source[64];
    char target[64];

    redis_server_ask(&nodes[from], source, sizeof(source), "CLUSTER MYID");
    redis_server_ask(&nodes[to], target, sizeof(target), "CLUSTER MYID");
    redis_server_command(&nodes[to], "CLUSTER SETSLOT %d IMPORTING %s", slot, source);
    redis_server_command(&nodes[from], "CLUSTER SETSLOT %d MIGRATING %s", slot, target);
    move_keys(&nodes[from], &nodes[to], slot);
    assert_true(is_there(fixture, probe));
    redis_server_command(&nodes[to], "CLUSTER SETSLOT %d NODE %s", slot, target);
    redis_server_command(&nodes[from], "CLUSTER SETSLOT %d NODE %s", slot, target);
    assert_true(is_there(fixture, probe));
}

/* Success */

static void a_replica_that_takes_over_has_what_was_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    unsigned shard = shard_of_master(fixture, 0);
    struct id id;

    tracker_close(fixture->tracker);
    fixture->options.redis_wait = 1;
    fixture->tracker = open_handle(fixture);
    for (unsigned i = 0; i < 50; i++) {
        id = id_in(shard, i);
        assert_int_equal(put(fixture->tracker, fixture->arena, &id, &fixture->error), STATUS_OK);
    }
    redis_server_kill(&fixture->cluster.nodes[0]);
    id = id_in(shard, 50);
    assert_int_equal(put(fixture->tracker, fixture->arena, &id, &fixture->error), STATUS_RETRY);
    /* A dead node has no replica to wait for when its own takes its place. */
    tracker_close(fixture->tracker);
    fixture->options.redis_wait = 0;
    fixture->tracker = open_handle(fixture);
    put_until_taken(fixture, &id);
    for (unsigned i = 0; i <= 50; i++) {
        id = id_in(shard, i);
        assert_true(is_there(fixture, &id));
    }
    assert_int_equal(claim_all(fixture), 51);
    redis_server_restart(&fixture->cluster.nodes[0]);
}

static void a_planned_failover_is_followed(void **state)
{
    struct fixture *fixture = *state;
    unsigned shard = shard_of_master(fixture, 1);
    struct id id = id_in(shard, 0);
    char role[64] = "";

    assert_int_equal(put(fixture->tracker, fixture->arena, &id, &fixture->error), STATUS_OK);
    redis_server_command(&fixture->cluster.nodes[4], "CLUSTER FAILOVER");
    for (int i = 0; i < TRIES && !strstr(role, "master"); i++) {
        char text[1024];
        redis_server_ask(&fixture->cluster.nodes[4], text, sizeof(text), "INFO replication");
        (void)snprintf(role, sizeof(role), "%.40s", strstr(text, "role:"));
    }
    id = id_in(shard, 1);
    put_until_taken(fixture, &id);
    assert_int_equal(claim_all(fixture), 2);
}

static void a_part_that_is_away_stops_its_shards_alone(void **state)
{
    struct fixture *fixture = *state;
    struct id away = id_in(shard_of_master(fixture, 0), 1);
    struct id here = id_in(shard_of_master(fixture, 1), 1);
    struct id more = id_in(shard_of_master(fixture, 2), 1);

    assert_int_equal(put(fixture->tracker, fixture->arena, &away, &fixture->error), STATUS_OK);
    redis_server_kill(&fixture->cluster.nodes[3]);
    redis_server_kill(&fixture->cluster.nodes[0]);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(put(fixture->tracker, fixture->arena, &away, &fixture->error),
                         STATUS_RETRY);
        assert_int_equal(put(fixture->tracker, fixture->arena, &here, &fixture->error), STATUS_OK);
        assert_int_equal(put(fixture->tracker, fixture->arena, &more, &fixture->error), STATUS_OK);
        assert_int_equal(tracker_ping(fixture->tracker, &fixture->error), STATUS_OK);
    }
    find_and_update_both(fixture, &away, &here);
    assert_int_equal(claim_all(fixture), 2);
    redis_server_restart(&fixture->cluster.nodes[0]);
    redis_server_restart(&fixture->cluster.nodes[3]);
    put_until_taken(fixture, &away);
    assert_int_equal(claim_all(fixture), 1);
}

static void a_node_that_hangs_leaves_time_for_the_others(void **state)
{
    struct fixture *fixture = *state;
    struct id here = id_in(shard_of_master(fixture, 1), 1);
    struct tracker_counts counts;

    assert_int_equal(put(fixture->tracker, fixture->arena, &here, &fixture->error), STATUS_OK);
    assert_int_equal(kill(fixture->cluster.nodes[3].pid, SIGSTOP), 0);
    assert_int_equal(kill(fixture->cluster.nodes[0].pid, SIGSTOP), 0);
    /* Asks every node. */
    assert_int_equal(tracker_count(fixture->tracker, &counts, &fixture->error), STATUS_RETRY);
    assert_int_equal(claim_all(fixture), 1);
    assert_int_equal(put(fixture->tracker, fixture->arena, &here, &fixture->error), STATUS_OK);
    assert_int_equal(kill(fixture->cluster.nodes[0].pid, SIGCONT), 0);
    assert_int_equal(kill(fixture->cluster.nodes[3].pid, SIGCONT), 0);
    here = id_in(shard_of_master(fixture, 0), 1);
    put_until_taken(fixture, &here);
}

static void a_slot_moves_while_clients_run(void **state)
{
    struct fixture *fixture = *state;
    unsigned shard = shard_of_master(fixture, 0);
    int slot = slot_of(fixture, shard);
    struct id probe = id_in(shard, KEYS_MAX * CLIENTS);
    pthread_t threads[CLIENTS];
    struct client clients[CLIENTS];
    atomic_bool stop = false;
    unsigned acknowledged = 0;
    struct tracker_counts counts;

    assert_int_equal(put(fixture->tracker, fixture->arena, &probe, &fixture->error), STATUS_OK);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] =
            (struct client){.fixture = fixture, .shard = shard, .number = i, .stop = &stop};
        assert_int_equal(pthread_create(&threads[i], NULL, run_client, &clients[i]), 0);
    }
    for (int round = 0; round < 6; round++) {
        wait_for_progress(clients);
        move_slot(fixture, round % 3, (round + 1) % 3, slot, &probe);
    }
    wait_for_progress(clients);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        acknowledged += clients[i].acknowledged;
    }
    print_message(
        "%u acknowledged; MOVED %lld, ASK %lld, TRYAGAIN %lld, retries %u\n", acknowledged,
        refusals(fixture, "MOVED"), refusals(fixture, "ASK"), refusals(fixture, "TRYAGAIN"),
        clients[0].retries + clients[1].retries + clients[2].retries + clients[3].retries);
    assert_in_range(refusals(fixture, "MOVED"), 1, LONG_MAX);
    assert_in_range(refusals(fixture, "ASK"), 1, LONG_MAX);
    assert_int_equal(tracker_count(fixture->tracker, &counts, &fixture->error), STATUS_OK);
    assert_in_range(counts.records, acknowledged + 1, acknowledged + 1 + CLIENTS);
    /* Each has its due entry, once. */
    assert_int_equal(claim_all(fixture), counts.records);
}

static void any_node_of_the_url_will_do(void **state)
{
    struct fixture *fixture = *state;
    struct tracker *another = NULL;
    char url[128];

    /* No more than docs/operations.md gives it, on every node. */
    for (int i = 0; i < REDIS_CLUSTER_NODES; i++) {
        redis_server_command(&fixture->cluster.nodes[i], "ACL SETUSER ringback on >pw ~rb:* +@all "
                                                         "-@dangerous +info +config|get "
                                                         "+cluster|slots");
    }
    (void)snprintf(url, sizeof(url), "redis-cluster://ringback:pw@127.0.0.1:1,127.0.0.1:%d",
                   fixture->cluster.nodes[5].port);
    fixture->options.url = url;
    another = open_handle(fixture);
    for (unsigned shard = 0; shard < TRACKER_SHARDS; shard++) {
        struct id id = id_in(shard, 0);
        assert_int_equal(put(another, fixture->arena, &id, &fixture->error), STATUS_OK);
    }
    assert_int_equal(claim_all(fixture), TRACKER_SHARDS);
    tracker_close(another);
}

/* Failure */

static void a_node_of_a_cluster_is_no_plain_redis(void **state)
{
    struct fixture *fixture = *state;
    struct tracker *another = NULL;
    char url[128];

    for (int i = 0; i < REDIS_CLUSTER_MASTERS; i++) {
        (void)snprintf(url, sizeof(url), "redis://127.0.0.1:%d", fixture->cluster.nodes[i].port);
        fixture->options.url = url;
        assert_int_equal(tracker_open(&fixture->options, &another, &fixture->error),
                         STATUS_REJECTED);
        assert_non_null(strstr(fixture->error.text, "redis-cluster://"));
    }
}

static void a_plain_redis_is_no_cluster(void **state)
{
    struct fixture *fixture = *state;
    struct redis_server plain;
    struct tracker *another = NULL;
    char url[128];

    redis_server_start(&plain);
    (void)snprintf(url, sizeof(url), "redis-cluster://127.0.0.1:%d", plain.port);
    fixture->options.url = url;
    assert_int_equal(tracker_open(&fixture->options, &another, &fixture->error), STATUS_REJECTED);
    assert_non_null(strstr(fixture->error.text, "use redis://"));
    redis_server_stop(&plain);
}

#define CLUSTER_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_TEST(a_replica_that_takes_over_has_what_was_acknowledged),
        CLUSTER_TEST(a_planned_failover_is_followed),
        CLUSTER_TEST(a_part_that_is_away_stops_its_shards_alone),
        CLUSTER_TEST(a_node_that_hangs_leaves_time_for_the_others),
        CLUSTER_TEST(a_slot_moves_while_clients_run),
        CLUSTER_TEST(any_node_of_the_url_will_do),
        CLUSTER_TEST(a_node_of_a_cluster_is_no_plain_redis),
        CLUSTER_TEST(a_plain_redis_is_no_cluster),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
