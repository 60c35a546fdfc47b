/* Redshift's date functions for SQLite; dates are its texts, "YYYY-MM-DD[ HH:MM:SS]". */
#ifndef RINGBACK_INFRA_LOCAL_ENGINE_SQLITE_DATES_H
#define RINGBACK_INFRA_LOCAL_ENGINE_SQLITE_DATES_H

#include <sqlite3.h>

void sqlite_getdate(sqlite3_context *context, int count, sqlite3_value **values);
/* dateadd('part', number, date) */
void sqlite_dateadd(sqlite3_context *context, int count, sqlite3_value **values);
/* datediff('part', from, to): how many boundaries of the part lie between */
void sqlite_datediff(sqlite3_context *context, int count, sqlite3_value **values);
/* date_trunc('part', date) */
void sqlite_date_trunc(sqlite3_context *context, int count, sqlite3_value **values);

#endif
