/*
 * A redis-server of the test's own: 127.0.0.1, a free port, a folder for its append-only file.
 * REDIS_SERVER names another program, such as valkey-server; REDIS_TLS_FOLDER has ca.crt,
 * server.crt and server.key, for a second port with TLS.
 */
#ifndef RINGBACK_TESTS_SUPPORT_REDIS_H
#define RINGBACK_TESTS_SUPPORT_REDIS_H

#include "infra/base/compiler.h"

#include <stddef.h>
#include <sys/types.h>

struct redis_server {
    pid_t pid;
    int port;
    int tls_port;     /* 0: none */
    int cluster_port; /* 0: no node of a cluster */
    char folder[64];
};

/* Starts it and returns once it answers; aborts the program when it does not. It dies with the
 * thread that started it. */
void redis_server_start(struct redis_server *server);
/* The same as a node of a cluster that is still to be made (tests/support/redis_cluster.h). */
void redis_server_start_node(struct redis_server *server);
/* Its certificates' CA; NULL: none. */
const char *redis_server_ca(void);
/* SIGKILL, and waits until it is gone. */
void redis_server_kill(struct redis_server *server);
/* The same port and folder again, after a kill. */
void redis_server_restart(struct redis_server *server);
/* Kills it and removes its folder. */
void redis_server_stop(struct redis_server *server);
/* Sends one command, printf style as hiredis takes it; aborts when it is answered by an error. */
void redis_server_command(const struct redis_server *server, const char *format, ...)
    PRINTF_LIKE(2, 3);
/* The reply as text: a string, or a number. Cut to what text has room for. */
void redis_server_ask(const struct redis_server *server, char *text, size_t room,
                      const char *format, ...) PRINTF_LIKE(4, 5);
/* The number behind "name:" or "name=" in what INFO tells; 0 when there is none. */
long long redis_server_info(const struct redis_server *server, const char *name);

#endif
