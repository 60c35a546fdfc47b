/*
 * Amazon DynamoDB, JSON 1.0, as pairs of pure functions: build a call, read its answer.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/
 *
 * A table has two string keys, `pk` and `sk`. In every expression `#name` stands for the attribute
 * of that name and `:name` for the value of that name, so that no reserved word is in the way.
 * Every call that costs capacity asks how much it was.
 */
#ifndef RINGBACK_INFRA_AWS_DYNAMODB_H
#define RINGBACK_INFRA_AWS_DYNAMODB_H

#include "infra/aws/client.h"
#include "infra/base/arena.h"
#include "infra/base/json_reader.h"

#define DYNAMODB_VALUES_MAX      20
#define DYNAMODB_BATCH_GET_MAX   25 /* of 100: so that 25 of the largest items fit one answer */
#define DYNAMODB_BATCH_WRITE_MAX 25
#define DYNAMODB_ITEM_MAX_BYTES  (400u * 1024)

enum dynamodb_kind { DYNAMODB_TEXT, DYNAMODB_NUMBER, DYNAMODB_BYTES };

/* Attributes of an item, or values of expressions. */
struct dynamodb_values {
    struct {
        const char *name;
        enum dynamodb_kind kind;
        struct slice bytes; /* borrowed until the call is built */
        int64_t number;
    } list[DYNAMODB_VALUES_MAX];
    size_t count;
};

/* ---- Answers -------------------------------------------------------------------------------- */

/* Every answer is parsed once, a refusal too; what is in it is read from its root. INTERNAL: it is
 * no JSON object. */
MUST_CHECK enum status dynamodb_read(struct arena *arena, const struct aws_call *call,
                                     struct json *root, struct error *error);
/* Capacity units the answer names, in thousandths (reads may cost half a unit); 0: none named. */
int64_t dynamodb_consumed_milli(struct json root);

/* Attributes of an item that was read. An attribute of another kind is absent. */
struct slice dynamodb_text(struct json item, const char *name);
int64_t dynamodb_number(struct json item, const char *name, int64_t absent);
struct slice dynamodb_bytes(struct arena *arena, struct json item, const char *name);

/* ---- Values --------------------------------------------------------------------------------- */

/* One more; there must be room. */
void dynamodb_add_text(struct dynamodb_values *values, const char *name, struct slice text);
void dynamodb_add_number(struct dynamodb_values *values, const char *name, int64_t number);
/* Absent bytes are no attribute. */
void dynamodb_add_bytes(struct dynamodb_values *values, const char *name, struct slice bytes);

struct dynamodb_key {
    const char *pk;
    const char *sk;
};

/* ---- Writing one item ----------------------------------------------------------------------- */

struct dynamodb_write {
    const char *table;
    struct dynamodb_key key;
    struct dynamodb_values values; /* of a put: the item beside its key */
    struct dynamodb_values extra;  /* of a put: the values of its condition */
    const char *update;            /* of an update: SET ... REMOVE ... ADD ... */
    const char *condition;         /* NULL: none */
    bool tells_item;               /* the item as it is, when the condition fails */
    const char *returns;           /* ReturnValues; NULL: none */
};

/* The three writes. */
void dynamodb_build_put(struct arena *arena, const struct dynamodb_write *write,
                        struct aws_call *call);
void dynamodb_build_update(struct arena *arena, const struct dynamodb_write *write,
                           struct aws_call *call);
void dynamodb_build_delete(struct arena *arena, const struct dynamodb_write *write,
                           struct aws_call *call);
/* Whether the call failed by its condition. When some sending of it was in doubt, that may be the
 * work of this very call: read again. */
bool dynamodb_condition_failed(const struct aws_call *call);
/* What ReturnValues asked for; after a failed condition the item as it is, where that was asked for
 * and the service knows it (ReturnValuesOnConditionCheckFailure). Absent: nothing was said. */
struct json dynamodb_read_write(struct json root);

/* ---- Many items without a condition --------------------------------------------------------- */

struct dynamodb_batch_write {
    struct dynamodb_key key;
    bool is_delete;
    bool done;
    struct dynamodb_values values;
};

/* At most DYNAMODB_BATCH_WRITE_MAX, no key twice. */
void dynamodb_build_batch_write(struct arena *arena, const char *table,
                                struct dynamodb_batch_write *const *writes, size_t count,
                                struct aws_call *call);
/* Sets done for all but those that are to be sent again. */
void dynamodb_read_batch_write(struct json root, const char *table,
                               struct dynamodb_batch_write *const *writes, size_t count);

/* ---- Reading -------------------------------------------------------------------------------- */

struct dynamodb_get {
    struct dynamodb_key key;
    struct json item; /* absent: there is none */
    bool done;        /* false: unprocessed, to be asked for again */
};

/* At most DYNAMODB_BATCH_GET_MAX, no key twice. */
void dynamodb_build_batch_get(struct arena *arena, const char *table,
                              struct dynamodb_get *const *gets, size_t count, bool consistent,
                              struct aws_call *call);
void dynamodb_read_batch_get(struct json root, const char *table, struct dynamodb_get *const *gets,
                             size_t count);

struct dynamodb_query {
    const char *table;
    const char *index; /* NULL: the table */
    const char *condition;
    struct dynamodb_values values;
    bool descending;
    bool consistent;
    size_t limit;            /* items looked at; 0: a page of 1 MB */
    struct slice start_from; /* *next of the page before, absent: from the start */
};

struct dynamodb_page {
    struct json first; /* walk with json_next */
    size_t count;
    struct slice next; /* absent: this is the last page */
};

/* One page of a query, and what it holds. */
void dynamodb_build_query(struct arena *arena, const struct dynamodb_query *query,
                          struct aws_call *call);
struct dynamodb_page dynamodb_read_query(struct arena *arena, struct json root);

/* ---- Tables --------------------------------------------------------------------------------- */

/* Any operation that takes {"TableName": ...} and no more: DescribeTable, DescribeTimeToLive. */
void dynamodb_build_describe(struct arena *arena, const char *operation, const char *table,
                             struct aws_call *call);
/* definition: a JSON object; what is in it follows TableName. For CreateTable and UpdateTimeToLive.
 */
void dynamodb_build_define(struct arena *arena, const char *operation, const char *table,
                           struct slice definition, struct aws_call *call);

#endif
