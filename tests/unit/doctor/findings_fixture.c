#include "tests/unit/doctor/findings_fixture.h"

#include "tests/support/cmocka.h"

#include <stdlib.h>
#include <string.h>

int findings_set_up(void **state)
{
    struct findings_fixture *fixture = calloc(1, sizeof(*fixture));
    if (fixture == NULL) {
        return -1;
    }
    fixture->arena = arena_new(64u << 20);
    findings_init(&fixture->findings, fixture->arena);
    *state = fixture;
    return 0;
}

int findings_tear_down(void **state)
{
    struct findings_fixture *fixture = *state;
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

void findings_forget(struct findings_fixture *fixture)
{
    findings_init(&fixture->findings, fixture->arena);
}

const char *findings_names(const struct findings_fixture *fixture)
{
    const char *names = "";
    for (size_t i = 0; i < fixture->findings.count; i++) {
        const enum finding_kind kind = fixture->findings.list[i].kind;
        if (kind != FOUND_FINE) {
            names = arena_format(fixture->arena, "%s%s%s", names, names[0] != '\0' ? " " : "",
                                 finding_facts(kind)->name);
        }
    }
    return names;
}

void assert_found(const struct findings_fixture *fixture, const char *names, const char *context)
{
    if (strcmp(findings_names(fixture), names) != 0) {
        fail_msg("found \"%s\", not \"%s\", in %s", findings_names(fixture), names, context);
    }
}

void assert_said(const struct findings_fixture *fixture, const char *part)
{
    for (size_t i = 0; i < fixture->findings.count; i++) {
        if (strstr(fixture->findings.list[i].what, part) != NULL) {
            return;
        }
    }
    fail_msg("nobody said \"%s\"", part);
}
