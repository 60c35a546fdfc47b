#include "tests/support/redis.h"

#include "tests/support/remove_folder.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_TRIES 2000 /* of 5 ms */

static void give_up(const char *what)
{
    (void)fprintf(stderr, "redis-server: %s\n", what);
    abort();
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        give_up("no free port");
    }
    (void)close(listener);
    return ntohs(address.sin_port);
}

static bool answers(const struct redis_server *server)
{
    redisContext *context = redisConnect("127.0.0.1", server->port);
    redisReply *reply = context && !context->err ? redisCommand(context, "PING") : NULL;
    bool is_up = reply && reply->type == REDIS_REPLY_STATUS;

    if (reply) {
        freeReplyObject(reply);
    }
    redisFree(context);
    return is_up;
}

/* Debian's Valkey has another name. */
static const char *program(void)
{
    const char *chosen = getenv("REDIS_SERVER");

    return chosen ? chosen : "redis-server";
}

const char *redis_server_ca(void)
{
    static char path[512];
    const char *folder = getenv("REDIS_TLS_FOLDER");
    bool is_set = folder && folder[0] != '\0';

    (void)snprintf(path, sizeof(path), "%s/ca.crt", folder ? folder : "");
    return is_set ? path : NULL;
}

/* The arguments of a second port; the texts live as long as the process that is about to begin. */
static void add_tls(const struct redis_server *server, const char **arguments)
{
    static char texts[3][512];
    const char *folder = getenv("REDIS_TLS_FOLDER");
    const char *added[] = {"--tls-port",     texts[0], "--tls-cert-file",    texts[1],
                           "--tls-key-file", texts[2], "--tls-auth-clients", "no"};

    if (!folder || server->tls_port == 0) {
        return;
    }
    (void)snprintf(texts[0], sizeof(texts[0]), "%d", server->tls_port);
    (void)snprintf(texts[1], sizeof(texts[1]), "%s/server.crt", folder);
    (void)snprintf(texts[2], sizeof(texts[2]), "%s/server.key", folder);
    memcpy(arguments, added, sizeof(added));
}

static void run_server(const struct redis_server *server)
{
    char port[16];
    char cluster_port[16];
    const char *arguments[64] = {program(),
                                 "--bind",
                                 "127.0.0.1 127.0.0.2",
                                 "--port",
                                 port,
                                 "--dir",
                                 server->folder,
                                 "--save",
                                 "",
                                 "--appendonly",
                                 "yes",
                                 "--appendfsync",
                                 "always",
                                 "--logfile",
                                 "log",
                                 "--enable-debug-command",
                                 "yes",
                                 "--repl-diskless-sync-delay",
                                 "0"};
    static const char *const of_cluster[] = {"--cluster-enabled",
                                             "yes",
                                             "--cluster-node-timeout",
                                             "1000",
                                             "--cluster-require-full-coverage",
                                             "no",
                                             "--cluster-replica-validity-factor",
                                             "0",
                                             "--cluster-allow-replica-migration",
                                             "no",
                                             "--cluster-port"};
    char *copies[ARRAY_COUNT(arguments)];
    size_t count = 0;

    (void)snprintf(port, sizeof(port), "%d", server->port);
    (void)snprintf(cluster_port, sizeof(cluster_port), "%d", server->cluster_port);
    while (arguments[count]) {
        count++;
    }
    for (size_t i = 0; server->cluster_port != 0 && i < ARRAY_COUNT(of_cluster); i++) {
        arguments[count++] = of_cluster[i];
    }
    if (server->cluster_port != 0) {
        arguments[count++] = cluster_port;
    }
    add_tls(server, &arguments[count]);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    memcpy(copies, arguments, sizeof(copies));
    (void)execvp(copies[0], copies);
    _exit(127);
}

void redis_server_restart(struct redis_server *server)
{
    const struct timespec pause = {.tv_nsec = 5000000};

    server->pid = fork();
    if (server->pid == 0) {
        run_server(server);
    }
    for (int i = 0; i < START_TRIES; i++) {
        if (answers(server)) {
            return;
        }
        if (waitpid(server->pid, NULL, WNOHANG) != 0) {
            give_up("ended while it started");
        }
        (void)nanosleep(&pause, NULL);
    }
    give_up("does not answer");
}

static void start(struct redis_server *server)
{
    (void)strcpy(server->folder, "redis-XXXXXX");
    if (!mkdtemp(server->folder)) {
        give_up("no folder");
    }
    server->port = free_port();
    server->tls_port = redis_server_ca() ? free_port() : 0;
    redis_server_restart(server);
}

void redis_server_start(struct redis_server *server)
{
    server->cluster_port = 0;
    start(server);
}

void redis_server_start_node(struct redis_server *server)
{
    server->cluster_port = free_port();
    start(server);
}

void redis_server_kill(struct redis_server *server)
{
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
}

void redis_server_stop(struct redis_server *server)
{
    redis_server_kill(server);
    remove_folder(server->folder);
}

static redisReply *ask(const struct redis_server *server, const char *format, va_list arguments)
{
    redisContext *context = redisConnect("127.0.0.1", server->port);
    redisReply *reply = context && !context->err ? redisvCommand(context, format, arguments) : NULL;

    if (!reply || reply->type == REDIS_REPLY_ERROR) {
        give_up(reply ? reply->str : "connection lost");
    }
    redisFree(context);
    return reply;
}

void redis_server_command(const struct redis_server *server, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    freeReplyObject(ask(server, format, arguments));
    va_end(arguments);
}

void redis_server_ask(const struct redis_server *server, char *text, size_t room,
                      const char *format, ...)
{
    redisReply *reply = NULL;
    va_list arguments;

    va_start(arguments, format);
    reply = ask(server, format, arguments);
    va_end(arguments);
    if (reply->type == REDIS_REPLY_INTEGER) {
        (void)snprintf(text, room, "%lld", reply->integer);
    } else {
        (void)snprintf(text, room, "%s", reply->str ? reply->str : "");
    }
    freeReplyObject(reply);
}

long long redis_server_info(const struct redis_server *server, const char *name)
{
    char *text = malloc(65536);
    const char *at = NULL;
    long long number = 0;

    if (!text) {
        give_up("no memory");
    }
    redis_server_ask(server, text, 65536, "INFO all");
    at = strstr(text, name);
    if (at) {
        at += strlen(name) + 1;
        at += strncmp(at, "count=", 6) == 0 ? 6 : 0;
        number = strtoll(at, NULL, 10);
    }
    free(text);
    return number;
}
