/* Whatever comes out of the event queue gets a verdict; a completion names an attempt of ours. */
#include "completer/event.h"
#include "tests/fuzz/fuzz.h"

#include "infra/base/json_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(FUZZ_ARENA_BYTES);
    struct event event;
    struct json document = {0};
    const struct event_filter filter = {.prefix = SLICE("ringback/"), .direct = size % 2 == 0};
    event_parse(arena, fuzz_input(data, size), &filter, &event);
    if (event.kind == EVENT_MALFORMED) {
        FUZZ_CHECK(event.reason.text[0] != '\0');
        FUZZ_CHECK(slice_is_utf8(slice_from_text(event.reason.text)));
        return 0;
    }
    FUZZ_CHECK(json_parse(arena, event.document, &document, NULL) == STATUS_OK);
    FUZZ_CHECK(json_kind(document) == JSON_OBJECT);
    if (event.kind == EVENT_COMPLETION) {
        FUZZ_CHECK(invocation_id_valid(slice_from_text(event.id)));
        FUZZ_CHECK(event.step >= 1 && event.attempt >= 1);
        FUZZ_CHECK(event.ending != ENDING_NONE && event.rows >= -1);
        FUZZ_CHECK(event.statement_id.size <= INVOCATION_STATEMENT_ID_BYTES);
    }
    return 0;
}
