#include "infra/aws/credentials.h"

#include "infra/aws/credentials_source.h"
#include "infra/aws/profile.h"
#include "infra/base/encode.h"
#include "infra/base/json_reader.h"
#include "infra/base/log.h"
#include "infra/base/memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ADVISORY_MS     INT64_C(900000) /* 15 min before expiry: try, keep the old ones on failure */
#define MANDATORY_MS    INT64_C(600000) /* 10 min before expiry: try more often */
#define TRY_AGAIN_MS    INT64_C(60000)  /* after a failure while the old ones are still good */
#define ARENA_MAX_BYTES (64u << 20)

struct credentials_provider {
    char *const *environment;
    const struct clock *clock;
    struct credentials_provider *source; /* AssumeRole with these; NULL: the chain */
    char *role_arn;

    pthread_mutex_t lock;
    pthread_cond_t refreshed;
    struct credentials current; /* generation 0: none yet */
    uint64_t generation;
    bool refreshing;
    bool expired;         /* the service refused the current ones */
    int64_t failed_at_ms; /* the last refresh that failed */
};

static struct credentials_provider *provider_new(char *const *environment,
                                                 const struct clock *clock)
{
    struct credentials_provider *provider = memory_new(sizeof(*provider));
    if (pthread_mutex_init(&provider->lock, NULL) != 0 ||
        pthread_cond_init(&provider->refreshed, NULL) != 0) {
        memory_abort("no lock");
    }
    provider->environment = environment;
    provider->clock = clock;
    return provider;
}

struct credentials_provider *credentials_provider_new(char *const *environment,
                                                      const struct clock *clock)
{
    return provider_new(environment, clock);
}

struct credentials_provider *credentials_provider_assume_role(struct credentials_provider *source,
                                                              char *const *environment,
                                                              const struct clock *clock,
                                                              const char *role_arn)
{
    struct credentials_provider *provider = provider_new(environment, clock);
    provider->source = source;
    provider->role_arn = memory_new(strlen(role_arn) + 1);
    memcpy(provider->role_arn, role_arn, strlen(role_arn));
    return provider;
}

void credentials_provider_free(struct credentials_provider *provider)
{
    if (provider == NULL) {
        return;
    }
    credentials_wipe(&provider->current);
    (void)pthread_mutex_destroy(&provider->lock);
    (void)pthread_cond_destroy(&provider->refreshed);
    free(provider->role_arn);
    free(provider);
}

void credentials_wipe(struct credentials *credentials)
{
    explicit_bzero(credentials, sizeof(*credentials));
}

static bool copy_part(struct slice part, char *out, size_t size)
{
    if (part.size >= size) {
        return false;
    }
    if (part.size > 0) {
        memcpy(out, part.data, part.size);
    }
    out[part.size] = '\0';
    return true;
}

enum status credentials_fill(struct credentials *out, struct slice key, struct slice secret,
                             struct slice token, struct slice expiration, struct error *error)
{
    if (key.size == 0 || secret.size == 0) {
        return error_set(error, STATUS_REJECTED, "access key id or secret access key is missing");
    }
    if (!copy_part(key, out->access_key_id, sizeof(out->access_key_id)) ||
        !copy_part(secret, out->secret_access_key, sizeof(out->secret_access_key)) ||
        !copy_part(token, out->session_token, sizeof(out->session_token))) {
        return error_set(error, STATUS_REJECTED, "a key or token is too long");
    }
    out->expires_at_ms = 0;
    if (expiration.size > 0 && time_parse_iso(expiration, &out->expires_at_ms, NULL) != STATUS_OK) {
        return error_set(error, STATUS_REJECTED, "the expiration is not a time");
    }
    return STATUS_OK;
}

enum status credentials_read_json(const struct credentials_source *source, struct slice json,
                                  const char *token_name, struct credentials *out,
                                  struct error *error)
{
    struct json root;
    struct slice key = SLICE_NONE;
    struct slice secret = SLICE_NONE;
    struct slice token = SLICE_NONE;
    struct slice expiration = SLICE_NONE;
    if (json_parse(source->arena, json, &root, NULL) != STATUS_OK ||
        json_find_text(root, "AccessKeyId", 0, &key, NULL) != STATUS_OK ||
        json_find_text(root, "SecretAccessKey", 0, &secret, NULL) != STATUS_OK ||
        json_find_text(root, token_name, 0, &token, NULL) != STATUS_OK ||
        json_find_text(root, "Expiration", 0, &expiration, NULL) != STATUS_OK ||
        credentials_fill(out, key, secret, token, expiration, error) != STATUS_OK) {
        return error_set(error, STATUS_RETRY, "the answer holds no credentials");
    }
    return STATUS_OK;
}

bool credentials_in_environment(char *const *environment)
{
    return environment_get(environment, "AWS_ACCESS_KEY_ID") != NULL &&
           environment_get(environment, "AWS_SECRET_ACCESS_KEY") != NULL;
}

enum status credentials_fetch_environment(const struct credentials_source *source,
                                          struct credentials *out, struct error *error)
{
    char *const *environment = source->environment;
    return credentials_fill(out, slice_from_text(environment_get(environment, "AWS_ACCESS_KEY_ID")),
                            slice_from_text(environment_get(environment, "AWS_SECRET_ACCESS_KEY")),
                            slice_from_text(environment_get(environment, "AWS_SESSION_TOKEN")),
                            SLICE_NONE, error);
}

enum place {
    PLACE_ENVIRONMENT,
    PLACE_WEB_IDENTITY,
    PLACE_PROFILE,
    PLACE_CONTAINER,
    PLACE_IMDS,
};

/* The first that is configured; one that is configured and fails is an error, not passed over. */
static enum place choose_place(const struct credentials_source *source)
{
    char *const *environment = source->environment;
    if (credentials_in_environment(environment)) {
        return PLACE_ENVIRONMENT;
    }
    if (environment_get(environment, "AWS_WEB_IDENTITY_TOKEN_FILE") != NULL &&
        environment_get(environment, "AWS_ROLE_ARN") != NULL) {
        return PLACE_WEB_IDENTITY;
    }
    if (credentials_in_profile(source)) {
        return PLACE_PROFILE;
    }
    return credentials_in_container(environment) ? PLACE_CONTAINER : PLACE_IMDS;
}

static enum status fetch_web_identity(const struct credentials_source *source,
                                      struct credentials *out, struct error *error)
{
    char *const *environment = source->environment;
    const struct credentials_role role = {
        .arn = slice_from_text(environment_get(environment, "AWS_ROLE_ARN")),
        .session_name = slice_from_text(environment_get(environment, "AWS_ROLE_SESSION_NAME"))};
    return credentials_fetch_web_identity(
        source, &role, environment_get(environment, "AWS_WEB_IDENTITY_TOKEN_FILE"), out, error);
}

static enum status fetch_from_chain(const struct credentials_source *source,
                                    struct credentials *out, struct error *error)
{
    switch (choose_place(source)) {
    case PLACE_ENVIRONMENT: return credentials_fetch_environment(source, out, error);
    case PLACE_WEB_IDENTITY: return fetch_web_identity(source, out, error);
    case PLACE_PROFILE:
        return credentials_fetch_profile(source, profile_chosen(source->environment), out, error);
    case PLACE_CONTAINER: return credentials_fetch_container(source, out, error);
    case PLACE_IMDS: break;
    }
    return credentials_fetch_imds(source, out, error);
}

const char *credentials_source_name(const struct credentials_provider *provider)
{
    static const char *const names[] = {
        [PLACE_ENVIRONMENT] = "the environment",
        [PLACE_WEB_IDENTITY] = "a web identity token",
        [PLACE_PROFILE] = "a profile of the shared files",
        [PLACE_CONTAINER] = "the container's endpoint",
        [PLACE_IMDS] = "the role of the EC2 instance",
    };
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(ARENA_MAX_BYTES);
    const struct credentials_source source = {.environment = provider->environment,
                                              .clock = provider->clock,
                                              .files =
                                                  profile_files_load(arena, provider->environment),
                                              .arena = arena};
    return provider->source != NULL ? "an assumed role" : names[choose_place(&source)];
}

static enum status fetch(const struct credentials_provider *provider, struct http *http,
                         struct credentials *out, struct error *error)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(ARENA_MAX_BYTES);
    const struct credentials_source source = {.http = http,
                                              .environment = provider->environment,
                                              .clock = provider->clock,
                                              .files =
                                                  profile_files_load(arena, provider->environment),
                                              .arena = arena};
    enum status status = STATUS_OK;
    if (provider->source == NULL) {
        status = fetch_from_chain(&source, out, error);
    } else {
        struct credentials base = {.generation = 0};
        const struct credentials_role role = {.arn = slice_from_text(provider->role_arn)};
        status = credentials_get(provider->source, http, &base, error);
        if (status == STATUS_OK) {
            status = credentials_fetch_assume_role(&source, &base, &role, out, error);
        }
        credentials_wipe(&base);
    }
    http_reset(http);
    arena_reset(arena);
    if (status != STATUS_OK) {
        error_wrap(error, "credentials");
    }
    return status;
}

enum freshness {
    FRESH,
    AGEING, /* good, and should be refreshed by one */
    STALE,  /* cannot be used */
};

static enum freshness judge(const struct credentials_provider *provider)
{
    const struct credentials *current = &provider->current;
    if (current->generation == 0 || provider->expired) {
        return STALE;
    }
    if (current->expires_at_ms == 0) {
        return FRESH;
    }
    const int64_t now_ms = clock_now_ms(provider->clock);
    const int64_t left_ms = current->expires_at_ms - now_ms;
    if (left_ms > ADVISORY_MS) {
        return FRESH;
    }
    if (left_ms <= 0) {
        return STALE;
    }
    const int64_t pause_ms = left_ms > MANDATORY_MS ? TRY_AGAIN_MS : TRY_AGAIN_MS / 6;
    return now_ms - provider->failed_at_ms < pause_ms ? FRESH : AGEING;
}

/* With the lock held, before and after. */
static enum status refresh(struct credentials_provider *provider, struct http *http,
                           struct error *error)
{
    struct credentials fetched = {.generation = 0};
    provider->refreshing = true;
    (void)pthread_mutex_unlock(&provider->lock);
    const enum status status = fetch(provider, http, &fetched, error);
    (void)pthread_mutex_lock(&provider->lock);
    provider->refreshing = false;
    if (status == STATUS_OK) {
        fetched.generation = ++provider->generation;
        provider->current = fetched;
        provider->expired = false;
    } else {
        provider->failed_at_ms = clock_now_ms(provider->clock);
    }
    credentials_wipe(&fetched);
    (void)pthread_cond_broadcast(&provider->refreshed);
    return status;
}

enum status credentials_get(struct credentials_provider *provider, struct http *http,
                            struct credentials *credentials, struct error *error)
{
    enum status status = STATUS_OK;
    (void)pthread_mutex_lock(&provider->lock);
    enum freshness freshness = judge(provider);
    while (freshness == STALE && provider->refreshing) {
        (void)pthread_cond_wait(&provider->refreshed, &provider->lock);
        freshness = judge(provider);
    }
    if (freshness != FRESH && !provider->refreshing) {
        status = refresh(provider, http, error);
        if (status != STATUS_OK && judge(provider) != STALE) {
            log_warning("credentials not refreshed, the old ones are still good",
                        LOG_CSTR("error", error != NULL ? error->text : ""));
            status = STATUS_OK;
        }
    }
    if (status == STATUS_OK) {
        *credentials = provider->current;
    }
    (void)pthread_mutex_unlock(&provider->lock);
    return status;
}

void credentials_expired(struct credentials_provider *provider, uint64_t generation)
{
    (void)pthread_mutex_lock(&provider->lock);
    if (provider->current.generation == generation) {
        provider->expired = true;
    }
    (void)pthread_mutex_unlock(&provider->lock);
}
