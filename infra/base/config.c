#include "infra/base/config.h"

#include "infra/base/config_rules.h"

#include <inttypes.h>
#include <string.h>

#define NAME_PREFIX "RINGBACK_"

enum kind {
    KIND_TEXT,
    KIND_INTEGER,
    KIND_BOOL,
};

struct option {
    const char *variable;
    const char *alias; /* the name that an earlier system gave it, or NULL */
    enum kind kind;
    size_t offset;       /* in struct config */
    const char *initial; /* the default as a user would write it; NULL: unset */
    int64_t minimum;     /* of integers */
    int64_t maximum;
    bool (*fits)(struct slice value); /* of texts; NULL: any */
    const char *rule;                 /* in words, behind "must be" */
    const char *meaning;
};

#define TEXT(name, member, default_text, check, words, about)                                      \
    {                                                                                              \
        .variable = (name), .kind = KIND_TEXT, .offset = offsetof(struct config, member),          \
        .initial = (default_text), .fits = (check), .rule = (words), .meaning = (about)            \
    }
#define INTEGER(name, member, default_text, least, most, about)                                    \
    {                                                                                              \
        .variable = (name), .kind = KIND_INTEGER, .offset = offsetof(struct config, member),       \
        .initial = (default_text), .minimum = (least), .maximum = (most),                          \
        .rule = #least " to " #most, .meaning = (about)                                            \
    }

static const struct option OPTIONS[] = {
    TEXT(
        "RINGBACK_TRACKER_URL", tracker_url, "sqlite:ringback.db", config_rule_tracker_url,
        "sqlite:PATH, redis://[user:password@]host:port/db, rediss://..., "
        "redis-cluster://[user:password@]host:port,host:port, rediss-cluster://... or dynamodb:TABLE",
        "the store of what is tracked"),
    TEXT("RINGBACK_EVENT_QUEUE_URL", event_queue_url, NULL, config_rule_http_url, "an http(s) URL",
         "queue of completion events"),
    TEXT("RINGBACK_REQUEST_QUEUE_URL", request_queue_url, NULL, config_rule_http_url,
         "an http(s) URL", "queue of requests"),
    TEXT("RINGBACK_HTTP_LISTEN", http_listen, "127.0.0.1:8080", config_rule_listen, "host:port",
         "the invoker's address; other than loopback needs RINGBACK_HTTP_TOKEN_FILE"),
    TEXT("RINGBACK_HTTP_TOKEN_FILE", http_token_file, NULL, NULL, "a path",
         "file with the bearer token that requests must carry"),
    TEXT("RINGBACK_ADMIN_LISTEN", admin_listen, "127.0.0.1:9090", config_rule_listen, "host:port",
         "address of /healthz, /readyz, /metrics and the status page"),
    TEXT("RINGBACK_URL", url, NULL, config_rule_http_url, "an http(s) URL",
         "where the commands that operate a service go; unset: tracker and AWS directly"),
    TEXT("RINGBACK_STATEMENT_PREFIX", statement_prefix, "ringback/", config_rule_prefix,
         "1 to 64 of A-Z a-z 0-9 . _ - and a slash",
         "how statement names begin; one per deployment"),
    TEXT("RINGBACK_TARGETS_FILE", targets_file, NULL, NULL, "a path",
         "named targets, a JSON object of name and target"),
    TEXT("RINGBACK_KEY_FILE", key_file, NULL, NULL, "a path",
         "sealing keys, one id:base64 per line, the first seals"),
    TEXT("RINGBACK_KEY_SECRET_ARN", key_secret_arn, NULL, config_rule_secret_arn,
         "an ARN of Secrets Manager",
         "the same from a secret, in the file's form or as a JSON object of id and base64; read "
         "once, at the start"),
    INTEGER("RINGBACK_WORKERS", workers, "4", 1, 64, "worker threads per daemon"),
    INTEGER("RINGBACK_SWEEP_SECONDS", sweep_seconds, "5", 1, 3600, "pause between sweeps"),
    INTEGER("RINGBACK_OVERDUE_SECONDS", overdue_seconds, "60", 1, 86400,
            "when a running statement is first checked without an event"),
    INTEGER("RINGBACK_WAIT_SECONDS", wait_seconds, "0", 0, 30,
            "how long the submit call waits for the ending"),
    INTEGER("RINGBACK_CANCEL_GRACE_SECONDS", cancel_grace_seconds, "30", 0, 3600,
            "how long a cancelled statement may take to show its ending"),
    INTEGER("RINGBACK_GATHER_SECONDS", gather_seconds, "60", 1, 600,
            "bound on fetching error text and rows"),
    {.variable = "RINGBACK_DIRECT",
     .kind = KIND_BOOL,
     .offset = offsetof(struct config, direct),
     .initial = "0",
     .rule = "0 or 1",
     .meaning = "direct mode: task tokens in statement names"},
    TEXT("RINGBACK_STATEMENT_ROLE_ARN", statement_role_arn, NULL, config_rule_role_arn, "an ARN",
         "role that owns the statements, assumed for every Data API call"),
    TEXT(
        "RINGBACK_QUOTAS", quotas, "auto", config_rule_quotas, "auto or always",
        "keep to the published rates of the Data API and of SendTask* from the start: at AWS's own "
        "endpoints, or at any; elsewhere a rate is kept to once an answer says throttled"),
    TEXT("RINGBACK_OUTPUT", output, "event", config_rule_output, "event or statement",
         "default of the request's output"),
    {.variable = "RINGBACK_RETAIN_DAYS",
     .alias = "TTL",
     .kind = KIND_INTEGER,
     .offset = offsetof(struct config, retain_days),
     .initial = "1",
     .minimum = 0,
     .maximum = 365,
     .rule = "0 to 365",
     .meaning = "how long details of a settled invocation are kept"},
    INTEGER("RINGBACK_DEDUPE_DAYS", dedupe_days, "16", 15, 400,
            "how long its tombstone is kept; never shorter than its details"),
    INTEGER("RINGBACK_REDIS_WAIT", redis_wait, "0", 0, 10, "Redis replicas that must have a write"),
    TEXT("CLUSTER_IDENTIFIER", cluster_identifier, NULL, NULL, "a name",
         "the environment's target: a provisioned cluster"),
    TEXT("WORKGROUP_NAME", workgroup_name, NULL, NULL, "a name",
         "the environment's target: a serverless workgroup"),
    TEXT("DATABASE", database, NULL, NULL, "a name", "the environment's target: its database"),
    TEXT("DB_USER", db_user, NULL, NULL, "a name", "the environment's target: its database user"),
    TEXT("SECRET_ARN", secret_arn, NULL, config_rule_role_arn, "an ARN",
         "the environment's target: the secret to log in with"),
    TEXT("LOG_LEVEL", log_level, "INFO", config_rule_log_level, "DEBUG, INFO, WARNING or ERROR",
         "the least level that is logged"),
    TEXT("DDB_TABLE_NAME", ddb_table_name, NULL, NULL, "a name",
         "as RINGBACK_TRACKER_URL dynamodb:NAME, when that is not set"),
};

#define OPTION_COUNT ARRAY_COUNT(OPTIONS)

/* Where a value came from; a later one beats an earlier one. */
enum source {
    SOURCE_DEFAULT,
    SOURCE_ALIAS,
    SOURCE_ENVIRONMENT,
    SOURCE_FLAG,
};

struct setting {
    const char *text; /* NULL: unset */
    enum source source;
};

struct loader {
    struct arena *arena;
    struct setting settings[OPTION_COUNT]; /* parallel to OPTIONS */
};

/* --- names --- */

static char flag_byte(char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (char)(byte - 'A' + 'a');
    }
    if (byte == '_') {
        return '-';
    }
    return byte;
}

void config_append_flag(const char *variable, struct buffer *out)
{
    struct slice name = slice_from_text(variable);

    if (slice_starts_with(name, SLICE(NAME_PREFIX))) {
        name = slice_part(name, strlen(NAME_PREFIX), name.size);
    }
    buffer_append_text(out, "--");
    for (size_t i = 0; i < name.size; i++) {
        buffer_append_byte(out, flag_byte(name.data[i]));
    }
}

/* Index of the option with this flag ("--workers"), or OPTION_COUNT. */
static size_t find_flag(struct slice flag)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        CLEANUP(buffer_clear) struct buffer name;

        buffer_init(&name, 256);
        config_append_flag(OPTIONS[i].variable, &name);
        if (slice_equals(buffer_slice(&name), flag)) {
            return i;
        }
    }
    return OPTION_COUNT;
}

static const char *name_in_source(size_t index, enum source source, struct buffer *flag)
{
    switch (source) {
    case SOURCE_ALIAS: return OPTIONS[index].alias;
    case SOURCE_FLAG:
        buffer_reset(flag);
        config_append_flag(OPTIONS[index].variable, flag);
        return flag->data;
    case SOURCE_DEFAULT:
    case SOURCE_ENVIRONMENT: return OPTIONS[index].variable;
    }
    return OPTIONS[index].variable;
}

/* --- reading --- */

static void set(struct loader *loader, size_t index, const char *text, enum source source)
{
    struct setting *setting = &loader->settings[index];

    if (source >= setting->source) {
        *setting = (struct setting){arena_text(loader->arena, slice_from_text(text)), source};
    }
}

/* An empty value means unset, as in every shell script that passes variables on. */
static enum status read_variable(struct loader *loader, struct slice name, const char *value,
                                 struct error *error)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        bool own = slice_equals_text(name, OPTIONS[i].variable);
        bool alias = OPTIONS[i].alias != NULL && slice_equals_text(name, OPTIONS[i].alias);

        if ((own || alias) && *value != '\0') {
            set(loader, i, value, own ? SOURCE_ENVIRONMENT : SOURCE_ALIAS);
        }
        if (own || alias) {
            return STATUS_OK;
        }
    }
    if (slice_starts_with(name, SLICE(NAME_PREFIX))) {
        return error_set(error, STATUS_REJECTED, "%.*s: unknown variable", SLICE_PRINT(name));
    }
    return STATUS_OK;
}

static enum status read_environment(struct loader *loader, char *const *environment,
                                    struct error *error)
{
    for (; *environment != NULL; environment++) {
        struct slice entry = slice_from_text(*environment);
        size_t equals = slice_find_byte(entry, '=');
        enum status status = STATUS_OK;

        if (equals == entry.size) {
            continue;
        }
        status =
            read_variable(loader, slice_part(entry, 0, equals), *environment + equals + 1, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* --flag=value or --flag value; what is no flag of the table stays. Nothing behind "--" is one. */
static enum status read_flags(struct loader *loader, int *count, char **arguments,
                              struct error *error)
{
    int kept = 0;
    bool ended = false;

    for (int i = 0; i < *count; i++) {
        struct slice argument = slice_from_text(arguments[i]);
        size_t equals = slice_find_byte(argument, '=');
        size_t index = ended ? OPTION_COUNT : find_flag(slice_part(argument, 0, equals));

        ended = ended || slice_equals_text(argument, "--");
        if (index == OPTION_COUNT) {
            arguments[kept++] = arguments[i];
        } else if (equals < argument.size) {
            set(loader, index, arguments[i] + equals + 1, SOURCE_FLAG);
        } else if (i + 1 < *count) {
            set(loader, index, arguments[++i], SOURCE_FLAG);
        } else {
            return error_set(error, STATUS_REJECTED, "%.*s: needs a value", SLICE_PRINT(argument));
        }
    }
    if (kept < *count) {
        arguments[kept] = NULL;
    }
    *count = kept;
    return STATUS_OK;
}

/* --- checking --- */

/* The value itself stays out of the text: it may hold a password. */
static enum status parse(const struct option *option, const char *text, struct config *config,
                         struct error *error)
{
    struct slice value = slice_from_text(text);
    char *member = (char *)config + option->offset;
    int64_t number = 0;
    bool flag = slice_equals_text(value, "1");

    switch (option->kind) {
    case KIND_TEXT:
        if (value.size == 0 || (option->fits != NULL && !option->fits(value))) {
            return error_set(error, STATUS_REJECTED, "must be %s", option->rule);
        }
        memcpy(member, &text, sizeof(text));
        return STATUS_OK;
    case KIND_INTEGER:
        if (slice_to_int64(value, option->minimum, option->maximum, &number, error) != STATUS_OK) {
            return STATUS_REJECTED;
        }
        memcpy(member, &number, sizeof(number));
        return STATUS_OK;
    case KIND_BOOL:
        if (!flag && !slice_equals_text(value, "0")) {
            return error_set(error, STATUS_REJECTED, "must be %s", option->rule);
        }
        memcpy(member, &flag, sizeof(flag));
        return STATUS_OK;
    }
    return STATUS_OK;
}

static enum status parse_all(const struct loader *loader, struct config *config,
                             struct error *error)
{
    CLEANUP(buffer_clear) struct buffer flag;

    buffer_init(&flag, 256);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct setting *setting = &loader->settings[i];

        if (setting->text != NULL &&
            parse(&OPTIONS[i], setting->text, config, error) != STATUS_OK) {
            return error_wrap(error, "%s", name_in_source(i, setting->source, &flag));
        }
    }
    return STATUS_OK;
}

static enum source source_of(const struct loader *loader, size_t offset)
{
    size_t index = 0;

    while (OPTIONS[index].offset != offset) {
        index++;
    }
    return loader->settings[index].source;
}

/* One way to the database: a flag replaces what the environment says, else both are an error. */
static enum status choose_target(const struct loader *loader, struct config *config,
                                 struct error *error)
{
    enum source cluster = source_of(loader, offsetof(struct config, cluster_identifier));
    enum source workgroup = source_of(loader, offsetof(struct config, workgroup_name));

    if (config->cluster_identifier == NULL || config->workgroup_name == NULL) {
        return STATUS_OK;
    }
    if (cluster == workgroup) {
        return error_set(error, STATUS_REJECTED,
                         "CLUSTER_IDENTIFIER: must not be set together with WORKGROUP_NAME");
    }
    if (cluster < workgroup) {
        config->cluster_identifier = NULL;
    } else {
        config->workgroup_name = NULL;
    }
    return STATUS_OK;
}

static enum status check_together(const struct loader *loader, struct config *config,
                                  struct error *error)
{
    if (!config_listen_is_loopback(slice_from_text(config->http_listen)) &&
        config->http_token_file == NULL) {
        return error_set(error, STATUS_REJECTED,
                         "RINGBACK_HTTP_LISTEN: other than loopback needs "
                         "RINGBACK_HTTP_TOKEN_FILE");
    }
    if (config->ddb_table_name != NULL &&
        source_of(loader, offsetof(struct config, tracker_url)) == SOURCE_DEFAULT) {
        config->tracker_url = arena_format(loader->arena, "dynamodb:%s", config->ddb_table_name);
    }
    if (config->dedupe_days < config->retain_days) {
        config->dedupe_days = config->retain_days;
    }
    return choose_target(loader, config, error);
}

enum status config_load(struct arena *arena, char *const *environment, int *count, char **arguments,
                        struct config *config, struct error *error)
{
    struct loader loader = {.arena = arena};
    enum status status = STATUS_OK;

    *config = (struct config){0};
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        loader.settings[i].text = OPTIONS[i].initial;
    }
    status = read_environment(&loader, environment, error);
    if (status == STATUS_OK) {
        status = read_flags(&loader, count, arguments, error);
    }
    if (status == STATUS_OK) {
        status = parse_all(&loader, config, error);
    }
    return status == STATUS_OK ? check_together(&loader, config, error) : status;
}

/* --- printing --- */

size_t config_setting_count(void)
{
    return OPTION_COUNT;
}

struct config_setting config_setting_at(size_t index)
{
    const struct option *option = &OPTIONS[index];

    return (struct config_setting){option->variable, option->alias, option->initial, option->rule,
                                   option->meaning};
}

void config_print_environment(struct buffer *out)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];

        buffer_append_format(out, "%s# %s\n# must be %s\n#%s=%s\n", i == 0 ? "" : "\n",
                             option->meaning, option->rule, option->variable,
                             option->initial == NULL ? "" : option->initial);
    }
}

void config_print_markdown(struct buffer *out)
{
    buffer_append_text(out, "| variable | flag | default | value | meaning |\n"
                            "|---|---|---|---|---|\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];

        buffer_append_format(out, "| `%s`", option->variable);
        if (option->alias != NULL) {
            buffer_append_format(out, " or `%s`", option->alias);
        }
        buffer_append_text(out, " | `");
        config_append_flag(option->variable, out);
        buffer_append_text(out, "` | ");
        if (option->initial != NULL) {
            buffer_append_format(out, "`%s`", option->initial);
        }
        buffer_append_format(out, " | %s | %s |\n", option->rule, option->meaning);
    }
}

void config_print_help(struct buffer *out)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        CLEANUP(buffer_clear) struct buffer flag;

        buffer_init(&flag, 256);
        config_append_flag(option->variable, &flag);
        buffer_append_format(out, "  %-26s %s", flag.data, option->meaning);
        if (option->initial != NULL) {
            buffer_append_format(out, " (default %s)", option->initial);
        }
        buffer_append_byte(out, '\n');
    }
}
