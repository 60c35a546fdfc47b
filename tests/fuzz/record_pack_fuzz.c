/* Arbitrary bytes unpack within what there is room for, or not at all; what is packed comes back.
 */
#include "tests/fuzz/fuzz.h"
#include "tracker/record_pack.h"

#include "infra/base/buffer.h"

#define UNPACKED_MAX_BYTES (1u << 20)

static void check_comes_back(struct slice text)
{
    CLEANUP(buffer_clear) struct buffer packed = {0};
    CLEANUP(buffer_clear) struct buffer plain = {0};
    struct error error = ERROR_NONE;
    buffer_init(&packed, RECORD_PACKED_MAX_BYTES(text.size));
    buffer_init(&plain, text.size);
    record_pack(text, &packed);
    FUZZ_CHECK(!packed.overflowed && record_is_packed(buffer_slice(&packed)));
    FUZZ_CHECK(record_unpack(buffer_slice(&packed), &plain, &error) == STATUS_OK);
    FUZZ_CHECK(slice_equals(buffer_slice(&plain), text));
}

static void check_arbitrary(struct slice input)
{
    CLEANUP(buffer_clear) struct buffer packed = {0};
    CLEANUP(buffer_clear) struct buffer plain = {0};
    struct error error = ERROR_NONE;
    buffer_init(&packed, input.size + 1);
    buffer_init(&plain, UNPACKED_MAX_BYTES);
    buffer_append_byte(&packed, '\1');
    buffer_append(&packed, input);
    if (record_unpack(buffer_slice(&packed), &plain, &error) != STATUS_OK) {
        FUZZ_CHECK(error.text[0] != '\0' && plain.size == 0);
        return;
    }
    FUZZ_CHECK(plain.size <= UNPACKED_MAX_BYTES);
    check_comes_back(buffer_slice(&plain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_arbitrary(fuzz_input(data, size));
    check_comes_back(fuzz_input(data, size));
    return 0;
}
