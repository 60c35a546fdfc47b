#include "infra/cli/flags.h"

#include <string.h>

static const struct flag *find_flag(const struct flag *flags, size_t flag_count, const char *name,
                                    size_t name_size)
{
    for (size_t i = 0; i < flag_count; i++) {
        if (strlen(flags[i].name) == name_size && memcmp(flags[i].name, name, name_size) == 0) {
            return &flags[i];
        }
    }
    return NULL;
}

/* One flag at arguments[*at]; *at moves on to its value when that is an argument of its own. */
static enum status parse_flag(const struct flag *flag, int count, char **arguments, int *at,
                              struct error *error)
{
    const char *equals = strchr(arguments[*at], '=');
    if (!flag->value) {
        *flag->given = true;
        return equals ? error_set(error, STATUS_REJECTED, "--%s: takes no value", flag->name)
                      : STATUS_OK;
    }
    if (!equals && *at + 1 == count) {
        return error_set(error, STATUS_REJECTED, "--%s: needs a value", flag->name);
    }
    if (flag->times && *flag->times == flag->max) {
        return error_set(error, STATUS_REJECTED, "--%s: at most %zu times", flag->name, flag->max);
    }
    flag->value[flag->times ? (*flag->times)++ : 0] = equals ? equals + 1 : arguments[++*at];
    return STATUS_OK;
}

enum status flags_parse(const struct flag *flags, size_t flag_count, int *count, char **arguments,
                        struct error *error)
{
    int kept = 0;
    bool ended = false;
    for (int i = 0; i < *count; i++) {
        const char *argument = arguments[i];
        if (ended || strncmp(argument, "--", 2) != 0) {
            arguments[kept++] = arguments[i];
            continue;
        }
        if (argument[2] == '\0') {
            ended = true;
            continue;
        }
        const size_t name_size = strcspn(argument + 2, "=");
        const struct flag *flag = find_flag(flags, flag_count, argument + 2, name_size);
        if (!flag) {
            return error_set(error, STATUS_REJECTED, "--%.*s: unknown flag", (int)name_size,
                             argument + 2);
        }
        if (parse_flag(flag, *count, arguments, &i, error) != STATUS_OK) {
            return STATUS_REJECTED;
        }
    }
    *count = kept;
    return STATUS_OK;
}
