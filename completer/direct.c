#include "completer/direct.h"

#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"

#include <string.h>

/* The event without the name. */
static struct slice without_name(struct arena *arena, struct slice document)
{
    static const char *const detail[] = {"detail"};
    static const char *const name[] = {"statementName"};
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    struct json root;
    if (json_parse(arena, document, &root, NULL) != STATUS_OK) {
        return SLICE_NONE;
    }
    buffer_init(&out, INVOCATION_EVENT_MAX_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    json_copy_members(root, detail, ARRAY_COUNT(detail), &writer);
    json_begin_object(&writer, "detail");
    json_copy_members(json_member(root, "detail"), name, ARRAY_COUNT(name), &writer);
    json_end_object(&writer);
    json_end_object(&writer);
    struct slice text = out.overflowed ? SLICE_NONE : arena_copy(arena, buffer_slice(&out));
    buffer_wipe(&out);
    return text;
}

static void make_plan(struct dispatch *dispatch, const struct plan_settings *settings,
                      const struct event *event, struct plan *plan)
{
    struct plan_step *step = ARENA_NEW(dispatch->arena, struct plan_step);
    *step = (struct plan_step){.attach_id = event->statement_id};
    *plan = (struct plan){.created_at_ms = dispatch->now_ms,
                          .prefix = settings->prefix,
                          .steps = step,
                          .step_count = 1,
                          .session_keep_alive_seconds = -1,
                          .address_count = 1,
                          .output = settings->output,
                          .retry = {.max_attempts = 1},
                          .result = {.max_rows = -1},
                          .expect_min_rows = -1,
                          .expect_max_rows = -1};
    memcpy(plan->id, event->id, sizeof(plan->id));
    digest_sha256_hex(event->task_token, plan->digest);
    address_init(&plan->addresses[0], ADDRESS_TASK_TOKEN, event->task_token);
}

void direct_register(struct dispatch *dispatch, const struct plan_settings *settings,
                     const struct event *event, const struct stimulus *ending,
                     struct registration *registration)
{
    struct record *record = &registration->work->record;
    struct lifecycle_context context = dispatch_context(dispatch);
    struct stimulus stimulus = *ending;
    struct decision accepted;
    *registration->work = (struct work){.context = registration->work->context};
    make_plan(dispatch, settings, event, &record->plan);
    record->created_at_ms = dispatch->now_ms;
    stimulus.event = without_name(dispatch->arena, event->document);
    /* As if it had been registered when it began, and had ended now: one commit for both. */
    lifecycle_accept(&context, &record->plan, LIFECYCLE_START_SUBMIT, SLICE_NONE, SLICE_NONE,
                     &accepted);
    lifecycle_decide(&context, &record->plan, &accepted.next, &stimulus, &registration->decision);
}
