#include "tests/support/redis.h"

#include <arpa/inet.h>
#include <dirent.h>
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

static void run_server(const struct redis_server *server)
{
    char port[16];

    (void)snprintf(port, sizeof(port), "%d", server->port);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)execlp("redis-server", "redis-server", "--bind", "127.0.0.1", "--port", port, "--dir",
                 server->folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
                 "--logfile", "log", "--enable-debug-command", "yes", (char *)NULL);
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

void redis_server_start(struct redis_server *server)
{
    (void)strcpy(server->folder, "redis-XXXXXX");
    if (!mkdtemp(server->folder)) {
        give_up("no folder");
    }
    server->port = free_port();
    redis_server_restart(server);
}

void redis_server_kill(struct redis_server *server)
{
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
}

static void remove_folder(const char *path)
{
    DIR *entries = opendir(path);
    const struct dirent *entry = NULL;
    char inner[512];

    while (entries && (entry = readdir(entries))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0) {
            remove_folder(inner);
        }
    }
    if (entries) {
        (void)closedir(entries);
    }
    (void)rmdir(path);
}

void redis_server_stop(struct redis_server *server)
{
    redis_server_kill(server);
    remove_folder(server->folder);
}

void redis_server_command(const struct redis_server *server, const char *format, ...)
{
    redisContext *context = redisConnect("127.0.0.1", server->port);
    redisReply *reply = NULL;
    va_list arguments;

    va_start(arguments, format);
    reply = context && !context->err ? redisvCommand(context, format, arguments) : NULL;
    va_end(arguments);
    if (!reply || reply->type == REDIS_REPLY_ERROR) {
        give_up(reply ? reply->str : "connection lost");
    } else {
        freeReplyObject(reply);
    }
    redisFree(context);
}
