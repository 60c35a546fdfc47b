/* The suite on a Redis Cluster of three masters and three replicas, emptied before each test. */
#include "tests/contract/tracker_contract.h"
#include "tests/support/redis_cluster.h"

/* CRC-16 of the hash tag {00}, by CLUSTER KEYSLOT. */
#define SCHEMA_SLOT 13254

static struct redis_cluster cluster;

static void start(void)
{
    redis_cluster_start(&cluster);
}

static void stop(void)
{
    redis_cluster_stop(&cluster);
}

static const char *fresh_url(void)
{
    redis_cluster_flush(&cluster);
    return redis_cluster_url(&cluster, 2);
}

static void raise_schema(void)
{
    redis_server_command(redis_cluster_master(&cluster, SCHEMA_SLOT), "SET rb:{00}:schema 99");
}

const struct contract_backend contract_backend = {
    .start = start,
    .stop = stop,
    .fresh_url = fresh_url,
    .ca_bundle = redis_server_ca,
    .raise_schema = raise_schema,
};
