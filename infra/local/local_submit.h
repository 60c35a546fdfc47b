/* What ExecuteStatement and BatchExecuteStatement say, checked against Amazon's rules. */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_SUBMIT_H
#define RINGBACK_INFRA_LOCAL_LOCAL_SUBMIT_H

#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/json_reader.h"
#include "infra/base/slice.h"
#include "infra/local/engine.h"
#include "infra/local/service.h"

#define DATA_SQLS_MAX        40
#define DATA_SQL_BYTES       (200UL * 1024)
#define DATA_PARAMETERS_MAX  200
#define DATA_KEEP_ALIVE_MAX  86400
#define DATA_KEEP_ALIVE_NONE (-1)

struct data_submit {
    bool batch;
    bool auto_commit;
    bool csv;
    bool with_event;
    struct slice sqls[DATA_SQLS_MAX];
    size_t sql_count;
    struct engine_parameter *parameters;
    size_t parameter_count;
    struct slice cluster;
    struct slice workgroup;
    struct slice database;
    struct slice db_user;
    struct slice secret_arn;
    struct slice name;
    struct slice token;
    struct slice session_id;
    int64_t keep_alive_seconds; /* DATA_KEEP_ALIVE_NONE: not given */
    int64_t wait_seconds;       /* 0: not given */
};

/* Slices point into the call. REJECTED says what is wrong, for a ValidationException. */
MUST_CHECK enum status data_submit_parse(const struct local_call *call, struct data_submit *submit,
                                         struct error *error);
/* ClusterIdentifier and WorkgroupName of any operation; at_most_one or exactly one. */
MUST_CHECK enum status data_parse_target(struct json input, bool required, struct slice *cluster,
                                         struct slice *workgroup, struct error *error);
/* Id or SessionId by Amazon's pattern; ":N" only where sub_allowed. */
MUST_CHECK enum status data_parse_id(struct json input, const char *name, bool sub_allowed,
                                     struct slice *id, struct error *error);
MUST_CHECK enum status data_parse_wait(struct json input, int64_t *seconds, struct error *error);

#endif
