#include "tests/support/redis_cluster.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES 2000 /* of 10 ms */

static int first_slot(int master)
{
    return master * REDIS_CLUSTER_SLOTS / REDIS_CLUSTER_MASTERS;
}

static bool agrees(const struct redis_server *node, int needed)
{
    char text[4096];
    char wanted[64];

    redis_server_ask(node, text, sizeof(text), "CLUSTER INFO");
    (void)snprintf(wanted, sizeof(wanted), "cluster_known_nodes:%d\r\n", needed);
    return strstr(text, "cluster_state:ok") && strstr(text, "cluster_slots_ok:16384") &&
           strstr(text, wanted);
}

/* Every node knows of every replica. */
static bool is_replicated(const struct redis_server *node)
{
    char text[16384];
    int count = 0;

    redis_server_ask(node, text, sizeof(text), "CLUSTER NODES");
    for (const char *at = text; (at = strstr(at, "slave ")); at++) {
        count++;
    }
    return count == REDIS_CLUSTER_NODES - REDIS_CLUSTER_MASTERS;
}

static bool is_in_step(const struct redis_cluster *cluster, int replica)
{
    char text[4096];

    redis_server_ask(&cluster->nodes[replica], text, sizeof(text), "INFO replication");
    return strstr(text, "master_link_status:up") != NULL;
}

static bool is_ready(const struct redis_cluster *cluster)
{
    for (int i = 0; i < REDIS_CLUSTER_NODES; i++) {
        if (!is_replicated(&cluster->nodes[i]) ||
            !agrees(&cluster->nodes[i], REDIS_CLUSTER_NODES) ||
            (i >= REDIS_CLUSTER_MASTERS && !is_in_step(cluster, i))) {
            return false;
        }
    }
    return true;
}

static bool all_have_met(const struct redis_cluster *cluster)
{
    for (int i = 0; i < REDIS_CLUSTER_NODES; i++) {
        if (!agrees(&cluster->nodes[i], REDIS_CLUSTER_NODES)) {
            return false;
        }
    }
    return true;
}

static void wait_until(bool (*is_so)(const struct redis_cluster *),
                       const struct redis_cluster *cluster)
{
    const struct timespec pause = {.tv_nsec = 10000000};

    for (int i = 0; i < TRIES; i++) {
        if (is_so(cluster)) {
            return;
        }
        (void)nanosleep(&pause, NULL);
    }
    (void)fprintf(stderr, "redis cluster: does not come together\n");
    abort();
}

void redis_cluster_start(struct redis_cluster *cluster)
{
    char id[64];

    for (int i = 0; i < REDIS_CLUSTER_NODES; i++) {
        redis_server_start_node(&cluster->nodes[i]);
    }
    for (int i = 0; i < REDIS_CLUSTER_MASTERS; i++) {
        redis_server_command(&cluster->nodes[i], "CLUSTER SET-CONFIG-EPOCH %d", i + 1);
        redis_server_command(&cluster->nodes[i], "CLUSTER ADDSLOTSRANGE %d %d", first_slot(i),
                             first_slot(i + 1) - 1);
    }
    for (int i = 1; i < REDIS_CLUSTER_NODES; i++) {
        redis_server_command(&cluster->nodes[i], "CLUSTER MEET 127.0.0.1 %d %d",
                             cluster->nodes[0].port, cluster->nodes[0].cluster_port);
    }
    wait_until(all_have_met, cluster);
    for (int i = REDIS_CLUSTER_MASTERS; i < REDIS_CLUSTER_NODES; i++) {
        redis_server_ask(&cluster->nodes[i - REDIS_CLUSTER_MASTERS], id, sizeof(id),
                         "CLUSTER MYID");
        redis_server_command(&cluster->nodes[i], "CLUSTER REPLICATE %s", id);
    }
    wait_until(is_ready, cluster);
}

void redis_cluster_stop(struct redis_cluster *cluster)
{
    for (int i = 0; i < REDIS_CLUSTER_NODES; i++) {
        redis_server_stop(&cluster->nodes[i]);
    }
}

struct redis_server *redis_cluster_master(struct redis_cluster *cluster, int slot)
{
    int master = REDIS_CLUSTER_MASTERS - 1;

    while (slot < first_slot(master)) {
        master--;
    }
    return &cluster->nodes[master];
}

void redis_cluster_flush(struct redis_cluster *cluster)
{
    for (int i = 0; i < REDIS_CLUSTER_MASTERS; i++) {
        redis_server_command(&cluster->nodes[i], "FLUSHALL");
    }
}

const char *redis_cluster_url(const struct redis_cluster *cluster, int count)
{
    static char url[256];
    bool is_tls = redis_server_ca() != NULL;
    size_t size =
        (size_t)snprintf(url, sizeof(url), is_tls ? "rediss-cluster://" : "redis-cluster://");

    for (int i = 0; i < count; i++) {
        size += (size_t)snprintf(url + size, sizeof(url) - size, "%s127.0.0.1:%d", i > 0 ? "," : "",
                                 is_tls ? cluster->nodes[i].tls_port : cluster->nodes[i].port);
    }
    return url;
}
