#include "tests/unit/tracker/invocation_fixture.h"

#include <stdio.h>
#include <string.h>

#define MS_MAX   (INT64_C(1) << 52)
#define INT_MOST INT64_C(9007199254740992) /* what JSON numbers hold exactly */

static void fill_steps(struct fixture *fixture)
{
    fixture->parameters[0] = (struct plan_parameter){SLICE("a"), SLICE("secret-value")};
    fixture->parameters[1] = (struct plan_parameter){SLICE("b"), SLICE("null")};
    fixture->step_target =
        (struct plan_target){SLICE("C"), SLICE("W"), SLICE("D"), SLICE("U"), SLICE("S"), SLICE("")};
    fixture->step_retry = (struct plan_retry){2, SLICE("[0-9]\\d"), 3, 4};
    fixture->steps[0] = (struct plan_step){.sqls = fixture->sqls,
                                           .sql_count = 2,
                                           .batch = true,
                                           .auto_commit = true,
                                           .keep_going = true,
                                           .retriable = true,
                                           .attach_id = SLICE("d9b6c0c9-attached"),
                                           .target = &fixture->step_target,
                                           .retry = &fixture->step_retry,
                                           .parameters = &fixture->parameters[1],
                                           .parameter_count = 1,
                                           .item = SLICE("{\"sql\":\"secret-item\"}")};
    fixture->steps[1] = (struct plan_step){.sqls = &fixture->sqls[1], .sql_count = 1};
    fixture->data[0] = (struct plan_parameter){SLICE("Name"), SLICE("column")};
    fixture->resource = (struct plan_resource){.request_type = SLICE("Update"),
                                               .stack_id = SLICE("arn:stack"),
                                               .request_id = SLICE("r"),
                                               .logical_resource_id = SLICE("Table"),
                                               .physical_resource_id = SLICE("p"),
                                               .no_echo = true,
                                               .data = fixture->data,
                                               .data_count = 1};
}

/* Every field set, each to a value of its own, so that a swapped or forgotten one shows. */
static void fill_plan(struct fixture *fixture)
{
    fixture->sqls[0] = SLICE("select 'secret-sql \"\xc3\xa4\" \x01\n\\'");
    fixture->sqls[1] = SLICE("");
    fill_steps(fixture);
    fixture->plan = (struct plan){
        .id = ID,
        .digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        .created_at_ms = 1,
        .prefix = PREFIX,
        .group = SLICE("arn:aws:states:eu-west-1:1:execution:m:e"),
        .steps = fixture->steps,
        .step_count = 2,
        .parameters = fixture->parameters,
        .parameter_count = 2,
        .target = {SLICE("c"), SLICE("w"), SLICE("d"), SLICE("u"), SLICE("s"), SLICE("session")},
        .session_keep_alive_seconds = 86400,
        .wait_seconds = 30,
        .address_count = INVOCATION_ADDRESSES_MAX,
        .deadline_ms = MS_MAX,
        .heartbeat_seconds = INT32_MAX,
        .keep_running = true,
        .keyed = true,
        .output = OUTPUT_QUERIES,
        .retry = {1000, SLICE("1023"), MS_MAX - 1, MS_MAX - 2},
        .lock_key = "f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        .on_conflict = PLAN_CONFLICT_QUEUE,
        .result = {PLAN_RESULT_S3, PLAN_FORMAT_CSV, 7, SLICE("s3://b/p")},
        .expect_min_rows = 0,
        .expect_max_rows = INT_MOST,
        .resource = &fixture->resource,
    };
    for (size_t i = 0; i < INVOCATION_ADDRESSES_MAX; i++) {
        address_init(&fixture->plan.addresses[i], ADDRESS_TASK_TOKEN + i % ADDRESS_BUS,
                     slice_from_text(arena_format(fixture->arena, "secret-address-%zu", i)));
        fixture->plan.addresses[i].when = (enum address_when)(i % 3);
    }
}

static void fill_callbacks(struct fixture *fixture)
{
    for (size_t i = 0; i < INVOCATION_ADDRESSES_MAX; i++) {
        struct callback *callback = &fixture->state.callbacks[i];
        callback->kind = (enum address_kind)(i % (ADDRESS_BUS + 1));
        callback->state = (enum callback_state)(i % (CALLBACK_UNDELIVERABLE + 1));
        (void)snprintf(callback->digest, sizeof(callback->digest), "%016zx", i);
        callback->attempts = INT_MOST - (int64_t)i;
        callback->next_at_ms = MS_MAX - (int64_t)i;
        callback->failure_instead = i % 2 == 1;
        callback->elsewhere = i % 3 == 1;
    }
    fixture->state.callbacks[7].adopted_target = SLICE("secret-adopter");
}

void fill_state(struct fixture *fixture)
{
    memset(&fixture->state, 0, sizeof(fixture->state));
    struct state *state = &fixture->state;
    state->statement = STATEMENT_UNKNOWN;
    state->step = INVOCATION_STEPS_MAX;
    state->attempt = 1000;
    memcpy(state->statement_id, "d9b6c0c9-0747-4bf4-b142-e8883122f766:401", 40);
    state->doubt_since_ms = 2;
    state->last_send_ms = 3;
    state->sends = INT_MOST;
    state->refused_for_good = true;
    state->no_wait = true;
    state->seen = ENDING_ABORTED;
    state->statement_at_ms = 4;
    state->tries = INT_MOST;
    state->pause_ms = 11;
    state->heartbeat_at_ms = 5;
    state->cancel_cause = OUTCOME_TIMED_OUT;
    state->cancelling_since_ms = 6;
    state->outcome = OUTCOME_EXPIRED;
    state->witness = WITNESS_SUBMIT;
    state->statement_unknown = true;
    state->ended_at_ms = 7;
    state->gather_until_ms = 8;
    memset(state->error_type, 'E', INVOCATION_ERROR_TYPE_BYTES);
    state->error_text = SLICE("ERROR: \xe2\x82\xac \x1f");
    state->step_failed = true;
    state->skipped = true;
    memcpy(state->holder, ID, TRACKER_ID_BYTES);
    memset(state->session_id, 's', INVOCATION_SESSION_ID_BYTES);
    state->event = SLICE("{\"detail\":{}}");
    memset(state->reply_digest, 'f', SHA256_HEX_BYTES);
    state->reply = SLICE("{\"outcome\":\"EXPIRED\"}");
    fixture->results[0] =
        (struct step_result){1, 2, ENDING_FINISHED, "d9b6c0c9", INT_MOST, INT_MOST};
    fixture->results[1] = (struct step_result){INVOCATION_STEPS_MAX, 1, ENDING_FAILED, "", -1, -1};
    state->results = fixture->results;
    state->result_count = 2;
    state->callback_count = INVOCATION_ADDRESSES_MAX;
    state->updated_at_ms = 9;
    state->settled_at_ms = 10;
    state->tombstone = true;
    fill_callbacks(fixture);
}

int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(16u << 20)};
    buffer_init(&fixture.written, 1u << 20);
    fill_plan(&fixture);
    fill_state(&fixture);
    *context = &fixture;
    return 0;
}

int tear_down(void **context)
{
    struct fixture *fixture = *context;
    buffer_clear(&fixture->written);
    arena_free(fixture->arena);
    return 0;
}

void assert_slice(struct slice actual, struct slice expected)
{
    assert_int_equal(actual.data == NULL, expected.data == NULL);
    assert_int_equal(actual.size, expected.size);
    if (expected.size > 0) {
        assert_memory_equal(actual.data, expected.data, expected.size);
    }
}
