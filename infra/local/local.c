#include "infra/local/local.h"

#include "infra/local/event_sender.h"
#include "infra/local/local_dispatch.h"
#include "infra/local/temporary_folder.h"

#include <stdlib.h>
#include <string.h>

#define BODY_MAX_BYTES   ((32u << 20) + (2u << 20)) /* the largest object, and its encoding */
#define CREDENTIAL_BYTES 256

struct local {
    struct local_options options;
    struct local_services services;
    char access_key_id[CREDENTIAL_BYTES];
    char secret_access_key[CREDENTIAL_BYTES];
    struct slice event_queue;    /* the own queue that completion events go to */
    struct slice request_queue;  /* absent: there is none */
    char *temporary_folder;      /* NULL: none was made */
    struct event_sender *sender; /* NULL: events go to the own queue */
    struct http_server *server;
    atomic_bool serving; /* all of the above is there */
};

/* --- completion events ------------------------------------------------------------------------ */

static void emit(void *context, struct slice event)
{
    struct local *local = context;
    int64_t delays_ms[2];
    const unsigned copies = local_faults_draw_event(local->services.faults, delays_ms);
    for (unsigned i = 0; i < copies; i++) {
        if (local->sender) {
            event_sender_put(local->sender, event, delays_ms[i]);
        } else {
            local_sqs_put(local->services.sqs, local->event_queue, event, delays_ms[i]);
        }
    }
}

static size_t active_max(void *context)
{
    struct local *local = context;
    return local_faults_active_max(local->services.faults);
}

static enum status store(void *context, const char *bucket, const char *key, bool overwrite,
                         struct slice object)
{
    const struct local *local = context;
    return local_s3_put(local->services.s3, bucket, key, overwrite, object);
}

/* --- start and stop --------------------------------------------------------------------------- */

static bool find_minted(void *context, struct slice access_key_id, struct slice *secret,
                        struct slice *session_token)
{
    return local_outbox_find_secret(context, access_key_id, secret, session_token);
}

static enum status split_credentials(struct local *local, struct error *error)
{
    const struct slice whole = slice_from_text(local->options.credentials);
    const size_t colon = slice_find_byte(whole, ':');
    const struct slice id = slice_part(whole, 0, colon);
    const struct slice secret = slice_part(whole, colon + 1, whole.size);
    if (id.size == 0 || id.size >= CREDENTIAL_BYTES || secret.size == 0 ||
        secret.size >= CREDENTIAL_BYTES) {
        return error_set(error, STATUS_REJECTED, "credentials: must be <id>:<secret>");
    }
    memcpy(local->access_key_id, id.data, id.size);
    memcpy(local->secret_access_key, secret.data, secret.size);
    local->services.signature = (struct local_signature){
        .access_key_id = local->access_key_id,
        .secret_access_key = local->secret_access_key,
        .find = find_minted,
        .context = local->services.outbox,
    };
    return STATUS_OK;
}

static bool queue_name_valid(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                    name.data[i])) {
            return false;
        }
    }
    return name.size > 0 && name.size <= 75; /* "-dead" must fit into 80 */
}

static enum status make_queues(struct local *local, struct error *error)
{
    struct slice rest = slice_from_text(local->options.queues);
    while (rest.size > 0) {
        const size_t comma = slice_find_byte(rest, ',');
        const struct slice name = slice_trim(slice_part(rest, 0, comma));
        if (!queue_name_valid(name)) {
            return error_set(error, STATUS_REJECTED,
                             "queues: a name has 1 to 75 of A-Z a-z 0-9 - _, separated by commas");
        }
        local_sqs_create(local->services.sqs, name);
        if (!local->event_queue.data || slice_equals_text(name, LOCAL_EVENT_QUEUE)) {
            local->event_queue = name;
        } else if (!local->request_queue.data || slice_equals_text(name, LOCAL_REQUEST_QUEUE)) {
            local->request_queue = name;
        }
        rest = slice_part(rest, comma + 1, rest.size);
    }
    if (!local->event_queue.data) {
        return error_set(error, STATUS_REJECTED, "queues: must name at least one");
    }
    return STATUS_OK;
}

static enum status open_folder(struct local *local, struct error *error)
{
    const char *folder = local->options.s3_folder;
    if (!folder) {
        local->temporary_folder = temporary_folder_make(local->options.environment);
        folder = local->temporary_folder;
    }
    if (!folder) {
        return error_set(error, STATUS_INTERNAL, "s3: no temporary folder can be made");
    }
    return local_s3_new(folder, &local->services.s3, error);
}

static enum status start_sender(struct local *local, struct error *error)
{
    const struct event_sender_options options = {
        .queue_url = local->options.event_queue_url,
        .environment = local->options.environment,
        .access_key_id = local->access_key_id,
        .secret_access_key = local->secret_access_key,
        .clock = local->options.clock,
        .random = local->options.random,
    };
    if (!options.queue_url) {
        return STATUS_OK;
    }
    const struct slice url = slice_from_text(options.queue_url);
    if (!slice_starts_with(url, SLICE("http://")) && !slice_starts_with(url, SLICE("https://"))) {
        return error_set(error, STATUS_REJECTED, "event-queue-url: must be an http or https URL");
    }
    return event_sender_start(&options, &local->sender, error);
}

static enum status set_faults(struct local *local, struct error *error)
{
    const struct slice text = slice_from_text(local->options.faults);
    if (local_faults_set(local->services.faults, text, error) != STATUS_OK) {
        return error_wrap(error, "faults");
    }
    return STATUS_OK;
}

static enum status start_parts(struct local *local, struct error *error)
{
    const struct local_data_options data = {.engine = local->options.engine,
                                            .clock = local->options.clock,
                                            .random = local->options.random,
                                            .emit = emit,
                                            .active_max = active_max,
                                            .store = store,
                                            .context = local};
    enum status status = split_credentials(local, error);
    if (status == STATUS_OK) {
        status = set_faults(local, error);
    }
    if (status == STATUS_OK) {
        status = make_queues(local, error);
    }
    if (status == STATUS_OK) {
        status = open_folder(local, error);
    }
    if (status == STATUS_OK) {
        status = start_sender(local, error);
    }
    if (status == STATUS_OK) {
        status = local_data_new(&data, &local->services.data, error);
    }
    return status;
}

static struct local *local_new(const struct local_options *options)
{
    struct local *local = calloc(1, sizeof(*local));
    if (!local) {
        abort();
    }
    local->options = *options;
    local->services.sqs = local_sqs_new(options->clock, options->random);
    local->services.tasks = local_tasks_new(options->clock, options->random);
    local->services.outbox = local_outbox_new(options->clock, options->random);
    local->services.faults = local_faults_new();
    local->services.calls = local_calls_new();
    local->services.clock = options->clock;
    local->services.random = options->random;
    return local;
}

static void local_free(struct local *local)
{
    struct local_services *services = &local->services;
    local_data_free(services->data); /* before what its events go to */
    event_sender_stop(local->sender);
    local_s3_free(services->s3);
    if (local->temporary_folder) {
        temporary_folder_remove(local->temporary_folder);
    }
    local_calls_free(services->calls);
    local_faults_free(services->faults);
    local_outbox_free(services->outbox);
    local_tasks_free(services->tasks);
    local_sqs_free(services->sqs);
    free(local);
}

static void handle(void *context, const struct http_server_request *request,
                   struct http_server_response *response)
{
    struct local *local = context;
    if (atomic_load(&local->serving)) {
        local_dispatch(&local->services, request, response);
    } else {
        response->drop_connection = true; /* nothing was done; the client comes again */
    }
}

enum status local_start(const struct local_options *options, struct local **local,
                        struct error *error)
{
    struct local *made = local_new(options);
    const struct http_server_options server = {.listen = options->listen,
                                               .name = "local",
                                               .body_max_bytes = BODY_MAX_BYTES,
                                               .max_connections = 1024,
                                               .handle = handle,
                                               .context = made};
    enum status status = start_parts(made, error);
    if (status == STATUS_OK) {
        status = http_server_start(&server, &made->server, error);
    }
    if (status != STATUS_OK) {
        local_free(made);
        return status;
    }
    made->services.address = http_server_address(made->server);
    atomic_store(&made->serving, true);
    *local = made;
    return STATUS_OK;
}

void local_stop(struct local *local)
{
    if (!local) {
        return;
    }
    atomic_store(&local->services.stopping, true);
    local_sqs_stop(local->services.sqs);
    local_data_stop(local->services.data);
    http_server_stop(local->server);
    local_free(local);
}

const char *local_address(const struct local *local)
{
    return local->services.address;
}

/* --- what the shell is told ------------------------------------------------------------------- */

/* Quoted as a POSIX shell wants it. */
static void append_export(struct buffer *out, const char *name, const char *value)
{
    buffer_append_format(out, "export %s=", name);
    if (value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                            "-_./:,@%+=")] == '\0') {
        buffer_append_format(out, "%s\n", value);
        return;
    }
    buffer_append_byte(out, '\'');
    for (const char *c = value; *c; c++) {
        if (*c == '\'') {
            buffer_append_text(out, "'\\''");
        } else {
            buffer_append_byte(out, *c);
        }
    }
    buffer_append_text(out, "'\n");
}

void local_print_exports(const struct local *local, struct buffer *out)
{
    const char *address = local->services.address;
    buffer_append_format(out, "export AWS_ENDPOINT_URL=http://%s\n", address);
    append_export(out, "AWS_ACCESS_KEY_ID", local->access_key_id);
    append_export(out, "AWS_SECRET_ACCESS_KEY", local->secret_access_key);
    append_export(out, "AWS_REGION", "us-east-1");
    if (local->options.event_queue_url) {
        append_export(out, "RINGBACK_EVENT_QUEUE_URL", local->options.event_queue_url);
    } else {
        buffer_append_format(out,
                             "export RINGBACK_EVENT_QUEUE_URL=http://%s/" LOCAL_ACCOUNT "/%.*s\n",
                             address, SLICE_PRINT(local->event_queue));
    }
    if (local->request_queue.data) {
        buffer_append_format(out,
                             "export RINGBACK_REQUEST_QUEUE_URL=http://%s/" LOCAL_ACCOUNT "/%.*s\n",
                             address, SLICE_PRINT(local->request_queue));
    }
    append_export(out, "CLUSTER_IDENTIFIER", "local");
    append_export(out, "DATABASE", "dev");
    append_export(out, "DB_USER", "awsuser");
}
