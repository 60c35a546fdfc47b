/*
 * What runs the SQL: one table of functions per engine. A connection is used by one thread at a
 * time; only engine_cancel_request may come from another.
 */
#ifndef RINGBACK_INFRA_LOCAL_ENGINE_H
#define RINGBACK_INFRA_LOCAL_ENGINE_H

#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"
#include "infra/local/local_result.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The wish to stop, which outlives every race: it is looked at before a statement begins and while
 * it runs, sleeps or waits for a lock. event_fd becomes readable with it.
 */
struct engine_cancel {
    atomic_bool requested;
    int event_fd;
};

void engine_cancel_init(struct engine_cancel *cancel);
void engine_cancel_clear(struct engine_cancel *cancel);
void engine_cancel_request(struct engine_cancel *cancel);
/* cancel may be NULL: never. */
bool engine_cancel_requested(const struct engine_cancel *cancel);
/* Sleeps, or returns at once when cancelled. cancel may be NULL. */
void engine_cancel_wait(const struct engine_cancel *cancel, int64_t duration_ms);

struct engine_parameter {
    struct slice name;
    struct slice value;
};

struct engine_request {
    struct slice sql; /* one statement, `:name` where a parameter goes */
    const struct engine_parameter *parameters;
    size_t parameter_count;
    const struct engine_cancel *cancel; /* NULL: cannot be cancelled */
};

enum engine_end {
    ENGINE_DONE,
    ENGINE_FAILED,
    ENGINE_CANCELLED,
};

struct engine_outcome {
    bool has_result;
    int64_t row_count; /* returned or affected */
    struct local_result result;
    struct buffer error; /* the database's own text with "ERROR: " before it */
};

void engine_outcome_init(struct engine_outcome *outcome);
void engine_outcome_clear(struct engine_outcome *outcome);
/* Replaces the error by "ERROR: text"; returns ENGINE_FAILED. */
enum engine_end engine_outcome_fail(struct engine_outcome *outcome, const char *text);

/* Queries of the catalogue. Parameters :database, :schema and :table are always given (the last two
 * as LIKE patterns, except in ENGINE_CATALOG_COLUMNS, where they are names). */
enum engine_catalog {
    ENGINE_CATALOG_DATABASES, /* name */
    ENGINE_CATALOG_SCHEMAS,   /* name */
    ENGINE_CATALOG_TABLES,    /* name, type, schema */
    ENGINE_CATALOG_COLUMNS,   /* name, type, nullable "1" or "0", default or NULL, length as text */
};
#define ENGINE_CATALOG_COUNT (ENGINE_CATALOG_COLUMNS + 1)

struct engine_functions {
    const char *name;
    MUST_CHECK enum status (*open)(const char *url, void **engine, struct error *error);
    void (*close)(void *engine);
    /* The text of a failure is the database's. */
    MUST_CHECK enum status (*connect)(void *engine, void **connection, struct error *error);
    void (*disconnect)(void *connection);
    int64_t (*pid)(const void *connection);
    enum engine_end (*execute)(void *connection, const struct engine_request *request,
                               struct engine_outcome *outcome);
    const char *begin; /* starts a transaction that may write */
    const char *catalog[ENGINE_CATALOG_COUNT];
};

extern const struct engine_functions engine_sqlite;
extern const struct engine_functions engine_postgres;

/* The engine that understands this URL, or NULL. */
const struct engine_functions *engine_find(const char *url);

#endif
