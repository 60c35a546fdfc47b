#include "tests/support/dynalite.h"

#include "tests/support/remove_folder.h"
#include "tracker/tracker_dynamodb_table.h"

#include "infra/aws/dynamodb.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NODE     SOURCE_ROOT "/tests/node_modules/node/bin/node"
#define SCRIPT   SOURCE_ROOT "/tests/support/dynalite.mjs"
#define START_MS 30000

enum { ENDPOINT, KEY_ID, SECRET, REGION, NO_IMDS, NO_CONFIG };

static void give_up(const char *what, const char *detail)
{
    (void)fprintf(stderr, "dynalite: %s: %s\n", what, detail);
    abort();
}

static void set(struct dynalite *server, int which, const char *name, const char *value)
{
    (void)snprintf(server->settings[which], sizeof(server->settings[which]), "%s=%s", name, value);
    server->environment[which] = server->settings[which];
}

void dynalite_aim(struct dynalite *server, const char *endpoint)
{
    set(server, ENDPOINT, "AWS_ENDPOINT_URL", endpoint);
}

/* Starts node with pipes on both ends; its output's reading end. */
static int spawn_node(struct dynalite *server)
{
    char port[16];
    char *arguments[] = {
        (char[]){NODE}, (char[]){SCRIPT},   (char[]){"--until-eof"}, (char[]){"--port"},
        port,           (char[]){"--path"}, server->folder,          NULL};
    char *environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    int to[2];
    int from[2];

    (void)snprintf(port, sizeof(port), "%d", server->port);
    if (server->folder[0] == '\0') {
        arguments[5] = NULL;
    }
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0 ||
        posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO) != 0) {
        give_up("no pipes", "");
    }
    if (posix_spawn(&server->pid, NODE, &actions, NULL, arguments, environment) != 0) {
        give_up("cannot start " NODE, "(cd tests && npm ci) brings it");
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(to[0]);
    (void)close(from[1]);
    server->stdin_fd = to[1];
    return from[0];
}

void dynalite_restart(struct dynalite *server)
{
    char line[128] = "";
    size_t size = 0;
    const int output = spawn_node(server);

    while (size == 0 || line[size - 1] != '\n') {
        struct pollfd wait = {.fd = output, .events = POLLIN};
        ssize_t got = -1;
        if (poll(&wait, 1, START_MS) == 1) {
            got = read(output, line + size, sizeof(line) - 1 - size);
        }
        if (got <= 0) {
            give_up("does not answer", line);
        }
        size += (size_t)got;
    }
    (void)close(output);
    line[size - 1] = '\0';
    server->port = (int)strtol(strrchr(line, ':') + 1, NULL, 10);
    dynalite_aim(server, line);
}

void dynalite_start(struct dynalite *server, bool keeps, const struct clock *clock)
{
    *server = (struct dynalite){.keeps = keeps};
    set(server, KEY_ID, "AWS_ACCESS_KEY_ID", "AKIDLOCAL");
    set(server, SECRET, "AWS_SECRET_ACCESS_KEY", "local-secret");
    set(server, REGION, "AWS_REGION", "eu-west-1");
    set(server, NO_IMDS, "AWS_EC2_METADATA_DISABLED", "true");
    set(server, NO_CONFIG, "AWS_CONFIG_FILE", "/dev/null");
    if (keeps) {
        (void)strcpy(server->folder, "dynalite-XXXXXX");
        if (!mkdtemp(server->folder)) {
            give_up("no folder", "");
        }
    }
    server->credentials = credentials_provider_new(server->environment, clock_system());
    server->aws = (struct aws_client_options){
        .environment = server->environment,
        .credentials = server->credentials,
        .clock = clock ? clock : clock_system(),
        .random = random_system(),
    };
    dynalite_restart(server);
}

void dynalite_kill(struct dynalite *server)
{
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    (void)close(server->stdin_fd);
}

void dynalite_stop(struct dynalite *server)
{
    dynalite_kill(server);
    if (server->folder[0] != '\0') {
        remove_folder(server->folder);
    }
    credentials_provider_free(server->credentials);
}

static struct aws_client *open_client(struct dynalite *server)
{
    struct aws_client *client = NULL;
    struct error error = ERROR_NONE;

    if (aws_client_new(&server->aws, &client, &error) != STATUS_OK) {
        give_up("no client", error.text);
    }
    return client;
}

void dynalite_create_table(struct dynalite *server, const char *name)
{
    struct aws_client *client = open_client(server);
    struct error error = ERROR_NONE;
    bool created = false;

    if (tracker_dynamodb_table_create(client, clock_system(), name, &created, &error) !=
            STATUS_OK ||
        !created) {
        give_up("no table", error.text);
    }
    aws_client_free(client);
}

struct slice dynalite_call(struct dynalite *server, struct arena *arena, const char *operation,
                           const char *body)
{
    struct aws_client *client = open_client(server);
    struct aws_call call = {
        .service = AWS_DYNAMODB, .operation = operation, .body = slice_from_text(body)};
    struct slice reply;

    aws_send_all(client, &call, 1);
    if (call.status != STATUS_OK) {
        give_up(operation, call.error_message);
    }
    reply = arena_copy(arena, call.reply);
    aws_client_free(client);
    return reply;
}
