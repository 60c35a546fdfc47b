#include "infra/cli/doctor_tracker.h"

#include "completer/set_aside.h"
#include "tracker/tracker_dynamodb_table.h"

#include "infra/base/json_reader.h"
#include "infra/base/log.h"
#include "infra/doctor/file_system.h"

#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#define RECORDS_LOOKED_AT  100
#define WARNINGS_MAX_BYTES (64u << 10)

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

/* ", name value" of a member that is neither time, level nor message, behind what is there. */
static const char *with_detail(struct arena *arena, const char *details, struct slice name,
                               struct json value)
{
    static const char *const left_out[] = {"time", "level", "message"};
    struct slice text = SLICE_NONE;
    if (json_text(value, &text, NULL) != STATUS_OK ||
        slice_is_one_of(name, left_out, ARRAY_COUNT(left_out))) {
        return details;
    }
    return arena_format(arena, "%s%s%.*s %.*s", details, details[0] != '\0' ? ", " : "",
                        SLICE_PRINT(name), SLICE_PRINT(text));
}

/* A line of the log as a finding: "message (name value, name value)". */
static void tell_warning(struct findings *findings, struct slice text)
{
    struct json line;
    struct slice message = SLICE_NONE;
    const char *details = "";
    if (json_parse(findings->arena, text, &line, NULL) != STATUS_OK ||
        json_find_text(line, "message", 0, &message, NULL) != STATUS_OK) {
        return;
    }
    for (size_t i = 0; i < json_count(line); i++) {
        struct slice name = SLICE_NONE;
        const struct json value = json_member_at(line, i, &name);
        details = with_detail(findings->arena, details, name, value);
    }
    findings_add(findings, FOUND_TRACKER_WEAK, "tracker", "%.*s (%s)", SLICE_PRINT(message),
                 details);
}

static void tell_warnings(struct findings *findings, int log)
{
    CLEANUP(buffer_clear) struct buffer lines;
    ssize_t size = 0;
    buffer_init(&lines, WARNINGS_MAX_BYTES);
    char *place = buffer_reserve(&lines, WARNINGS_MAX_BYTES);
    size = pread(log, place, WARNINGS_MAX_BYTES, 0);
    buffer_commit(&lines, size > 0 ? (size_t)size : 0);
    struct slice rest = buffer_slice(&lines);
    while (rest.size > 0) {
        const size_t end = slice_find_byte(rest, '\n');
        tell_warning(findings, arena_copy(findings->arena, slice_part(rest, 0, end)));
        rest = slice_part(rest, end + 1, rest.size);
    }
}

/* Opens the tracker; what a service would warn of in its log at the start becomes findings. */
MUST_CHECK static enum status open_store(const struct doctor_tracker *doctor, struct error *error)
{
    struct tracker **tracker = &doctor->worker->tracker;
    const struct log_output capture = {.least = LOG_WARNING,
                                       .fd = memfd_create("log", MFD_CLOEXEC)};
    const struct log_output usual = log_redirect(capture);
    enum status status = tracker_open(&doctor->service->tracker, tracker, error);
    if (status == STATUS_OK) {
        status = tracker_ping(*tracker, error);
    }
    (void)log_redirect(usual);
    if (capture.fd >= 0) {
        tell_warnings(doctor->findings, capture.fd);
        (void)close(capture.fd);
    }
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
