#include "infra/local/temporary_folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_FOLDERS_MAX 16

char *temporary_folder_make(char *const *environment)
{
    const char *parent = "/tmp";
    char *path = NULL;
    for (; environment && *environment; environment++) {
        if (strncmp(*environment, "TMPDIR=/", 8) == 0) {
            parent = *environment + 7;
        }
    }
    if (asprintf(&path, "%s/ringback-s3-XXXXXX", parent) < 0) {
        abort();
    }
    if (!mkdtemp(path)) {
        free(path);
        return NULL;
    }
    return path;
}

static int remove_entry(const char *path, const struct stat *found, int kind, struct FTW *place)
{
    (void)found;
    (void)kind;
    (void)place;
    (void)remove(path);
    return 0;
}

void temporary_folder_remove(char *path)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): it does not change the working folder */
    (void)nftw(path, remove_entry, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS);
    free(path);
}
