/* Removing a folder with all that is in it, for servers that tests start. */
#ifndef RINGBACK_TESTS_SUPPORT_REMOVE_FOLDER_H
#define RINGBACK_TESTS_SUPPORT_REMOVE_FOLDER_H

#include <ftw.h>
#include <stdio.h>

static inline int remove_entry(const char *path, const struct stat *status, int kind,
                               struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline void remove_folder(const char *path)
{
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
