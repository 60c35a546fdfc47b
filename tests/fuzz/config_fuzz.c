/* Arbitrary environment and flags, one per line (flags begin with "-"): refused with a text, or
 * every value keeps its range. */
#include "tests/fuzz/fuzz.h"

#include "infra/base/config.h"

#include <string.h>

#define LINES_MAX 64

static void check_values(const struct config *config)
{
    FUZZ_CHECK(config->tracker_url != NULL && config->statement_prefix != NULL);
    FUZZ_CHECK(config->http_listen != NULL && config->admin_listen != NULL);
    FUZZ_CHECK(config->output != NULL);
    FUZZ_CHECK(config->workers >= 1 && config->sweep_seconds >= 1);
    FUZZ_CHECK(config->wait_seconds >= 0 && config->wait_seconds <= 30);
    FUZZ_CHECK(config->dedupe_days >= 15 && config->retain_days >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(FUZZ_ARENA_BYTES);
    char *environment[LINES_MAX + 1] = {NULL};
    char *arguments[LINES_MAX + 1] = {NULL};
    size_t variables = 0;
    int count = 0;
    struct slice rest = fuzz_input(data, size);
    struct error error = ERROR_NONE;
    struct config config;
    while (rest.size > 0 && variables < LINES_MAX && count < LINES_MAX) {
        struct slice line = fuzz_take(&rest, '\n');
        char *text = arena_alloc(arena, line.size + 1);
        if (line.size > 0) {
            memcpy(text, line.data, line.size);
        }
        if (line.size > 0 && line.data[0] == '-') {
            arguments[count++] = text;
        } else {
            environment[variables++] = text;
        }
    }
    int given = count;
    if (config_load(arena, environment, &count, arguments, &config, &error) == STATUS_OK) {
        FUZZ_CHECK(count >= 0 && count <= given);
        check_values(&config);
    } else {
        FUZZ_CHECK(error.status == STATUS_REJECTED && error.text[0] != '\0');
    }
    return 0;
}
