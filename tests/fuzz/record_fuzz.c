/* A stored blob is refused, or is a plan or state that is written and read back the same. */
#include "tests/fuzz/fuzz.h"
#include "tracker/invocation.h"

#include "infra/base/buffer.h"

#define STORED_MAX_BYTES (64u << 20)

static void check_plan(struct arena *arena, struct slice input)
{
    CLEANUP(buffer_clear) struct buffer first = {0};
    CLEANUP(buffer_clear) struct buffer second = {0};
    struct error error = ERROR_NONE;
    struct plan plan;
    if (plan_read(arena, input, &plan, &error) != STATUS_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
        return;
    }
    buffer_init(&first, STORED_MAX_BYTES);
    buffer_init(&second, STORED_MAX_BYTES);
    plan_write(&plan, &first);
    FUZZ_CHECK(plan_read(arena, buffer_slice(&first), &plan, &error) == STATUS_OK);
    plan_write(&plan, &second);
    FUZZ_CHECK(slice_equals(buffer_slice(&first), buffer_slice(&second)));
    plan_scrub(&plan);
    plan_shrink(&plan);
}

static void check_state(struct arena *arena, struct slice input)
{
    CLEANUP(buffer_clear) struct buffer first = {0};
    CLEANUP(buffer_clear) struct buffer second = {0};
    struct error error = ERROR_NONE;
    struct state state;
    if (state_read(arena, input, &state, &error) != STATUS_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
        return;
    }
    buffer_init(&first, STORED_MAX_BYTES);
    buffer_init(&second, STORED_MAX_BYTES);
    state_write(&state, &first);
    FUZZ_CHECK(state_read(arena, buffer_slice(&first), &state, &error) == STATUS_OK);
    state_write(&state, &second);
    FUZZ_CHECK(slice_equals(buffer_slice(&first), buffer_slice(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(FUZZ_ARENA_BYTES);
    check_plan(arena, fuzz_input(data, size));
    check_state(arena, fuzz_input(data, size));
    return 0;
}
