/* The places that credentials come from, one function each; credentials.c chooses and caches. Only
 * for infra/aws. */
#ifndef RINGBACK_INFRA_AWS_CREDENTIALS_SOURCE_H
#define RINGBACK_INFRA_AWS_CREDENTIALS_SOURCE_H

#include "infra/aws/credentials.h"
#include "infra/aws/http.h"
#include "infra/aws/profile.h"
#include "infra/base/arena.h"
#include "infra/base/clock.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"

#include <stdbool.h>

/* What a fetch works with; http has nothing under way. */
struct credentials_source {
    struct http *http;
    char *const *environment;
    const struct clock *clock;
    const struct profile_files *files;
    struct arena *arena; /* for the time of one fetch */
};

struct credentials_role {
    struct slice arn;
    struct slice session_name; /* absent: "ringback" */
    struct slice external_id;
    struct slice duration_seconds;
};

/* All fetches: REJECTED when the configuration can never work, RETRY when nothing can be had now.
 * They leave credentials->generation alone. */

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. */
MUST_CHECK enum status credentials_fetch_environment(const struct credentials_source *source,
                                                     struct credentials *out, struct error *error);
bool credentials_in_environment(char *const *environment);

/* The shared files; section "profile NAME". */
MUST_CHECK enum status credentials_fetch_profile(const struct credentials_source *source,
                                                 struct slice name, struct credentials *out,
                                                 struct error *error);
/* Whether the chosen profile says where credentials come from; also true, so that the error shows,
 * when AWS_PROFILE names a profile that is not there. */
bool credentials_in_profile(const struct credentials_source *source);

/* credential_process of a profile. */
MUST_CHECK enum status credentials_fetch_process(const struct credentials_source *source,
                                                 const char *command, struct credentials *out,
                                                 struct error *error);

/* AWS STS. */
MUST_CHECK enum status credentials_fetch_assume_role(const struct credentials_source *source,
                                                     const struct credentials *base,
                                                     const struct credentials_role *role,
                                                     struct credentials *out, struct error *error);
MUST_CHECK enum status credentials_fetch_web_identity(const struct credentials_source *source,
                                                      const struct credentials_role *role,
                                                      const char *token_file,
                                                      struct credentials *out, struct error *error);

/* ECS and EKS Pod Identity. */
bool credentials_in_container(char *const *environment);
MUST_CHECK enum status credentials_fetch_container(const struct credentials_source *source,
                                                   struct credentials *out, struct error *error);

/* The instance metadata service. */
MUST_CHECK enum status credentials_fetch_imds(const struct credentials_source *source,
                                              struct credentials *out, struct error *error);
/* Region of the instance; the slice lives in source->arena. */
MUST_CHECK enum status credentials_imds_region(const struct credentials_source *source,
                                               struct slice *region, struct error *error);

/* Copies into out; REJECTED when a part is missing or too long. expiration is an ISO text or
 * absent. */
MUST_CHECK enum status credentials_fill(struct credentials *out, struct slice key,
                                        struct slice secret, struct slice token,
                                        struct slice expiration, struct error *error);
/* The JSON of container, IMDS and process: token_name is "Token" or "SessionToken". RETRY when it
 * is not in that form. */
MUST_CHECK enum status credentials_read_json(const struct credentials_source *source,
                                             struct slice json, const char *token_name,
                                             struct credentials *out, struct error *error);

#endif
