#include "completer/set_aside.h"
#include "tracker/tracker_dynamodb_table.h"

#include "infra/aws/redshift_data.h"
#include "infra/aws/sqs.h"
#include "infra/cli/flags.h"
#include "infra/cli/verb.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DOCTOR_ARENA_BYTES (64u << 20)
#define RECORDS_LOOKED_AT  100
#define TABLE_MAX_BYTES    (64u << 10)

const char cmd_doctor_usage[] =
    "doctor [--create-table | --print-table] [FLAGS]\n"
    "\n"
    "Checks what a daemon needs: configuration, keys, tracker, credentials, Data API and queues;\n"
    "with RINGBACK_URL set, whether the service there answers. One line each; the exit status is\n"
    "0 when all is well, else 1.\n"
    "\n"
    "  --create-table   where the tracker is dynamodb:TABLE: makes the table first, unless there is\n"
    "                   one (on-demand, with its index and with expiry)\n"
    "  --print-table    prints that table's properties as JSON, in the words of CloudFormation, and\n"
    "                   does nothing else\n";

struct doctor {
    struct verb *verb;
    const struct service *service;
    struct worker *worker;
    bool client; /* worker->aws can be used */
    bool creates_table;
    int problems;
};

static void tell(struct doctor *doctor, const char *what, const struct error *problem,
                 const char *remark)
{
    const bool fine = problem->status == STATUS_OK;
    doctor->problems += !fine;
    (void)printf("%-8s %s: %s\n", fine ? "ok" : "problem", what, fine ? remark : problem->text);
}

/* Nothing is broken, but somebody should know. */
static void warn(const char *what, const char *remark)
{
    (void)printf("%-8s %s: %s\n", "warning", what, remark);
}

static void check_keys(struct doctor *doctor)
{
    if (seal_keys_active(doctor->service->keys)) {
        tell(doctor, "key file", &ERROR_NONE, "records are sealed");
    } else {
        warn("key file", "RINGBACK_KEY_FILE is not set, records are stored in the clear");
    }
}

struct looked_at {
    size_t count;
    size_t unreadable;
    struct error why; /* the last one's */
};

static void look_at(struct doctor *doctor, const struct tracker_record *stored,
                    struct looked_at *looked_at)
{
    struct record record;
    looked_at->count++;
    looked_at->unreadable += record_open(&doctor->service->seal, doctor->verb->arena, stored,
                                         &record, &looked_at->why) != STATUS_OK;
}

/* The open ones that came last. */
MUST_CHECK static enum status look_at_open(struct doctor *doctor, struct looked_at *looked_at,
                                           struct error *error)
{
    const struct tracker_list list = {.open_only = true, .limit = RECORDS_LOOKED_AT};
    struct tracker_record *records = NULL;
    struct slice next = SLICE_NONE;
    size_t count = 0;
    enum status status = tracker_list(doctor->worker->tracker, doctor->verb->arena, &list, &records,
                                      &count, &next, error);
    for (size_t i = 0; i < count; i++) {
        look_at(doctor, &records[i], looked_at);
    }
    return status;
}

/* Those that a sweep has set aside, of which the oldest messages tell; its keys may not be ours. */
MUST_CHECK static enum status look_aside(struct doctor *doctor, struct looked_at *looked_at,
                                         struct error *error)
{
    struct tracker_parked *messages = NULL;
    struct slice next = SLICE_NONE;
    size_t count = 0;
    enum status status =
        tracker_parked_list(doctor->worker->tracker, doctor->verb->arena, RECORDS_LOOKED_AT,
                            SLICE_NONE, &messages, &count, &next, error);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct tracker_lookup lookup = {.id = messages[i].id};
        if (!slice_equals_text(messages[i].source, SET_ASIDE_SOURCE)) {
            continue;
        }
        status = tracker_find(doctor->worker->tracker, doctor->verb->arena, &lookup, 1, error);
        if (status == STATUS_OK && lookup.found) {
            look_at(doctor, &lookup.record, looked_at);
        }
    }
    return status;
}

/* Whether the keys open what is there. */
static void check_records(struct doctor *doctor)
{
    struct error problem = ERROR_NONE;
    struct looked_at open = {0};
    struct looked_at aside = {0};
    problem.status = look_at_open(doctor, &open, &problem);
    if (problem.status == STATUS_OK) {
        problem.status = look_aside(doctor, &aside, &problem);
    }
    if (problem.status == STATUS_OK && open.unreadable + aside.unreadable > 0) {
        (void)error_set(
            &problem, STATUS_INTERNAL,
            "%zu of the last %zu open ones cannot be read, and %zu that were set aside: "
            "%s",
            open.unreadable, open.count, aside.unreadable,
            open.unreadable > 0 ? open.why.text : aside.why.text);
    }
    tell(doctor, "records", &problem,
         arena_format(doctor->verb->arena, "the last %zu open ones can be read", open.count));
}

static void create_table(struct doctor *doctor, const char *table)
{
    struct error problem = ERROR_NONE;
    bool created = false;
    if (table == NULL) {
        error_set(&problem, STATUS_REJECTED, "the tracker is no dynamodb:TABLE");
    } else {
        problem.status = tracker_dynamodb_table_create(doctor->worker->aws, clock_system(), table,
                                                       &created, &problem);
    }
    tell(doctor, "create table", &problem, created ? "made" : "was there already");
}

static void check_table(struct doctor *doctor, const char *table)
{
    struct error problem = ERROR_NONE;
    const char *remark = NULL;
    problem.status = tracker_dynamodb_table_check(doctor->worker->aws, doctor->verb->arena, table,
                                                  &remark, &problem);
    tell(doctor, "table", &problem, remark != NULL ? remark : "as it should be");
}

static void check_tracker(struct doctor *doctor)
{
    struct error problem = ERROR_NONE;
    struct tracker_counts counts = {0};
    struct tracker **tracker = &doctor->worker->tracker;
    problem.status = tracker_open(&doctor->service->tracker, tracker, &problem);
    if (problem.status == STATUS_OK) {
        problem.status = tracker_ping(*tracker, &problem);
    }
    if (problem.status == STATUS_OK) {
        problem.status = tracker_count(*tracker, &counts, &problem);
    }
    tell(doctor, "tracker", &problem,
         arena_format(doctor->verb->arena,
                      "%" PRId64 " invocations, %" PRId64 " open, %" PRId64 " messages parked",
                      counts.records, counts.open, counts.parked));
    if (problem.status == STATUS_OK) {
        check_records(doctor);
    }
}

static void check_credentials(struct doctor *doctor)
{
    struct error problem = ERROR_NONE;
    struct credentials credentials;
    const struct http_options options = {.max_connections = 1};
    struct http *http = http_new(&options);
    problem.status = credentials_get(doctor->service->credentials, http, &credentials, &problem);
    credentials_wipe(&credentials);
    http_free(http);
    tell(doctor, "credentials", &problem, "found");
}

static void check_client(struct doctor *doctor)
{
    struct error problem = ERROR_NONE;
    problem.status = aws_client_new(&doctor->service->aws, &doctor->worker->aws, &problem);
    doctor->client = problem.status == STATUS_OK;
    tell(doctor, "region", &problem, doctor->client ? aws_region(doctor->worker->aws) : "");
}

static void check_data_api(struct doctor *doctor)
{
    struct error problem = ERROR_NONE;
    struct aws_call call = {0};
    struct redshift_data_listed *listed = NULL;
    struct slice token = SLICE_NONE;
    size_t count = 0;
    redshift_data_build_list(doctor->verb->arena, doctor->service->settings.prefix, SLICE_NONE,
                             &call);
    aws_send_all(doctor->worker->aws, &call, 1);
    if (call.status == STATUS_OK) {
        problem.status =
            redshift_data_read_list(doctor->verb->arena, &call, &listed, &count, &token, &problem);
    } else {
        aws_call_error(&call, &problem);
    }
    tell(doctor, "Data API", &problem,
         doctor->service->settings.has_target ? "ListStatements answers"
                                              : "ListStatements answers; requests must name their "
                                                "target, the environment has none");
}

static void check_queue(struct doctor *doctor, const char *what, const char *url,
                        const char *without)
{
    struct error problem = ERROR_NONE;
    struct aws_call call = {0};
    struct slice arn = SLICE_NONE;
    int64_t visible = 0;
    int64_t in_flight = 0;
    if (url == NULL) {
        tell(doctor, what, &problem, without);
        return;
    }
    sqs_build_attributes(doctor->verb->arena, url, &call);
    aws_send_all(doctor->worker->aws, &call, 1);
    if (call.status == STATUS_OK) {
        problem.status =
            sqs_read_attributes(doctor->verb->arena, &call, &arn, &visible, &in_flight, &problem);
    } else {
        aws_call_error(&call, &problem);
    }
    tell(doctor, what, &problem,
         arena_format(doctor->verb->arena, "%" PRId64 " messages, %" PRId64 " in flight", visible,
                      in_flight));
}

static void check_service(struct doctor *doctor)
{
    struct error problem = ERROR_NONE;
    struct json document;
    struct remote_call call = {.method = "GET", .target = "/invocations?limit=1"};
    if (verb_try_call(doctor->verb, &call, &document, &problem) == EXIT_FINISHED) {
        problem.status = STATUS_OK;
    }
    tell(doctor, "service", &problem, "answers");
}

static void check_all(struct doctor *doctor)
{
    const struct config *config = &doctor->service->config;
    const char *table = tracker_dynamodb_table_name(config->tracker_url);
    check_keys(doctor);
    check_credentials(doctor);
    check_client(doctor);
    if (doctor->client && doctor->creates_table) {
        create_table(doctor, table);
    }
    if (doctor->client && table != NULL) {
        check_table(doctor, table);
    }
    check_tracker(doctor);
    if (!doctor->client) {
        return;
    }
    check_data_api(doctor);
    check_queue(doctor, "event queue", config->event_queue_url,
                "not set, endings are learned by the sweep alone");
    check_queue(doctor, "request queue", config->request_queue_url,
                "not set, requests come by HTTP alone");
}

/* What a table is asked for is done here, even when RINGBACK_URL is set. */
static bool asks_for_table(int count, char **arguments)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(arguments[i], "--create-table") == 0 ||
            strcmp(arguments[i], "--print-table") == 0) {
            return true;
        }
    }
    return false;
}

/* Settings and flags; what is left over is unknown. */
MUST_CHECK static enum status open_doctor(struct doctor *doctor, bool *prints, struct error *error)
{
    const struct flag flags[] = {{.name = "create-table", .given = &doctor->creates_table},
                                 {.name = "print-table", .given = prints}};
    struct verb *verb = doctor->verb;
    enum status status =
        remote_open(&verb->count, verb->arguments, asks_for_table(verb->count, verb->arguments),
                    &verb->remote, error);
    if (status == STATUS_OK) {
        status = flags_parse(flags, ARRAY_COUNT(flags), &verb->count, verb->arguments, error);
    }
    return status;
}

/* Properties on stdout, and nothing else. */
static int print_table(const struct verb *verb, const char *table)
{
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, TABLE_MAX_BYTES);
    if (table == NULL) {
        return verb_fail(verb, EXIT_USAGE, "--print-table: the tracker is no dynamodb:TABLE");
    }
    tracker_dynamodb_table_print(table, &out);
    (void)printf("%.*s\n", SLICE_PRINT(buffer_slice(&out)));
    return EXIT_FINISHED;
}

int cmd_doctor(int count, char **arguments)
{
    CLEANUP(verb_close)
    struct verb verb = {.name = "doctor", .count = count, .arguments = arguments};
    struct doctor doctor = {
        .verb = &verb, .service = &verb.remote.service, .worker = &verb.remote.worker};
    struct error problem = ERROR_NONE;
    bool prints = false;
    verb.arena = arena_new(DOCTOR_ARENA_BYTES);
    problem.status = open_doctor(&doctor, &prints, &problem);
    if (problem.status == STATUS_OK && verb.count > 0) {
        return verb_fail(&verb, EXIT_USAGE, "%s: unknown argument", arguments[0]);
    }
    if (problem.status == STATUS_OK && prints) {
        return print_table(&verb, tracker_dynamodb_table_name(doctor.service->config.tracker_url));
    }
    tell(&doctor, "configuration", &problem, "valid");
    if (problem.status == STATUS_OK && verb.remote.http != NULL) {
        check_service(&doctor);
    } else if (problem.status == STATUS_OK) {
        check_all(&doctor);
    }
    return doctor.problems > 0 ? EXIT_FAILED : EXIT_FINISHED;
}
