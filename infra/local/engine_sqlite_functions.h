/* Redshift's functions that SQLite does not have. */
#ifndef RINGBACK_INFRA_LOCAL_ENGINE_SQLITE_FUNCTIONS_H
#define RINGBACK_INFRA_LOCAL_ENGINE_SQLITE_FUNCTIONS_H

#include "infra/local/engine.h"

#include <sqlite3.h>

/* *cancel is what pg_sleep looks at; the pointer must live as long as the connection. */
void engine_sqlite_add_functions(sqlite3 *db, const struct engine_cancel **cancel);

#endif
