#include "infra/doctor/machine_state.h"

#include "infra/doctor/machine_request.h"

#include <inttypes.h>

struct task {
    struct findings *findings;
    const struct machine_state *state;
    struct machine_request request;
};

static void found(const struct task *task, enum finding_kind kind, const char *what)
{
    findings_add(task->findings, kind, task->state->subject, "%s", what);
}

static bool has(const struct task *task, const char *name)
{
    return json_exists(json_member(task->state->state, name));
}

/* A literal whole number of the state; -1: another value, or none. */
static int64_t number_of(const struct task *task, const char *name)
{
    const struct json value = json_member(task->state->state, name);
    int64_t number = -1;
    return json_kind(value) == JSON_NUMBER &&
                   json_int64(value, 0, INT32_MAX, &number, NULL) == STATUS_OK
               ? number
               : -1;
}

/* Whether an entry of Retry or Catch names one of these errors. One that never tries again does not
 * count. */
static bool entry_names(struct json entry, const char *const *errors, size_t count)
{
    int64_t attempts = 3;
    struct json name = json_element(json_member(entry, "ErrorEquals"), 0);
    bool named = false;
    for (; json_kind(name) != JSON_ABSENT && !named; name = json_next(name)) {
        struct slice text = SLICE_NONE;
        named = json_text(name, &text, NULL) == STATUS_OK && slice_is_one_of(text, errors, count);
    }
    return named &&
           (json_find_int64(entry, "MaxAttempts", 0, INT32_MAX, &attempts, NULL) != STATUS_OK ||
            attempts > 0);
}

static bool names_error(const struct task *task, const char *list, const char *const *errors,
                        size_t count)
{
    struct json entry = json_element(json_member(task->state->state, list), 0);
    while (json_kind(entry) != JSON_ABSENT && !entry_names(entry, errors, count)) {
        entry = json_next(entry);
    }
    return json_kind(entry) != JSON_ABSENT;
}

/* ---- Times ---------------------------------------------------------------------------------- */

static void judge_timeout(const struct task *task)
{
    const bool beats = has(task, "HeartbeatSeconds") || has(task, "HeartbeatSecondsPath");
    const int64_t timeout = number_of(task, "TimeoutSeconds");
    const int64_t deadline = machine_request_number(&task->request, "timeoutSeconds");
    if (!has(task, "TimeoutSeconds") && !has(task, "TimeoutSecondsPath")) {
        found(task, beats ? FOUND_MACHINE_TIMEOUT_NONE : FOUND_MACHINE_TIMEOUT,
              beats ? "it has HeartbeatSeconds, and no TimeoutSeconds"
                    : "it has neither TimeoutSeconds nor HeartbeatSeconds");
    } else if (task->request.is_ringbacks && timeout > 0 && deadline >= timeout) {
        findings_add(task->findings, FOUND_MACHINE_DEADLINE, task->state->subject,
                     "timeoutSeconds of the request is %" PRId64 ", TimeoutSeconds is %" PRId64,
                     deadline, timeout);
    }
}

/* Who catches the end of the heartbeats, or ends sooner, means them as a time budget. */
static bool is_budget(const struct task *task, int64_t allowed)
{
    static const char *const errors[] = {"States.HeartbeatTimeout"};
    const int64_t deadline = machine_request_number(&task->request, "timeoutSeconds");
    return names_error(task, "Catch", errors, ARRAY_COUNT(errors)) ||
           (deadline > 0 && deadline < allowed);
}

static void judge_heartbeat(const struct task *task)
{
    const int64_t allowed = number_of(task, "HeartbeatSeconds");
    const int64_t pace = machine_request_number(&task->request, "heartbeatSeconds");
    const struct machine_member asked = machine_request_member(&task->request, "heartbeatSeconds");
    if (!has(task, "HeartbeatSeconds") && !has(task, "HeartbeatSecondsPath")) {
        return;
    }
    if (json_kind(asked.value) == JSON_ABSENT && !is_budget(task, allowed)) {
        found(task, FOUND_MACHINE_HEARTBEAT,
              "it has HeartbeatSeconds, and its request no heartbeatSeconds");
    } else if (allowed > 0 && pace >= allowed) {
        findings_add(task->findings, FOUND_MACHINE_HEARTBEAT_SLOW, task->state->subject,
                     "heartbeatSeconds of the request is %" PRId64 ", HeartbeatSeconds is %" PRId64,
                     pace, allowed);
    }
}

/* ---- The request ---------------------------------------------------------------------------- */

static void judge_token(const struct task *task)
{
    if (!machine_request_sends_token(&task->request)) {
        found(task, FOUND_MACHINE_TOKEN, "its task token is not sent");
    } else if (task->request.is_ringbacks &&
               !machine_request_member_has_token(&task->request, "taskToken")) {
        found(task, FOUND_MACHINE_TOKEN, "its task token is not the request's taskToken");
    }
}

static void judge_key(const struct task *task, enum machine_key key)
{
    switch (key) {
    case MACHINE_KEY_NONE: found(task, FOUND_MACHINE_KEY, "its request has no requestKey"); break;
    case MACHINE_KEY_OF_ALL:
        found(task, FOUND_MACHINE_KEY_SAME, "its requestKey is the same in every execution");
        break;
    case MACHINE_KEY_OF_EXECUTION:
        if (task->state->is_in_map) {
            found(task, FOUND_MACHINE_KEY_MAP, "its requestKey is the same for every item");
        }
        break;
    case MACHINE_KEY_CHANGING:
        found(task, FOUND_MACHINE_KEY_NEW, "its requestKey is a new one each time");
        break;
    case MACHINE_KEY_FINE: break;
    }
}

static void judge_execution(const struct task *task)
{
    const struct machine_member arn = machine_request_member(&task->request, "executionArn");
    if (json_kind(arn.value) == JSON_ABSENT) {
        found(task, FOUND_MACHINE_EXECUTION, "its request has no executionArn");
    }
}

static void judge_retry(const struct task *task, enum machine_key key)
{
    static const char *const outcomes[] = {"States.ALL", "States.TaskFailed", "FAILED", "ABORTED",
                                           "TIMED_OUT",  "REJECTED",          "EXPIRED"};
    const bool same_work = key == MACHINE_KEY_FINE || key == MACHINE_KEY_OF_EXECUTION;
    if (!has(task, "Retry")) {
        found(task, FOUND_MACHINE_RETRY, "it has no Retry");
    } else if (same_work && names_error(task, "Retry", outcomes, ARRAY_COUNT(outcomes))) {
        found(task, FOUND_MACHINE_RETRY_OUTCOME,
              "its Retry is for outcomes too (States.ALL, States.TaskFailed or their names)");
    }
}

bool machine_state_judge(struct findings *findings, const struct machine_state *state)
{
    struct slice resource = SLICE_NONE;
    const struct task task = {.findings = findings,
                              .state = state,
                              .request = machine_request_find(findings->arena, state->state)};
    if (json_find_text(state->state, "Resource", 0, &resource, NULL) != STATUS_OK ||
        !slice_ends_with(resource, SLICE(".waitForTaskToken"))) {
        if (task.request.is_ringbacks &&
            machine_request_member_has_token(&task.request, "taskToken")) {
            found(&task, FOUND_MACHINE_TOKEN_UNASKED, "it sends a task token and does not wait");
        }
        return false;
    }
    judge_timeout(&task);
    judge_token(&task);
    if (task.request.is_ringbacks) {
        const enum machine_key key = machine_request_key(&task.request);
        judge_heartbeat(&task);
        judge_key(&task, key);
        judge_execution(&task);
        judge_retry(&task, key);
    } else if (task.request.is_opaque) {
        found(&task, FOUND_FINE, "an expression makes its request, which was not looked at");
    }
    return true;
}
