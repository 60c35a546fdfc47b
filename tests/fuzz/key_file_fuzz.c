/* RINGBACK_KEY_FILE of arbitrary content is refused with a text that tells nothing of it, or
 * seals. */
#include "tests/fuzz/fuzz.h"

#include "infra/base/seal.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buffer_clear) struct buffer sealed = {0};
    struct seal_keys *keys = NULL;
    struct error error = ERROR_NONE;
    char path[64];
    int file = memfd_create("keys", MFD_CLOEXEC);
    FUZZ_CHECK(file >= 0 && write(file, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    enum status status = seal_keys_load(path, &keys, &error);
    (void)close(file);
    if (status != STATUS_OK) {
        FUZZ_CHECK(status == STATUS_REJECTED && error.text[0] != '\0');
        return 0;
    }
    buffer_init(&sealed, 4096);
    FUZZ_CHECK(seal_close(keys, random_system(), SLICE("r"), SLICE("f"), SLICE("plain"), &sealed,
                          &error) == STATUS_OK);
    seal_keys_free(keys);
    return 0;
}
