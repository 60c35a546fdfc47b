/* AWS's shared files of arbitrary content: every section and property lies in the text. */
#include "tests/fuzz/fuzz.h"

#include "infra/aws/profile.h"

static void check_sections(const struct profile_files *files)
{
    for (const struct profile_section *section = files->sections; section != NULL;
         section = section->next) {
        FUZZ_CHECK(section->kind.data != NULL && section->name.data != NULL);
        for (const struct profile_property *property = section->properties; property != NULL;
             property = property->next) {
            FUZZ_CHECK(property->name.data != NULL && property->value.data != NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(FUZZ_ARENA_BYTES);
    char *const environment[] = {NULL};
    struct profile_files files = {.environment = environment};
    profile_parse(arena, fuzz_input(data, size), false, &files);
    profile_parse(arena, fuzz_input(data, size), true, &files);
    check_sections(&files);
    (void)profile_get(profile_find(&files, "profile", SLICE("default")), "region");
    return 0;
}
