/* A file for SQLite in a folder of its own, below the working folder. */
#ifndef RINGBACK_TESTS_SUPPORT_SQLITE_FILE_H
#define RINGBACK_TESTS_SUPPORT_SQLITE_FILE_H

#include "tests/support/cmocka.h"

#include "infra/base/compiler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sqlite_file {
    char folder[32];
    char path[64]; /* nothing is there yet */
    char url[96];
};

static inline void sqlite_file_make(struct sqlite_file *file)
{
    (void)strcpy(file->folder, "tracker-sqlite-XXXXXX");
    assert_non_null(mkdtemp(file->folder));
    (void)snprintf(file->path, sizeof(file->path), "%s/t.db", file->folder);
    (void)snprintf(file->url, sizeof(file->url), "sqlite:%s", file->path);
}

/* SQLite leaves nothing else behind. */
static inline void sqlite_file_remove(const struct sqlite_file *file)
{
    const char *const suffixes[] = {"", "-wal", "-shm"};
    char path[80];

    for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", file->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(file->folder), 0);
}

#endif
