/*
 * The environment and the shared files (~/.aws/config, ~/.aws/credentials) as one place to look
 * settings up. Read afresh whenever asked for, since tools rewrite the files.
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
#ifndef RINGBACK_INFRA_AWS_PROFILE_H
#define RINGBACK_INFRA_AWS_PROFILE_H

#include "infra/base/arena.h"
#include "infra/base/slice.h"

#include <stdbool.h>

/* Value of NAME in a NULL-terminated environment; NULL when it is not there or empty. */
const char *environment_get(char *const *environment, const char *name);
/* "true" in any case. */
bool environment_flag(char *const *environment, const char *name);

struct profile_property {
    struct profile_property *next;
    struct slice name; /* "endpoint_url"; of a nested block "sqs.endpoint_url" */
    struct slice value;
};

struct profile_section {
    struct profile_section *next;
    struct slice kind; /* "profile", "services", "sso-session" */
    struct slice name;
    struct profile_property *properties;
};

/* Both files in one list; what the credentials file says about a profile beats the config file. */
struct profile_files {
    char *const *environment; /* which beats what the files say */
    struct profile_section *sections;
};

/* Files that are missing or unreadable count as empty. */
struct profile_files *profile_files_load(struct arena *arena, char *const *environment);
/* AWS_PROFILE, else "default". */
struct slice profile_chosen(char *const *environment);
const struct profile_section *profile_find(const struct profile_files *files, const char *kind,
                                           struct slice name);
/* Absent when section is NULL or has no such property. */
struct slice profile_get(const struct profile_section *section, const char *name);

/* Appends one file's sections; for tests of the format. plain_names: "[name]" is a profile, as in
 * the credentials file. */
void profile_parse(struct arena *arena, struct slice text, bool plain_names,
                   struct profile_files *files);

/* The content of a file of at most max_bytes, without final white space; absent when it cannot be
 * read or is larger. */
struct slice profile_read_file(struct arena *arena, const char *path, size_t max_bytes);

#endif
