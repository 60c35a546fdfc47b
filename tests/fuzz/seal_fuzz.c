/* Arbitrary bytes never open, what was sealed opens, and with one bit changed it does not. */
#include "tests/fuzz/fuzz.h"

#include "infra/base/seal.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define OPENED_MAX_BYTES (4u << 20)

static const char key_line[] = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

static struct seal_keys *load_keys(void)
{
    struct seal_keys *keys = NULL;
    struct error error = ERROR_NONE;
    char path[64];
    int file = memfd_create("keys", MFD_CLOEXEC);
    FUZZ_CHECK(file >= 0 && write(file, key_line, strlen(key_line)) > 0);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    FUZZ_CHECK(seal_keys_load(path, &keys, &error) == STATUS_OK);
    (void)close(file);
    return keys;
}

static enum status open_sealed(const struct seal_keys *keys, struct slice sealed,
                               struct buffer *plain)
{
    struct error error = ERROR_NONE;
    buffer_init(plain, OPENED_MAX_BYTES);
    enum status status = seal_open(keys, SLICE("record"), SLICE("plan"), sealed, plain, &error);
    FUZZ_CHECK(status == STATUS_OK || error.text[0] != '\0');
    return status;
}

static void check_arbitrary(const struct seal_keys *keys, struct slice input)
{
    CLEANUP(buffer_clear) struct buffer plain = {0};
    enum status status = open_sealed(keys, input, &plain);
    bool clear = slice_starts_with(input, SLICE("RB0"));
    FUZZ_CHECK((status == STATUS_OK) == clear);
    FUZZ_CHECK(!clear || slice_equals(buffer_slice(&plain), slice_part(input, 3, input.size)));
}

static void check_sealed(const struct seal_keys *keys, struct slice input)
{
    CLEANUP(buffer_clear) struct buffer sealed = {0};
    CLEANUP(buffer_clear) struct buffer plain = {0};
    CLEANUP(buffer_clear) struct buffer damaged = {0};
    struct random_seeded random;
    struct error error = ERROR_NONE;
    random_seeded_init(&random, input.size);
    buffer_init(&sealed, OPENED_MAX_BYTES);
    FUZZ_CHECK(seal_close(keys, &random.random, SLICE("record"), SLICE("plan"), input, &sealed,
                          &error) == STATUS_OK);
    FUZZ_CHECK(open_sealed(keys, buffer_slice(&sealed), &plain) == STATUS_OK);
    FUZZ_CHECK(slice_equals(buffer_slice(&plain), input));
    size_t at = (size_t)random_below(&random.random, sealed.size);
    sealed.data[at] = (char)(sealed.data[at] ^ (1 << random_below(&random.random, 8)));
    if (!slice_starts_with(buffer_slice(&sealed), SLICE("RB0"))) {
        FUZZ_CHECK(open_sealed(keys, buffer_slice(&sealed), &damaged) != STATUS_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct seal_keys *keys;
    if (keys == NULL) {
        keys = load_keys();
    }
    check_arbitrary(keys, fuzz_input(data, size));
    check_sealed(keys, fuzz_input(data, size));
    return 0;
}
