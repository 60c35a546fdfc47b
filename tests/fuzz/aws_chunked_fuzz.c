/* An upload in chunks of arbitrary bytes: refused with a text, or no longer than it came. */
#include "tests/fuzz/fuzz.h"

#include "infra/local/aws_chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buffer_clear) struct buffer out = {0};
    struct error error = ERROR_NONE;
    buffer_init(&out, size);
    if (aws_chunked_decode(fuzz_input(data, size), &out, &error) == STATUS_OK) {
        FUZZ_CHECK(!out.overflowed);
    } else {
        FUZZ_CHECK(error.text[0] != '\0');
    }
    return 0;
}
