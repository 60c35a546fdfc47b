/*
 * Carrying out decisions: commit, act, settle. Works (one invocation each) go round together:
 *
 *     stimuli -> decide (tracker/lifecycle.c) -> commit all by compare-and-set
 *             -> send the actions of the winners at once -> each answer is a stimulus -> ...
 *
 * until no action is left. Nothing is sent before the decision to send it has been committed. Who
 * loses a compare-and-set reads the record again and decides again.
 *
 * What an action sends and how its answer is read is a pair of pure functions in a table
 * (struct action_handler): submit in invoker/submit.c, the rest in the completer. An action without
 * a handler in this process is left to the sweep of another one: its timer is set to now.
 */
#ifndef RINGBACK_INVOKER_DISPATCH_H
#define RINGBACK_INVOKER_DISPATCH_H

#include "tracker/lifecycle.h"
#include "tracker/record.h"
#include "tracker/tracker.h"

#include "infra/aws/client.h"
#include "infra/base/clock.h"
#include "infra/base/random.h"

#define DISPATCH_ACTION_KINDS (ACTION_CHOOSE + 1)
/* No new exchange starts later than this in a batch, and none lasts longer (design.md, Lease). A
 * batch that has less time starts its exchanges in the same share of it. */
#define DISPATCH_START_MS    80000
#define DISPATCH_EXCHANGE_MS 35000
#define DISPATCH_BATCH_MS    (DISPATCH_START_MS + DISPATCH_EXCHANGE_MS)

struct pending_stimulus {
    struct stimulus stimulus;
    struct pending_stimulus *next;
};

/* One invocation in hand. */
struct work {
    struct record record;             /* as last read or committed */
    struct pending_stimulus *stimuli; /* not yet committed, in order */
    enum status status; /* OK; else why the stimuli could not be committed (RETRY, INTERNAL) */
    struct error error; /* text when status is not OK */
    bool applied;       /* some stimulus changed the record */
    /* Known in this batch only, for rendering and for the front's reply. */
    struct slice submit_document; /* the first submit call's reply */
    enum refusal submit_refusal;
    bool submit_refused;
    char submit_error_type[INVOCATION_ERROR_TYPE_BYTES + 1];
    struct slice submit_error_text;
    bool told_by_reply; /* the front waits: a lock that is held is told by its reply alone */
    void *progress;     /* of the action that takes several calls, if one is under way */
    bool claimed;  /* by the sweep: its due time has to be put right even if nothing else changes */
    void *context; /* the caller's */
};

struct dispatch;
struct admission;

struct action_handler {
    /* Fills *call, in the dispatch's arena. False: there is nothing to send, *stimulus is the
     * answer (or its kind is left as it was and nothing happens). */
    bool (*build)(struct dispatch *dispatch, struct work *work, const struct action *action,
                  struct aws_call *call, struct stimulus *stimulus);
    /* NULL: one call is all there is to it. Else, when a call is done: true when *call was filled
     * in anew and another one is to be sent (pages, one document after the other); what was learned
     * is kept in work->progress. False: all is here, read follows. */
    bool (*more)(struct dispatch *dispatch, struct work *work, const struct action *action,
                 struct aws_call *call);
    /* Turns a final call into the stimulus that it is; of a handler with more, the last one. */
    void (*read)(struct dispatch *dispatch, struct work *work, const struct action *action,
                 const struct aws_call *call, struct stimulus *stimulus);
};

/* Renders the reply of an outcome: pure. The last stimulus holds what was just learned. */
typedef struct slice dispatch_choose(struct arena *arena, const struct plan *plan,
                                     const struct state *state, const struct stimulus *stimulus);

/* Everything a worker thread works with. Not shared. */
struct dispatch {
    struct tracker *tracker;
    struct aws_client *aws;
    struct admission *admission; /* shared; NULL: statements are sent as they come */
    struct arena *arena;         /* of the batch; dispatch_begin resets it */
    const struct lifecycle_policy *policy;
    const struct record_seal *seal;
    const struct clock *clock;
    const struct random *random;
    const char *owner;                                            /* lease owner, for people */
    const struct action_handler *handlers[DISPATCH_ACTION_KINDS]; /* NULL: not done here */
    dispatch_choose *choose;                                      /* NULL: not done here */
    int64_t now_ms;      /* read once per batch, corrected by AWS's Date */
    int64_t started_ms;  /* monotonic */
    int64_t leave_by_ms; /* monotonic: when the process has to be done; 0: the lease alone counts */
    bool troubled;       /* the batch before could not be handled: parking.h */
};

/* Begins a batch: resets arena and client, reads the clock. */
void dispatch_begin(struct dispatch *dispatch);
/* Whether no new exchange may start in this batch. */
bool dispatch_too_late(const struct dispatch *dispatch);

/* What the core decides with in this batch. */
struct lifecycle_context dispatch_context(const struct dispatch *dispatch);

/* A stimulus with nothing told: no ending, rows and duration -1, jitter drawn. */
struct stimulus dispatch_stimulus(struct dispatch *dispatch, enum stimulus_kind kind);
/* The same about the current attempt. */
struct stimulus dispatch_stimulus_of(struct dispatch *dispatch, const struct work *work,
                                     enum stimulus_kind kind);
/* Adds a stimulus to be decided in the next dispatch_run. */
void dispatch_feed(struct dispatch *dispatch, struct work *work, const struct stimulus *stimulus);

/*
 * Runs works[0..count) until nothing is left to do for them here. Each work's status says whether
 * what it was fed has been committed: a stimulus that is not OK must be fed again later (the
 * message that brought it is not acknowledged). Works must be distinct invocations.
 */
void dispatch_run(struct dispatch *dispatch, struct work *const *works, size_t count);

/* A new invocation to be registered. */
struct registration {
    struct work *work;        /* record: plan, group and created_at_ms are set */
    struct decision decision; /* the first one (lifecycle_accept) */
    bool existing; /* out: the id is there already; work->record is what is there, nothing was sent
                    */
};

/*
 * Registers as one array and starts what the first decisions ask for; dispatch_run brings in the
 * answers. Ids must be distinct. Each work's status: OK, REJECTED (the plan is too large), RETRY or
 * INTERNAL (nothing of it is in the store, as far as can be known).
 */
void dispatch_register(struct dispatch *dispatch, struct registration *registrations, size_t count);

/* Reads records by id into works; found[i] false: there is none. A work whose record could not be
 * opened, or is in a part of the store that is away, has the status of that. */
MUST_CHECK enum status dispatch_load(struct dispatch *dispatch, const char *const *ids,
                                     struct work *const *works, bool *found, size_t count,
                                     struct error *error);

/* The reply document of a chosen outcome, from the state or from its blob. NOT_FOUND: its details
 * are gone. */
MUST_CHECK enum status dispatch_reply(struct dispatch *dispatch, const struct record *record,
                                      struct slice *reply, struct error *error);

#endif
