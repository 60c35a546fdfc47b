/* What parses prints as JSON that parses again, has as many members and prints the same. */
#include "tests/fuzz/fuzz.h"

#include "infra/base/json_reader.h"

#define PRINTED_MAX_BYTES (64u << 20)

static void print(struct json value, struct buffer *out)
{
    buffer_init(out, PRINTED_MAX_BYTES);
    json_print(value, out);
    FUZZ_CHECK(!out->overflowed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(FUZZ_ARENA_BYTES);
    struct error error = ERROR_NONE;
    struct json root = {0};
    if (json_parse(arena, fuzz_input(data, size), &root, &error) != STATUS_OK) {
        FUZZ_CHECK(error.status == STATUS_REJECTED && error.text[0] != '\0');
        return 0;
    }
    CLEANUP(buffer_clear) struct buffer first = {0};
    CLEANUP(buffer_clear) struct buffer second = {0};
    struct json again = {0};
    print(root, &first);
    FUZZ_CHECK(slice_is_utf8(buffer_slice(&first)));
    FUZZ_CHECK(json_parse(arena, buffer_slice(&first), &again, &error) == STATUS_OK);
    /* Not the kind: a number beyond the range of double is printed as null. */
    FUZZ_CHECK(json_count(again) == json_count(root));
    print(again, &second);
    FUZZ_CHECK(slice_equals(buffer_slice(&first), buffer_slice(&second)));
    return 0;
}
