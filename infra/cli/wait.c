#include "infra/cli/wait.h"

#include "infra/base/arena.h"
#include "infra/base/clock.h"
#include "infra/runtime/shutdown.h"

#define LOOK_FIRST_MS 50
#define LOOK_MAX_MS   500
#define ASK_FIRST_MS  100 /* of the Data API, directly; then after half the time waited for */
#define ASK_MAX_MS    5000
#define AWAY_MAX_MS   30000
#define SCRATCH_BYTES (64u << 20)

struct waiting {
    struct verb *verb;
    const char *id;
    struct progress *progress;
    struct arena *kept;    /* for the result */
    struct arena *scratch; /* of one look */
    int64_t away_since_ms; /* monotonic; 0: there was an answer */
    int64_t asked_ms;      /* since the waiting began, when the Data API was asked last */
};

static void show(struct waiting *waiting, struct json document)
{
    const struct progress_point point = {
        .state = verb_text(document, "Statement"),
        .step = verb_int64(document, "Step", 1),
        .step_count = verb_int64(document, "StepCount", 1),
    };
    progress_show(waiting->progress, &point);
}

MUST_CHECK static int keep_reply(struct waiting *waiting, const struct remote_call *call,
                                 struct wait_result *result, struct error *problem)
{
    result->reply = arena_copy(waiting->kept, call->reply);
    if (json_parse(waiting->kept, result->reply, &result->document, problem) != STATUS_OK) {
        return EXIT_UNREACHABLE;
    }
    result->outcome = verb_text(result->document, "outcome");
    return EXIT_FINISHED;
}

/* Directly: what is due, and early and often how the statement is. */
MUST_CHECK static enum status do_as_daemon(struct waiting *waiting, struct error *problem)
{
    struct remote *remote = &waiting->verb->remote;
    const int64_t elapsed_ms = progress_elapsed_ms(waiting->progress);
    int64_t pause_ms = elapsed_ms / 2 < ASK_MAX_MS ? elapsed_ms / 2 : ASK_MAX_MS;
    pause_ms = pause_ms > ASK_FIRST_MS ? pause_ms : ASK_FIRST_MS;
    if (elapsed_ms - waiting->asked_ms >= pause_ms) {
        waiting->asked_ms = elapsed_ms;
        enum status status = remote_look(remote, waiting->id, problem);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return remote_sweep(remote, problem);
}

/* One look; result->reply is absent until the outcome and what is said about it are known. */
MUST_CHECK static int look(struct waiting *waiting, struct wait_result *result,
                           struct error *problem)
{
    struct verb *verb = waiting->verb;
    struct json document;
    struct remote_call state = {.method = "GET", .target = verb_target(verb, waiting->id, "")};
    struct remote_call reply = {.method = "GET",
                                .target = verb_target(verb, waiting->id, "/reply")};
    if (do_as_daemon(waiting, problem) != STATUS_OK) {
        return EXIT_UNREACHABLE;
    }
    int status = verb_try_call(verb, &state, &document, problem);
    if (status != EXIT_FINISHED) {
        return status;
    }
    show(waiting, document);
    if (verb_text(document, "Outcome").size == 0) {
        return EXIT_FINISHED;
    }
    status = verb_try_call(verb, &reply, &document, problem);
    if (status == EXIT_REJECTED && reply.code == 404) {
        return EXIT_FINISHED; /* the ending is known, what is said about it not yet */
    }
    return status == EXIT_FINISHED ? keep_reply(waiting, &reply, result, problem) : status;
}

/* Whether an answer that did not come is no longer waited for. */
static bool given_up(struct waiting *waiting, int status)
{
    const int64_t now_ms = clock_monotonic_ms(clock_system());
    if (status != EXIT_UNREACHABLE) {
        waiting->away_since_ms = 0;
        return status != EXIT_FINISHED;
    }
    if (waiting->away_since_ms == 0) {
        waiting->away_since_ms = now_ms;
    }
    return now_ms - waiting->away_since_ms > AWAY_MAX_MS;
}

MUST_CHECK static int look_until(struct waiting *waiting, struct wait_result *result)
{
    int64_t pause_ms = LOOK_FIRST_MS;
    for (;;) {
        struct error problem = ERROR_NONE;
        arena_reset(waiting->scratch);
        const int status = look(waiting, result, &problem);
        if (status == EXIT_FINISHED && result->reply.data != NULL) {
            progress_end(waiting->progress);
            return EXIT_FINISHED;
        }
        if (given_up(waiting, status)) {
            progress_end(waiting->progress);
            return verb_fail(waiting->verb, status, "%s", problem.text);
        }
        if (shutdown_wait(pause_ms)) {
            progress_end(waiting->progress);
            return verb_fail(waiting->verb, EXIT_INTERRUPTED,
                             "%s goes on; ringback cancel %s ends it", waiting->id, waiting->id);
        }
        pause_ms = pause_ms * 3 / 2 < LOOK_MAX_MS ? pause_ms * 3 / 2 : LOOK_MAX_MS;
    }
}

int wait_for_outcome(struct verb *verb, struct slice id, struct progress *progress,
                     struct wait_result *result)
{
    CLEANUP(arena_cleanup) struct arena *scratch = arena_new(SCRATCH_BYTES);
    struct waiting waiting = {.verb = verb,
                              .id = arena_text(verb->arena, id),
                              .progress = progress,
                              .kept = verb->arena,
                              .scratch = scratch};
    *result = (struct wait_result){0};
    if (id.data == NULL || verb_target(verb, waiting.id, "") == NULL) {
        return verb_fail(verb, EXIT_UNREACHABLE, "the answer holds no invocation id");
    }
    shutdown_init();
    verb->arena = scratch;
    const int status = look_until(&waiting, result);
    verb->arena = waiting.kept;
    return status;
}

static struct slice wait_error_text(const struct wait_result *result)
{
    return verb_text(json_member(json_member(result->document, "cause"), "detail"), "error");
}

int wait_tell(const struct wait_result *result)
{
    return verb_tell_outcome(result->outcome, wait_error_text(result));
}
