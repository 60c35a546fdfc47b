/*
 * A PostgreSQL of the test's own: a fresh cluster in a temporary folder, reached by a Unix socket
 * in that folder only. As root it runs as the user postgres, since the server refuses root.
 */
#ifndef RINGBACK_TESTS_SUPPORT_POSTGRES_H
#define RINGBACK_TESTS_SUPPORT_POSTGRES_H

#include <stdbool.h>

struct postgres {
    char folder[64]; /* of the cluster and its socket */
    char bin[256];   /* where the programs are */
    char url[256];   /* postgresql://... */
};

/* False: no PostgreSQL is installed. Fails the test when it is and does not start. */
bool postgres_start(struct postgres *postgres);
/* Stops it at once and removes its folder. */
void postgres_stop(struct postgres *postgres);

#endif
