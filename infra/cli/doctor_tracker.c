#include "infra/cli/doctor_tracker.h"

#include "completer/set_aside.h"
#include "tracker/tracker_dynamodb_table.h"

#include "infra/base/json_reader.h"
#include "infra/base/log.h"
#include "infra/doctor/file_system.h"

#include <inttypes.h>
#include <stdio.h>

#define RECORDS_LOOKED_AT 100
#define WARNING_MAX_BYTES 8192

static void examine_keys(const struct doctor_tracker *doctor)
{
    if (seal_keys_active(doctor->service->keys)) {
        findings_add(doctor->findings, FOUND_FINE, "key file", "records are sealed");
    } else {
        findings_add(doctor->findings, FOUND_NO_KEYS, "key file",
                     "RINGBACK_KEY_FILE is not set, records are stored in the clear");
    }
}

/* ---- Records -------------------------------------------------------------------------------- */

struct looked_at {
    size_t count;
    size_t unreadable;
    struct error why; /* the last one's */
};

static void look_at(const struct doctor_tracker *doctor, const struct tracker_record *stored,
                    struct looked_at *looked_at)
{
    struct record record;
    looked_at->count++;
    looked_at->unreadable += record_open(&doctor->service->seal, doctor->findings->arena, stored,
                                         &record, &looked_at->why) != STATUS_OK;
}

/* The open ones that came last. */
MUST_CHECK static enum status look_at_open(const struct doctor_tracker *doctor,
                                           struct looked_at *looked_at, struct error *error)
{
    const struct tracker_list list = {.open_only = true, .limit = RECORDS_LOOKED_AT};
    struct tracker_record *records = NULL;
    struct slice next = SLICE_NONE;
    size_t count = 0;
    enum status status = tracker_list(doctor->worker->tracker, doctor->findings->arena, &list,
                                      &records, &count, &next, error);
    for (size_t i = 0; i < count; i++) {
        look_at(doctor, &records[i], looked_at);
    }
    return status;
}

/* Those that a sweep has set aside, of which the oldest messages tell; its keys may not be ours. */
MUST_CHECK static enum status look_aside(const struct doctor_tracker *doctor,
                                         struct looked_at *looked_at, struct error *error)
{
    struct arena *arena = doctor->findings->arena;
    struct tracker_parked *messages = NULL;
    struct slice next = SLICE_NONE;
    size_t count = 0;
    enum status status = tracker_parked_list(doctor->worker->tracker, arena, RECORDS_LOOKED_AT,
                                             SLICE_NONE, &messages, &count, &next, error);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct tracker_lookup lookup = {.id = messages[i].id};
        if (!slice_equals_text(messages[i].source, SET_ASIDE_SOURCE)) {
            continue;
        }
        status = tracker_find(doctor->worker->tracker, arena, &lookup, 1, error);
        if (status == STATUS_OK && lookup.found) {
            look_at(doctor, &lookup.record, looked_at);
        }
    }
    return status;
}

/* Whether the keys open what is there. */
static void examine_records(const struct doctor_tracker *doctor)
{
    struct error problem = ERROR_NONE;
    struct looked_at open = {0};
    struct looked_at aside = {0};
    problem.status = look_at_open(doctor, &open, &problem);
    if (problem.status == STATUS_OK) {
        problem.status = look_aside(doctor, &aside, &problem);
    }
    if (problem.status != STATUS_OK) {
        findings_add(doctor->findings, FOUND_TRACKER, "records", "%s", problem.text);
    } else if (open.unreadable + aside.unreadable > 0) {
        findings_add(doctor->findings, FOUND_RECORDS, "records",
                     "%zu of the last %zu open ones cannot be read, and %zu that were set aside: "
                     "%s",
                     open.unreadable, open.count, aside.unreadable,
                     open.unreadable > 0 ? open.why.text : aside.why.text);
    } else {
        findings_add(doctor->findings, FOUND_FINE, "records", "the last %zu open ones can be read",
                     open.count);
    }
}

/* ---- Stores --------------------------------------------------------------------------------- */

static void create_table(const struct doctor_tracker *doctor, const char *table)
{
    struct error problem = ERROR_NONE;
    bool created = false;
    if (table == NULL) {
        error_set(&problem, STATUS_REJECTED, "the tracker is no dynamodb:TABLE");
    } else {
        problem.status = tracker_dynamodb_table_create(doctor->worker->aws, clock_system(), table,
                                                       &created, &problem);
    }
    if (problem.status != STATUS_OK) {
        findings_add(doctor->findings, FOUND_TABLE, "create table", "%s", problem.text);
    } else {
        findings_add(doctor->findings, FOUND_FINE, "create table", "%s",
                     created ? "made" : "was there already");
    }
}

static void examine_table(const struct doctor_tracker *doctor, const char *table)
{
    struct error problem = ERROR_NONE;
    const char *remark = NULL;
    if (tracker_dynamodb_table_check(doctor->worker->aws, doctor->findings->arena, table, &remark,
                                     &problem) != STATUS_OK) {
        findings_add(doctor->findings, FOUND_TABLE, "table", "%s", problem.text);
    } else {
        findings_add(doctor->findings, remark != NULL ? FOUND_TABLE_WEAK : FOUND_FINE, "table",
                     "%s", remark != NULL ? remark : "as it should be");
    }
}

/* A line of the log as a text: "message (name value, name value)". */
static const char *text_of_line(struct arena *arena, struct json line)
{
    static const char *const left_out[] = {"time", "level", "message"};
    struct slice message = SLICE_NONE;
    const char *details = "";
    for (size_t i = 0; i < json_count(line); i++) {
        struct slice name = SLICE_NONE;
        struct slice text = SLICE_NONE;
        const struct json value = json_member_at(line, i, &name);
        if (json_text(value, &text, NULL) == STATUS_OK &&
            !slice_is_one_of(name, left_out, ARRAY_COUNT(left_out))) {
            details = arena_format(arena, "%s%s%.*s %.*s", details, details[0] != '\0' ? ", " : "",
                                   SLICE_PRINT(name), SLICE_PRINT(text));
        }
    }
    return json_find_text(line, "message", 0, &message, NULL) == STATUS_OK
               ? arena_format(arena, "%.*s (%s)", SLICE_PRINT(message), details)
               : details;
}

/* Opens the tracker; what a service would warn of in its log at the start becomes findings. */
MUST_CHECK static enum status open_store(const struct doctor_tracker *doctor, struct error *error)
{
    struct arena *arena = doctor->findings->arena;
    struct tracker **tracker = &doctor->worker->tracker;
    FILE *file = tmpfile();
    char text[WARNING_MAX_BYTES];
    if (file == NULL) {
        return error_set(error, STATUS_RETRY, "no temporary file");
    }
    const struct log_output capture = {.least = LOG_WARNING, .fd = fileno(file)};
    const struct log_output usual = log_redirect(capture);
    enum status status = tracker_open(&doctor->service->tracker, tracker, error);
    if (status == STATUS_OK) {
        status = tracker_ping(*tracker, error);
    }
    (void)log_redirect(usual);
    rewind(file);
    while (fgets(text, sizeof(text), file) != NULL) {
        struct json line;
        if (json_parse(arena, arena_copy(arena, slice_from_text(text)), &line, NULL) == STATUS_OK) {
            findings_add(doctor->findings, FOUND_TRACKER_WEAK, "tracker", "%s",
                         text_of_line(arena, line));
        }
    }
    (void)fclose(file);
    return status;
}

/* True: records can be read. */
static bool examine_store(const struct doctor_tracker *doctor)
{
    struct error problem = ERROR_NONE;
    struct tracker_counts counts = {0};
    problem.status = open_store(doctor, &problem);
    if (problem.status == STATUS_OK) {
        problem.status = tracker_count(doctor->worker->tracker, &counts, &problem);
    }
    if (problem.status != STATUS_OK) {
        findings_add(doctor->findings, FOUND_TRACKER, "tracker", "%s", problem.text);
        return false;
    }
    findings_add(doctor->findings, FOUND_FINE, "tracker",
                 "%" PRId64 " invocations, %" PRId64 " open, %" PRId64 " messages parked",
                 counts.records, counts.open, counts.parked);
    return true;
}

void doctor_tracker_examine(const struct doctor_tracker *doctor)
{
    const char *url = doctor->service->config.tracker_url;
    const char *table = tracker_dynamodb_table_name(url);
    const char *path = file_system_path(url);
    const bool client = doctor->worker->aws != NULL;
    examine_keys(doctor);
    if (client && doctor->creates_table) {
        create_table(doctor, table);
    }
    if (client && table != NULL) {
        examine_table(doctor, table);
    }
    if (path != NULL) {
        file_system_examine(doctor->findings, path);
    }
    if (examine_store(doctor)) {
        examine_records(doctor);
    }
}
