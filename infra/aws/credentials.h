/*
 * AWS credentials: the first provider that is configured, in the SDKs' order (static, environment,
 * web identity, shared files and profiles with assume-role, container, IMDSv2), cached and
 * refreshed before expiry. One provider is shared by all threads (one mutex); who finds them stale
 * refreshes them with its own struct http while the others go on with what is still valid.
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
#ifndef RINGBACK_INFRA_AWS_CREDENTIALS_H
#define RINGBACK_INFRA_AWS_CREDENTIALS_H

#include "infra/aws/http.h"
#include "infra/base/arena.h"
#include "infra/base/clock.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"

#include <stdint.h>

#define CREDENTIALS_KEY_BYTES    160
#define CREDENTIALS_SECRET_BYTES 256
#define CREDENTIALS_TOKEN_BYTES  8192

struct credentials {
    char access_key_id[CREDENTIALS_KEY_BYTES];
    char secret_access_key[CREDENTIALS_SECRET_BYTES];
    char session_token[CREDENTIALS_TOKEN_BYTES]; /* "" when there is none */
    int64_t expires_at_ms;                       /* 0: never */
    uint64_t generation; /* changes with every refresh; for caches of signing keys */
};

struct credentials_provider;

/*
 * Chooses the provider from the environment and the shared files. environment is NULL-terminated
 * NAME=VALUE and must outlive the provider, as must clock. Never fails: what is wrong shows at the
 * first credentials_get, so that a daemon can start and say so.
 */
struct credentials_provider *credentials_provider_new(char *const *environment,
                                                      const struct clock *clock);
/* Wraps another provider (not owned): AssumeRole with it, cached and refreshed like the rest. */
struct credentials_provider *credentials_provider_assume_role(struct credentials_provider *source,
                                                              char *const *environment,
                                                              const struct clock *clock,
                                                              const char *role_arn);
void credentials_provider_free(struct credentials_provider *provider);

/*
 * Copies valid credentials to *credentials. RETRY when none can be had now (text names the
 * provider), REJECTED when the configuration can never work. http must have nothing under way; its
 * results are reset.
 */
MUST_CHECK enum status credentials_get(struct credentials_provider *provider, struct http *http,
                                       struct credentials *credentials, struct error *error);
/* Where this provider takes them from, for a person: "the environment", "an assumed role". */
const char *credentials_source_name(const struct credentials_provider *provider);
/* The service said that these have expired: the next get refreshes, once per generation. */
void credentials_expired(struct credentials_provider *provider, uint64_t generation);
/* Overwrites the secrets. */
void credentials_wipe(struct credentials *credentials);

#endif
