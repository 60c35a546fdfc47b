/*
 * What a process has once and shares between its threads, const after service_open: configuration,
 * keys, credentials, settings. A bad value stops the start and is named, and so does a secret with
 * keys that cannot be had (RINGBACK_KEY_SECRET_ARN), since nothing could be read without it; a
 * tracker or AWS that is away does not.
 */
#ifndef RINGBACK_INFRA_CLI_SERVICE_H
#define RINGBACK_INFRA_CLI_SERVICE_H

#include "invoker/admission.h"
#include "invoker/plan.h"
#include "tracker/lifecycle.h"
#include "tracker/record.h"
#include "tracker/tracker.h"

#include "infra/aws/client.h"
#include "infra/base/config.h"

struct service {
    struct arena *arena; /* of the configuration */
    struct config config;
    struct seal_keys *keys;
    struct record_seal seal;
    struct credentials_provider *credentials;
    struct credentials_provider *statement_credentials; /* NULL: the same */
    struct pace *pace;                                  /* of the account, for all threads */
    struct admission *admission;                        /* on top of it */
    struct aws_client_options aws;
    struct tracker_options tracker;
    struct plan_settings settings;
    struct lifecycle_policy policy;
    const char *bearer_token; /* NULL: none */
    char owner[TRACKER_OWNER_MAX_BYTES + 1];
};

/*
 * Reads environment and flags (taken out of arguments), sets up the log. REJECTED names the
 * variable and the rule; any other failure is Secrets Manager's.
 */
MUST_CHECK enum status service_open(int *count, char **arguments, struct service *service,
                                    struct error *error);
/* The same for a command that speaks to a person: logs errors alone, unless LOG_LEVEL is DEBUG, and
 * has neither keys nor AWS when config.url says that another process does the work, unless it works
 * directly all the same. */
MUST_CHECK enum status service_open_verb(int *count, char **arguments, bool directly,
                                         struct service *service, struct error *error);
void service_close(struct service *service);

/* One thread's kit. Tracker and client are opened when first needed and again after a failure. */
struct worker {
    const struct service *service;
    struct tracker *tracker;
    struct aws_client *aws;
    struct arena *arena;
    struct dispatch *dispatch; /* ready for use when worker_ready says OK */
};

void worker_init(struct worker *worker, const struct service *service);
void worker_clear(struct worker *worker);
/* OK: dispatch can be used. RETRY: tracker or AWS is away; REJECTED: it never will be there. */
MUST_CHECK enum status worker_ready(struct worker *worker, struct error *error);

#endif
