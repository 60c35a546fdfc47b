/* What is encoded decodes to the same, and arbitrary text decodes or is refused. */
#include "tests/fuzz/fuzz.h"

#include "infra/base/encode.h"

#define ENCODED_MAX_BYTES (16u << 20)

static void check_base64(struct slice input)
{
    CLEANUP(buffer_clear) struct buffer encoded = {0};
    CLEANUP(buffer_clear) struct buffer decoded = {0};
    CLEANUP(buffer_clear) struct buffer arbitrary = {0};
    struct error error = ERROR_NONE;
    buffer_init(&encoded, ENCODED_MAX_BYTES);
    buffer_init(&decoded, ENCODED_MAX_BYTES);
    buffer_init(&arbitrary, ENCODED_MAX_BYTES);
    encode_base64(input.data, input.size, &encoded);
    FUZZ_CHECK(decode_base64(buffer_slice(&encoded), &decoded, &error) == STATUS_OK);
    FUZZ_CHECK(slice_equals(buffer_slice(&decoded), input));
    if (decode_base64(input, &arbitrary, &error) == STATUS_OK) {
        buffer_reset(&encoded);
        encode_base64(arbitrary.data, arbitrary.size, &encoded);
        FUZZ_CHECK(encoded.size == input.size);
    }
}

static void check_percent(struct slice input)
{
    CLEANUP(buffer_clear) struct buffer encoded = {0};
    CLEANUP(buffer_clear) struct buffer decoded = {0};
    CLEANUP(buffer_clear) struct buffer arbitrary = {0};
    struct error error = ERROR_NONE;
    buffer_init(&encoded, ENCODED_MAX_BYTES);
    buffer_init(&decoded, ENCODED_MAX_BYTES);
    buffer_init(&arbitrary, ENCODED_MAX_BYTES);
    encode_percent(input, input.size % 2 == 0, &encoded);
    FUZZ_CHECK(decode_percent(buffer_slice(&encoded), true, &decoded, &error) == STATUS_OK);
    FUZZ_CHECK(slice_equals(buffer_slice(&decoded), input));
    if (decode_percent(input, false, &arbitrary, &error) != STATUS_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
    }
}

static void check_slices(struct slice input)
{
    struct error error = ERROR_NONE;
    int64_t number = 0;
    struct slice cut = slice_cut_utf8(input, input.size / 2);
    FUZZ_CHECK(cut.size <= input.size / 2);
    FUZZ_CHECK(!slice_is_utf8(input) || slice_is_utf8(cut));
    if (slice_to_int64(input, -1000, 1000, &number, &error) == STATUS_OK) {
        FUZZ_CHECK(number >= -1000 && number <= 1000);
    }
    (void)slice_trim(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = fuzz_input(data, size);
    check_base64(input);
    check_percent(input);
    check_slices(input);
    return 0;
}
