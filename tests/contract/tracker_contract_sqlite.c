/* The suite on SQLite: each test gets a file of its own in a folder that goes away at the end. */
#include "tests/contract/tracker_contract.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static char url[128];
static unsigned file_count;

static void start(void)
{
    (void)strcpy(folder, "tracker-contract-XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static void stop(void)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry = NULL;
    char path[512];

    while (entries && (entry = readdir(entries))) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        (void)unlink(path);
    }
    if (entries) {
        (void)closedir(entries);
    }
    (void)rmdir(folder);
}

static const char *fresh_url(void)
{
    (void)snprintf(url, sizeof(url), "sqlite:%s/%u.db", folder, ++file_count);
    return url;
}

static void raise_schema(void)
{
    sqlite3 *database = NULL;

    assert_int_equal(sqlite3_open(url + strlen("sqlite:"), &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "PRAGMA user_version = 99", NULL, NULL, NULL),
                     SQLITE_OK);
    (void)sqlite3_close(database);
}

const struct contract_backend contract_backend = {
    .start = start,
    .stop = stop,
    .fresh_url = fresh_url,
    .raise_schema = raise_schema,
};
