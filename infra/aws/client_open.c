/* A client's beginning and end: what it takes from the environment. */
#include "infra/aws/ca_bundle.h"
#include "infra/aws/client_core.h"
#include "infra/aws/credentials_source.h"
#include "infra/aws/pace.h"
#include "infra/base/memory.h"

#include <stdlib.h>
#include <string.h>

#define ATTEMPTS_MAX    100
#define ARENA_MAX_BYTES (64u << 20)
#define TEXT_MAX_BYTES  8192

static enum status load_attempts(struct aws_client *client, const struct profile_files *files,
                                 char *const *environment, struct error *error)
{
    const char *text = environment_get(environment, "AWS_MAX_ATTEMPTS");
    const struct slice setting =
        text != NULL ? slice_from_text(text)
                     : profile_get(profile_find(files, "profile", profile_chosen(environment)),
                                   "max_attempts");
    int64_t attempts = 0;
    if (setting.data != NULL &&
        slice_to_int64(setting, 1, ATTEMPTS_MAX, &attempts, error) != STATUS_OK) {
        return error_wrap(error, "AWS_MAX_ATTEMPTS");
    }
    client->max_attempts = (int)attempts;
    return STATUS_OK;
}

static enum status load_region(struct aws_client *client, const struct profile_files *files,
                               char *const *environment, struct error *error)
{
    client->region = arena_copy(client->arena, endpoint_region(files));
    if (client->region.size > 0) {
        return STATUS_OK;
    }
    const struct credentials_source source = {.http = client->credentials_http,
                                              .environment = environment,
                                              .clock = client->clock,
                                              .files = files,
                                              .arena = client->arena};
    if (credentials_imds_region(&source, &client->region, NULL) != STATUS_OK) {
        return error_set(error, STATUS_REJECTED,
                         "AWS_REGION: no region is set, neither there nor in the profile");
    }
    return STATUS_OK;
}

static enum status configure(struct aws_client *client, char *const *environment,
                             struct error *error)
{
    const struct profile_files *files = profile_files_load(client->arena, environment);
    client->files = files;
    enum status status = load_region(client, files, environment, error);
    if (status == STATUS_OK) {
        status = load_attempts(client, files, environment, error);
    }
    for (int i = 0; status == STATUS_OK && i < AWS_SERVICE_COUNT; i++) {
        status = endpoint_resolve(client->arena, files, (enum aws_service)i, client->region,
                                  &client->services[i].endpoint, error);
    }
    return status;
}

/* Tells the rates where the services are that have any. */
static void place_pace(const struct aws_client *client)
{
    static const enum aws_service paced[] = {AWS_REDSHIFT_DATA, AWS_STEP_FUNCTIONS};
    for (size_t i = 0; client->pace != NULL && i < ARRAY_COUNT(paced); i++) {
        pace_place(client->pace, paced[i], client->region,
                   endpoint_is_aws(&client->services[paced[i]].endpoint));
    }
}

enum status aws_client_new(const struct aws_client_options *options, struct aws_client **client,
                           struct error *error)
{
    struct aws_client *created = memory_new(sizeof(*created));
    const struct http_options http_options = {.ca_bundle = ca_bundle_path(options->environment)};
    created->clock = options->clock;
    created->random = options->random;
    created->providers[CREDENTIALS_OF_ALL] = options->credentials;
    created->providers[CREDENTIALS_STATEMENT] = options->statement_credentials != NULL
                                                    ? options->statement_credentials
                                                    : options->credentials;
    created->arena = arena_new(ARENA_MAX_BYTES);
    created->scratch = arena_new(ARENA_MAX_BYTES);
    created->http = http_new(&http_options);
    created->credentials_http = http_new(&http_options);
    signer_init(&created->signer);
    buffer_init(&created->text, TEXT_MAX_BYTES);
    retry_bucket_init(&created->bucket);
    const enum status status = configure(created, options->environment, error);
    if (status != STATUS_OK) {
        aws_client_free(created);
        return status;
    }
    created->pace = options->pace;
    place_pace(created);
    *client = created;
    return STATUS_OK;
}

void aws_client_free(struct aws_client *client)
{
    if (client == NULL) {
        return;
    }
    http_free(client->http);
    http_free(client->credentials_http);
    signer_clear(&client->signer);
    buffer_clear(&client->text);
    call_list_clear(&client->waiting);
    call_list_clear(&client->ready);
    arena_free(client->arena);
    arena_free(client->scratch);
    explicit_bzero(client, sizeof(*client));
    free(client);
}
