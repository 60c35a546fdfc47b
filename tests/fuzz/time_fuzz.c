/* A time that is read is written and read back the same. */
#include "tests/fuzz/fuzz.h"

#include "infra/base/encode.h"

static void check_same(int64_t time_ms)
{
    char text[TIME_TEXT_BYTES + 1];
    int64_t again_ms = 0;
    time_format_ms(time_ms, text);
    FUZZ_CHECK(time_parse_iso(slice_from_text(text), &again_ms, NULL) == STATUS_OK);
    FUZZ_CHECK(again_ms == time_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_input(data, size);
    struct error error = ERROR_NONE;
    int64_t time_ms = 0;
    if (time_parse_iso(text, &time_ms, &error) == STATUS_OK) {
        check_same(time_ms);
    } else {
        FUZZ_CHECK(error.text[0] != '\0');
    }
    if (time_parse_http(text, &time_ms, &error) == STATUS_OK) {
        check_same(time_ms);
    }
    return 0;
}
