#include "tracker/tracker_dynamodb_table.h"

#include "infra/aws/ca_bundle.h"
#include "infra/aws/step_functions.h"
#include "infra/cli/doctor_tracker.h"
#include "infra/cli/flags.h"
#include "infra/cli/verb.h"
#include "infra/doctor/account.h"
#include "infra/doctor/answer.h"
#include "infra/doctor/machine.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DOCTOR_ARENA_BYTES   (64u << 20)
#define TABLE_MAX_BYTES      (64u << 10)
#define REPORT_MAX_BYTES     (16u << 20)
#define FUNCTION_TIMEOUT_MAX 900 /* of Lambda */

const char cmd_doctor_usage[] =
    "doctor [--json] [--function-timeout SECONDS] [--create-table] [FLAGS]\n"
    "       ringback doctor --state-machine FILE|ARN [--json]\n"
    "       ringback doctor --print-table | --explain\n"
    "\n"
    "Checks what a daemon needs: configuration, keys, tracker, credentials, clock, Data API, queues\n"
    "and the rule of EventBridge; with RINGBACK_URL set, whether the service there answers. It only\n"
    "reads; what it may not read is a finding, and the rest goes on. Each finding is one line, a\n"
    "warning or a problem says below why it matters and how it is mended. The exit status is 0\n"
    "when no problem is among them, 1 when one is, 2 when the arguments are wrong.\n"
    "\n"
    "  --function-timeout SECONDS\n"
    "                   a Lambda function with this timeout reads the queues\n"
    "  --state-machine FILE|ARN\n"
    "                   looks at the definition of a state machine instead; - is stdin\n"
    "  --json           prints one JSON document\n"
    "  --explain        prints what can be found, why it matters and how it is mended\n"
    "  --create-table   where the tracker is dynamodb:TABLE: makes the table first, unless there is\n"
    "                   one (on-demand, with its index and with expiry)\n"
    "  --print-table    prints that table's properties as JSON, in the words of CloudFormation, and\n"
    "                   does nothing else\n";

struct doctor {
    struct verb *verb;
    const struct service *service;
    struct worker *worker;
    struct findings findings;
    const char *machine;          /* NULL: the environment is looked at */
    const char *function_timeout; /* NULL: daemons */
    int64_t function_timeout_seconds;
    bool prints_json;
    bool prints_table;
    bool explains;
    bool creates_table;
};

/* ---- What a daemon needs -------------------------------------------------------------------- */

/* The provider may be NULL: there is none. */
static void examine_credentials(struct doctor *doctor, const char *subject,
                                struct credentials_provider *provider)
{
    struct error problem = ERROR_NONE;
    struct credentials credentials;
    const struct http_options options = {.ca_bundle = ca_bundle_path(environ),
                                         .max_connections = 1};
    if (provider == NULL) {
        return;
    }
    struct http *http = http_new(&options);
    if (credentials_get(provider, http, &credentials, &problem) == STATUS_OK) {
        findings_add(&doctor->findings, FOUND_FINE, subject, "found in %s",
                     credentials_source_name(provider));
    } else {
        findings_add(&doctor->findings, FOUND_CREDENTIALS, subject, "%s", problem.text);
    }
    credentials_wipe(&credentials);
    http_free(http);
}

/* True: there is a client. */
static bool examine_client(struct doctor *doctor)
{
    struct error problem = ERROR_NONE;
    if (aws_client_new(&doctor->service->aws, &doctor->worker->aws, &problem) != STATUS_OK) {
        findings_add(&doctor->findings, FOUND_REGION, "region", "%s", problem.text);
        return false;
    }
    findings_add(&doctor->findings, FOUND_FINE, "region", "%s", aws_region(doctor->worker->aws));
    return true;
}

static void examine_target(struct doctor *doctor)
{
    const struct plan_settings *settings = &doctor->service->settings;
    const struct plan_target *target = &settings->target;
    const bool cluster = target->cluster_identifier.size > 0;
    const struct slice name = cluster ? target->cluster_identifier : target->workgroup_name;
    const char *environments = arena_format(doctor->verb->arena, "%s %.*s, database %.*s",
                                            cluster ? "cluster" : "workgroup", SLICE_PRINT(name),
                                            SLICE_PRINT(target->database));
    findings_add(&doctor->findings, FOUND_FINE, "target", "%s; %zu have a name",
                 settings->has_target ? environments
                                      : "the environment has none, requests must name theirs",
                 settings->target_count);
}

static void examine_service(struct doctor *doctor)
{
    struct error problem = ERROR_NONE;
    struct json document;
    struct remote_call call = {.method = "GET", .target = "/invocations?limit=1"};
    if (verb_try_call(doctor->verb, &call, &document, &problem) == EXIT_FINISHED) {
        findings_add(&doctor->findings, FOUND_FINE, "service", "answers");
    } else {
        findings_add(&doctor->findings, FOUND_SERVICE, "service", "%s", problem.text);
    }
}

static void examine_all(struct doctor *doctor)
{
    const struct config *config = &doctor->service->config;
    examine_credentials(doctor, "credentials", doctor->service->credentials);
    examine_credentials(doctor, "statement role", doctor->service->statement_credentials);
    const bool client = examine_client(doctor);
    const struct doctor_tracker tracker = {.findings = &doctor->findings,
                                           .service = doctor->service,
                                           .worker = doctor->worker,
                                           .creates_table = doctor->creates_table};
    doctor_tracker_examine(&tracker);
    examine_target(doctor);
    if (!client) {
        return;
    }
    const struct account account = {
        .aws = doctor->worker->aws,
        .findings = &doctor->findings,
        .credentials_source = credentials_source_name(doctor->service->credentials),
        .event_queue_url = config->event_queue_url,
        .request_queue_url = config->request_queue_url,
        .table = tracker_dynamodb_table_name(config->tracker_url),
        .prefix = doctor->service->settings.prefix,
        .function_timeout_seconds = doctor->function_timeout_seconds,
    };
    account_examine(&account);
}

/* ---- A state machine ------------------------------------------------------------------------ */

static void examine_machine_of_account(struct doctor *doctor)
{
    struct aws_call call = {0};
    if (!examine_client(doctor)) {
        return;
    }
    step_functions_build_machine(doctor->verb->arena, slice_from_text(doctor->machine), &call);
    aws_send_all(doctor->worker->aws, &call, 1);
    if (answer_judge(&doctor->findings, "state machine", &call, ANSWER_FOR_DOCTOR)) {
        machine_judge(&doctor->findings, call.reply);
    }
}

MUST_CHECK static enum status examine_machine(struct doctor *doctor, struct error *error)
{
    struct arena *arena = doctor->verb->arena;
    struct slice definition = SLICE_NONE;
    if (strncmp(doctor->machine, "arn:", 4) == 0) {
        examine_machine_of_account(doctor);
        return STATUS_OK;
    }
    const char *source = strcmp(doctor->machine, "-") == 0
                             ? doctor->machine
                             : arena_format(arena, "@%s", doctor->machine);
    enum status status = verb_read_input(arena, source, &definition, error);
    if (status == STATUS_OK) {
        machine_judge(&doctor->findings, definition);
    }
    return status;
}

/* ---- The command ---------------------------------------------------------------------------- */

static bool has_flag(int count, char **arguments, const char *const *flags, size_t flag_count)
{
    for (int i = 0; i < count; i++) {
        const struct slice argument = slice_from_text(arguments[i]);
        if (slice_is_one_of(slice_part(argument, 0, slice_find_byte(argument, '=')), flags,
                            flag_count)) {
            return true;
        }
    }
    return false;
}

/* What concerns this machine or AWS is done here, even when RINGBACK_URL is set. */
static bool asks_directly(int count, char **arguments)
{
    static const char *const flags[] = {"--create-table", "--print-table", "--explain",
                                        "--state-machine"};
    return has_flag(count, arguments, flags, ARRAY_COUNT(flags));
}

/* The command's own flags; what is left over is unknown. */
MUST_CHECK static enum status read_flags(struct doctor *doctor, struct error *error)
{
    const struct flag flags[] = {
        {.name = "create-table", .given = &doctor->creates_table},
        {.name = "print-table", .given = &doctor->prints_table},
        {.name = "explain", .given = &doctor->explains},
        {.name = "json", .given = &doctor->prints_json},
        {.name = "state-machine", .value = &doctor->machine},
        {.name = "function-timeout", .value = &doctor->function_timeout},
    };
    struct verb *verb = doctor->verb;
    enum status status =
        flags_parse(flags, ARRAY_COUNT(flags), &verb->count, verb->arguments, error);
    if (status == STATUS_OK && doctor->function_timeout != NULL &&
        slice_to_int64(slice_from_text(doctor->function_timeout), 1, FUNCTION_TIMEOUT_MAX,
                       &doctor->function_timeout_seconds, error) != STATUS_OK) {
        status = error_wrap(error, "--function-timeout");
    }
    if (status == STATUS_OK && verb->count > 0) {
        status =
            error_set(error, STATUS_REJECTED, "%s: unknown argument", doctor->verb->arguments[0]);
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

static int print_findings(const struct doctor *doctor)
{
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, REPORT_MAX_BYTES);
    if (doctor->explains) {
        findings_print_markdown(&out);
    } else if (doctor->prints_json) {
        findings_print_json(&doctor->findings, &out);
    } else {
        findings_print(&doctor->findings, &out);
    }
    (void)fwrite(out.data, 1, out.size, stdout);
    return doctor->findings.has_problem ? EXIT_FAILED : EXIT_FINISHED;
}

static int examine(struct doctor *doctor)
{
    struct error problem = ERROR_NONE;
    if (doctor->machine != NULL) {
        if (examine_machine(doctor, &problem) != STATUS_OK) {
            return verb_fail(doctor->verb, EXIT_USAGE, "--state-machine: %s", problem.text);
        }
        return print_findings(doctor);
    }
    findings_add(&doctor->findings, FOUND_FINE, "configuration", "valid");
    if (doctor->verb->remote.http != NULL) {
        examine_service(doctor);
    } else {
        examine_all(doctor);
    }
    return print_findings(doctor);
}

int cmd_doctor(int count, char **arguments)
{
    CLEANUP(verb_close)
    struct verb verb = {.name = "doctor", .count = count, .arguments = arguments};
    struct doctor doctor = {
        .verb = &verb, .service = &verb.remote.service, .worker = &verb.remote.worker};
    struct error problem = ERROR_NONE;
    verb.arena = arena_new(DOCTOR_ARENA_BYTES);
    findings_init(&doctor.findings, verb.arena);
    const enum status opened = remote_open(&verb.count, arguments, asks_directly(count, arguments),
                                           &verb.remote, &problem);
    if (opened == STATUS_OK && read_flags(&doctor, &problem) != STATUS_OK) {
        return verb_fail(&verb, EXIT_USAGE, "%s", problem.text);
    }
    if (doctor.explains) {
        return print_findings(&doctor);
    }
    if (opened != STATUS_OK) {
        static const char *const json[] = {"--json"}; /* the flags were not read */
        doctor.prints_json = has_flag(count, arguments, json, ARRAY_COUNT(json));
        findings_add(&doctor.findings, FOUND_CONFIGURATION, "configuration", "%s", problem.text);
        return print_findings(&doctor);
    }
    return doctor.prints_table
               ? print_table(&verb, tracker_dynamodb_table_name(doctor.service->config.tracker_url))
               : examine(&doctor);
}
