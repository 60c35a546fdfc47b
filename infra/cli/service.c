#include "infra/cli/service.h"

#include "completer/completer.h"

#include "infra/aws/ca_bundle.h"
#include "infra/aws/profile.h"
#include "infra/aws/secrets_manager.h"
#include "infra/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_ARENA_BYTES   (8u << 20)
#define BATCH_ARENA_BYTES    (256u << 20)
#define TOKEN_FILE_MAX_BYTES 4096
#define SECRET_ARENA_BYTES   (1u << 20)

/* ---- Service -------------------------------------------------------------------------------- */

static void set_policy(struct service *service)
{
    const struct config *config = &service->config;
    service->policy = (struct lifecycle_policy){
        .lease_ms = TRACKER_LEASE_MS,
        .overdue_ms = config->overdue_seconds * 1000,
        .cancel_grace_ms = config->cancel_grace_seconds * 1000,
        .gather_ms = config->gather_seconds * 1000,
        .retain_ms = config->retain_days * 86400000,
        .dedupe_ms = config->dedupe_days * 86400000,
    };
}

/* hostname:pid:random, so that a person sees who holds a lease. */
static void set_owner(struct service *service)
{
    char host[32] = "";
    if (gethostname(host, sizeof(host) - 1) != 0) {
        host[0] = '\0';
    }
    (void)snprintf(service->owner, sizeof(service->owner), "%s:%ld:%04llx", host, (long)getpid(),
                   (unsigned long long)random_below(random_system(), 0x10000));
}

MUST_CHECK static enum status ask_for_keys(struct service *service, struct aws_client *client,
                                           struct error *error)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(SECRET_ARENA_BYTES);
    struct aws_call call = {0};
    struct slice text = SLICE_NONE;
    secrets_manager_build_get(arena, slice_from_text(service->config.key_secret_arn), &call);
    aws_send_all(client, &call, 1);
    enum status status = call.status == STATUS_OK
                             ? secrets_manager_read_get(arena, &call, &text, error)
                             : aws_call_error(&call, error);
    return status == STATUS_OK ? seal_keys_read(text, &service->keys, error) : status;
}

/* By a client of its own, so that no worker's replies hold the keys. */
MUST_CHECK static enum status fetch_keys(struct service *service, struct error *error)
{
    struct aws_client *client = NULL;
    enum status status = aws_client_new(&service->aws, &client, error);
    if (status == STATUS_OK) {
        status = ask_for_keys(service, client, error);
        aws_client_free(client);
    }
    return status == STATUS_OK ? status : error_wrap(error, "RINGBACK_KEY_SECRET_ARN");
}

MUST_CHECK static enum status load_keys(struct service *service, struct error *error)
{
    const struct config *config = &service->config;
    enum status status = STATUS_OK;
    if (config->key_file != NULL && config->key_secret_arn != NULL) {
        return error_set(error, STATUS_REJECTED,
                         "RINGBACK_KEY_SECRET_ARN: not beside RINGBACK_KEY_FILE");
    }
    if (config->key_secret_arn != NULL) {
        status = fetch_keys(service, error);
    } else if (config->key_file != NULL) {
        status = seal_keys_load(config->key_file, &service->keys, error);
        status = status == STATUS_OK ? status : error_wrap(error, "RINGBACK_KEY_FILE");
    } else {
        service->keys = seal_keys_none();
        log_warning("records are stored in the clear", LOG_CSTR("setting", "RINGBACK_KEY_FILE"));
    }
    service->seal = (struct record_seal){service->keys, random_system()};
    return status;
}

MUST_CHECK static enum status load_token(struct service *service, struct error *error)
{
    const char *path = service->config.http_token_file;
    char text[TOKEN_FILE_MAX_BYTES];
    if (path == NULL) {
        return STATUS_OK;
    }
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return error_set(error, STATUS_REJECTED, "RINGBACK_HTTP_TOKEN_FILE: cannot open %s", path);
    }
    size_t size = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    struct slice token = slice_trim((struct slice){text, size});
    if (token.size < 16 || size == sizeof(text)) {
        return error_set(error, STATUS_REJECTED,
                         "RINGBACK_HTTP_TOKEN_FILE: must hold 16 to %d characters",
                         TOKEN_FILE_MAX_BYTES - 1);
    }
    service->bearer_token = arena_text(service->arena, token);
    explicit_bzero(text, sizeof(text));
    return STATUS_OK;
}

static void set_aws(struct service *service)
{
    service->credentials = credentials_provider_new(environ, clock_system());
    if (service->config.statement_role_arn != NULL) {
        service->statement_credentials = credentials_provider_assume_role(
            service->credentials, environ, clock_system(), service->config.statement_role_arn);
    }
    service->pace = pace_new(strcmp(service->config.quotas, "always") == 0);
    service->admission = admission_new(service->pace);
    service->aws = (struct aws_client_options){
        .environment = environ,
        .credentials = service->credentials,
        .statement_credentials = service->statement_credentials,
        .clock = clock_system(),
        .random = random_system(),
        .pace = service->pace,
    };
    service->tracker = (struct tracker_options){
        .url = service->config.tracker_url,
        .ca_bundle = ca_bundle_path(environ),
        .redis_wait = service->config.redis_wait,
        .aws = &service->aws,
    };
}

static void set_log(const struct service *service)
{
    enum log_level level = LOG_INFO;
    (void)log_level_parse(slice_from_text(service->config.log_level), &level);
    log_init(level, STDERR_FILENO);
}

/* Configuration and log. */
MUST_CHECK static enum status configure(int *count, char **arguments, struct service *service,
                                        struct error *error)
{
    *service = (struct service){.arena = arena_new(CONFIG_ARENA_BYTES)};
    enum status status =
        config_load(service->arena, environ, count, arguments, &service->config, error);
    if (status == STATUS_OK) {
        set_log(service);
    }
    return status;
}

MUST_CHECK static enum status equip(struct service *service, struct error *error)
{
    set_policy(service);
    set_owner(service);
    set_aws(service);
    enum status status = load_keys(service, error);
    if (status == STATUS_OK) {
        status = load_token(service, error);
    }
    if (status == STATUS_OK) {
        status = plan_settings_init(service->arena, &service->config, &service->settings, error);
    }
    return status;
}

enum status service_open(int *count, char **arguments, struct service *service, struct error *error)
{
    enum status status = configure(count, arguments, service, error);
    return status == STATUS_OK ? equip(service, error) : status;
}

enum status service_open_verb(int *count, char **arguments, bool directly, struct service *service,
                              struct error *error)
{
    enum status status = configure(count, arguments, service, error);
    if (status != STATUS_OK) {
        return status;
    }
    enum log_level level = LOG_INFO;
    (void)log_level_parse(slice_from_text(service->config.log_level), &level);
    log_init(level == LOG_DEBUG ? LOG_DEBUG : LOG_ERROR, STDERR_FILENO);
    return service->config.url != NULL && !directly ? load_token(service, error)
                                                    : equip(service, error);
}

void service_close(struct service *service)
{
    credentials_provider_free(service->statement_credentials);
    credentials_provider_free(service->credentials);
    admission_free(service->admission);
    pace_free(service->pace);
    seal_keys_free(service->keys);
    arena_free(service->arena);
    *service = (struct service){0};
}

/* ---- Worker --------------------------------------------------------------------------------- */

void worker_init(struct worker *worker, const struct service *service)
{
    *worker = (struct worker){.service = service, .arena = arena_new(BATCH_ARENA_BYTES)};
    worker->dispatch = calloc(1, sizeof(*worker->dispatch));
    if (worker->dispatch == NULL) {
        abort();
    }
    *worker->dispatch = (struct dispatch){
        .arena = worker->arena,
        .policy = &service->policy,
        .seal = &service->seal,
        .clock = clock_system(),
        .random = random_system(),
        .owner = service->owner,
        .admission = service->admission,
    };
    completer_equip(worker->dispatch);
}

void worker_clear(struct worker *worker)
{
    tracker_close(worker->tracker);
    aws_client_free(worker->aws);
    arena_free(worker->arena);
    free(worker->dispatch);
    *worker = (struct worker){0};
}

enum status worker_ready(struct worker *worker, struct error *error)
{
    enum status status = STATUS_OK;
    if (worker->aws == NULL) {
        status = aws_client_new(&worker->service->aws, &worker->aws, error);
        worker->dispatch->aws = worker->aws;
    }
    if (status == STATUS_OK && worker->tracker == NULL) {
        status = tracker_open(&worker->service->tracker, &worker->tracker, error);
        if (status != STATUS_OK) {
            (void)error_wrap(error, "RINGBACK_TRACKER_URL");
        }
        worker->dispatch->tracker = worker->tracker;
    }
    return status;
}
