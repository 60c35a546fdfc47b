/* A Redis Cluster of the test's own: three masters with a third of the slots each, and a replica of
 * each. A part that is not covered does not stop the rest. */
#ifndef RINGBACK_TESTS_SUPPORT_REDIS_CLUSTER_H
#define RINGBACK_TESTS_SUPPORT_REDIS_CLUSTER_H

#include "tests/support/redis.h"

#define REDIS_CLUSTER_MASTERS 3
#define REDIS_CLUSTER_NODES   6 /* replica of node n is node n + 3 */
#define REDIS_CLUSTER_SLOTS   16384

struct redis_cluster {
    struct redis_server nodes[REDIS_CLUSTER_NODES];
};

/* Returns once all nodes agree and the replicas are in step. */
void redis_cluster_start(struct redis_cluster *cluster);
void redis_cluster_stop(struct redis_cluster *cluster);
/* The node that serves the slot, as it is at the start. */
struct redis_server *redis_cluster_master(struct redis_cluster *cluster, int slot);
/* Empties all masters. */
void redis_cluster_flush(struct redis_cluster *cluster);
/* Names so many nodes, beginning with the first: redis-cluster://... Valid until the next call. */
const char *redis_cluster_url(const struct redis_cluster *cluster, int count);

#endif
