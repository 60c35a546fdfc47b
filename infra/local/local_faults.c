/*
 * Seeded fault injection. A fault has a name, a value and perhaps an operation:
 * "throttle.ExecuteStatement=0.5" beats "throttle=0.05" for that operation. Each operation draws
 * from its own sequence (by hash), so that what one client meets does not depend on what the others
 * call in between; every call draws the same count of numbers, so that changing one rate does not
 * shift the other draws.
 *
 * "tps.ExecuteStatement=30" and "active-statements=5" are no faults of AWS but its limits: at most
 * so many calls of the operation in any second, and so many statements at once in a cluster or
 * workgroup.
 */
#include "infra/local/service.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_COUNT       64
#define SETTINGS_MAX       64
#define OPERATION_BYTES    64
#define FAULT_DELAY_MAX_MS 60000
#define FAULT_COUNT_MAX    10000
#define SECOND_MS          1000
#define EVENT_STREAM       "\tevent" /* no operation is called so */

enum fault_name {
    FAULT_THROTTLE,
    FAULT_5XX,
    FAULT_RESET,
    FAULT_DELAY_MS,
    FAULT_DROP_EVENTS,
    FAULT_DUPLICATE_EVENTS,
    FAULT_DELAY_EVENTS_MS,
    FAULT_TPS,
    FAULT_ACTIVE_STATEMENTS,
    FAULT_SEED,
    FAULT_NAME_COUNT,
};

enum fault_value {
    FAULT_VALUE_RATE,  /* 0..1 */
    FAULT_VALUE_RANGE, /* "5" or "0-200" milliseconds */
    FAULT_VALUE_COUNT,
    FAULT_VALUE_SEED,
};

static const struct {
    const char *text;
    enum fault_value value;
    bool per_operation;
} fault_names[FAULT_NAME_COUNT] = {
    [FAULT_THROTTLE] = {"throttle", FAULT_VALUE_RATE, true},
    [FAULT_5XX] = {"5xx", FAULT_VALUE_RATE, true},
    [FAULT_RESET] = {"reset", FAULT_VALUE_RATE, true},
    [FAULT_DELAY_MS] = {"delay-ms", FAULT_VALUE_RANGE, true},
    [FAULT_DROP_EVENTS] = {"drop-events", FAULT_VALUE_RATE, false},
    [FAULT_DUPLICATE_EVENTS] = {"duplicate-events", FAULT_VALUE_RATE, false},
    [FAULT_DELAY_EVENTS_MS] = {"delay-events-ms", FAULT_VALUE_RANGE, false},
    [FAULT_TPS] = {"tps", FAULT_VALUE_COUNT, true},
    [FAULT_ACTIVE_STATEMENTS] = {"active-statements", FAULT_VALUE_COUNT, false},
    [FAULT_SEED] = {"seed", FAULT_VALUE_SEED, false},
};

struct fault_setting {
    enum fault_name name;
    char operation[OPERATION_BYTES]; /* "": all */
    double rate;
    int64_t least_ms;
    int64_t most_ms;
    int64_t count;
};

struct fault_plan {
    struct fault_setting settings[SETTINGS_MAX];
    size_t count;
    uint64_t seed;
};

/* The times of the last calls that a "tps" has let through, as a ring as long as it allows. */
struct window {
    int64_t *times_ms;
    size_t next;
};

struct local_faults {
    pthread_mutex_t mutex;
    struct fault_plan plan;
    struct window windows[SETTINGS_MAX]; /* of the plan's settings */
    struct random_seeded streams[STREAM_COUNT];
    int64_t injected[FAULT_NAME_COUNT]; /* since the start */
};

static void start_streams(struct local_faults *faults)
{
    for (uint64_t i = 0; i < STREAM_COUNT; i++) {
        random_seeded_init(&faults->streams[i], faults->plan.seed * STREAM_COUNT + i);
    }
}

static void clear_windows(struct local_faults *faults)
{
    for (size_t i = 0; i < SETTINGS_MAX; i++) {
        free(faults->windows[i].times_ms);
        faults->windows[i] = (struct window){0};
    }
}

struct local_faults *local_faults_new(void)
{
    struct local_faults *faults = calloc(1, sizeof(*faults));
    if (!faults) {
        abort();
    }
    pthread_mutex_init(&faults->mutex, NULL);
    start_streams(faults);
    return faults;
}

void local_faults_free(struct local_faults *faults)
{
    if (!faults) {
        return;
    }
    clear_windows(faults);
    pthread_mutex_destroy(&faults->mutex);
    free(faults);
}

static enum status parse_rate(struct slice text, double *rate, struct error *error)
{
    char digits[32];
    char *end = NULL;
    if (text.size > 0 && text.size < sizeof(digits)) {
        memcpy(digits, text.data, text.size);
        digits[text.size] = '\0';
        *rate = strtod(digits, &end);
    }
    if (!end || *end != '\0' || !(*rate >= 0 && *rate <= 1)) {
        return error_set(error, STATUS_REJECTED, "must be between 0 and 1");
    }
    return STATUS_OK;
}

static enum status parse_range(struct slice text, struct fault_setting *setting,
                               struct error *error)
{
    const size_t dash = slice_find_byte(text, '-');
    const struct slice least = slice_part(text, 0, dash);
    const struct slice most = dash < text.size ? slice_part(text, dash + 1, text.size) : least;
    if (slice_to_int64(least, 0, FAULT_DELAY_MAX_MS, &setting->least_ms, error) != STATUS_OK) {
        return STATUS_REJECTED;
    }
    return slice_to_int64(most, setting->least_ms, FAULT_DELAY_MAX_MS, &setting->most_ms, error);
}

static bool find_name(struct slice text, enum fault_name *name)
{
    for (int i = 0; i < FAULT_NAME_COUNT; i++) {
        if (slice_equals_text(text, fault_names[i].text)) {
            *name = (enum fault_name)i;
            return true;
        }
    }
    return false;
}

static enum status parse_value(struct fault_plan *plan, struct slice value,
                               struct fault_setting *setting, struct error *error)
{
    int64_t seed = 0;
    switch (fault_names[setting->name].value) {
    case FAULT_VALUE_RATE: return parse_rate(value, &setting->rate, error);
    case FAULT_VALUE_RANGE: return parse_range(value, setting, error);
    case FAULT_VALUE_COUNT:
        return slice_to_int64(value, 1, FAULT_COUNT_MAX, &setting->count, error);
    case FAULT_VALUE_SEED:
        if (slice_to_int64(value, 0, INT64_MAX, &seed, error) != STATUS_OK) {
            return STATUS_REJECTED;
        }
        plan->seed = (uint64_t)seed;
        return STATUS_OK;
    }
    return STATUS_INTERNAL;
}

static enum status plan_add(struct fault_plan *plan, struct slice name, struct slice value,
                            struct error *error)
{
    const size_t dot = slice_find_byte(name, '.');
    const struct slice operation = slice_part(name, dot + 1, name.size);
    struct fault_setting setting = {.name = FAULT_SEED};
    if (!find_name(slice_part(name, 0, dot), &setting.name)) {
        return error_set(error, STATUS_REJECTED, "%.*s: unknown fault", SLICE_PRINT(name));
    }
    if (dot < name.size && (!fault_names[setting.name].per_operation || operation.size == 0 ||
                            operation.size >= sizeof(setting.operation))) {
        return error_set(error, STATUS_REJECTED, "%.*s: takes no such operation",
                         SLICE_PRINT(name));
    }
    if (operation.size > 0) {
        memcpy(setting.operation, operation.data, operation.size);
    }
    if (parse_value(plan, value, &setting, error) != STATUS_OK) {
        return error_wrap(error, "%.*s", SLICE_PRINT(name));
    }
    if (plan->count == SETTINGS_MAX) {
        return error_set(error, STATUS_REJECTED, "more than %d faults", SETTINGS_MAX);
    }
    plan->settings[plan->count++] = setting;
    return STATUS_OK;
}

static void use_plan(struct local_faults *faults, const struct fault_plan *plan)
{
    pthread_mutex_lock(&faults->mutex);
    clear_windows(faults);
    faults->plan = *plan;
    start_streams(faults);
    pthread_mutex_unlock(&faults->mutex);
}

enum status local_faults_set(struct local_faults *faults, struct slice text, struct error *error)
{
    struct fault_plan plan = {.count = 0};
    while (text.size > 0) {
        const size_t comma = slice_find_byte(text, ',');
        const struct slice item = slice_trim(slice_part(text, 0, comma));
        const size_t equals = slice_find_byte(item, '=');
        const enum status status = plan_add(&plan, slice_part(item, 0, equals),
                                            slice_part(item, equals + 1, item.size), error);
        if (status != STATUS_OK) {
            return status;
        }
        text = slice_part(text, comma + 1, text.size);
    }
    use_plan(faults, &plan);
    return STATUS_OK;
}

static enum status plan_read_json(struct fault_plan *plan, struct arena *arena, struct slice body,
                                  struct error *error)
{
    struct json root;
    if (json_parse(arena, body, &root, error) != STATUS_OK) {
        return STATUS_REJECTED;
    }
    if (json_kind(root) != JSON_OBJECT) {
        return error_set(error, STATUS_REJECTED, "must be an object");
    }
    for (size_t i = 0; i < json_count(root); i++) {
        CLEANUP(buffer_clear) struct buffer printed;
        buffer_init(&printed, 64);
        struct slice name;
        struct slice value;
        const struct json member = json_member_at(root, i, &name);
        if (json_kind(member) != JSON_TEXT || json_text(member, &value, error) != STATUS_OK) {
            json_print(member, &printed);
            value = buffer_slice(&printed);
        }
        const enum status status = plan_add(plan, name, value, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static void reply_injected(struct local_faults *faults, struct http_server_response *response)
{
    static const enum fault_name counted[] = {FAULT_THROTTLE, FAULT_5XX, FAULT_RESET,
                                              FAULT_DROP_EVENTS, FAULT_DUPLICATE_EVENTS};
    CLEANUP(buffer_clear) struct buffer json;
    struct json_writer writer;
    buffer_init(&json, 1024);
    json_writer_init(&writer, &json);
    json_begin_object(&writer, NULL);
    json_begin_object(&writer, "injected");
    pthread_mutex_lock(&faults->mutex);
    for (size_t i = 0; i < ARRAY_COUNT(counted); i++) {
        json_write_int64(&writer, fault_names[counted[i]].text, faults->injected[counted[i]]);
    }
    pthread_mutex_unlock(&faults->mutex);
    json_end_object(&writer);
    json_end_object(&writer);
    local_reply(response, buffer_slice(&json));
}

void local_faults_control(struct local_faults *faults, const struct http_server_request *request,
                          struct http_server_response *response)
{
    struct fault_plan plan = {.count = 0};
    struct error error = ERROR_NONE;
    if (slice_equals_text(request->method, "GET")) {
        reply_injected(faults, response);
    } else if (!slice_equals_text(request->method, "PUT")) {
        local_reply_error(response, 405, "MethodNotAllowed", "message", SLICE("GET or PUT only"));
    } else if (plan_read_json(&plan, request->arena, request->body, &error) != STATUS_OK) {
        local_reply_error(response, 400, "InvalidRequest", "message", slice_from_text(error.text));
    } else {
        use_plan(faults, &plan);
        local_reply(response, SLICE("{}"));
    }
}

/* The setting of that operation, else the general one, else NULL. The last one given wins. */
static const struct fault_setting *find_setting(const struct fault_plan *plan, enum fault_name name,
                                                struct slice operation)
{
    const struct fault_setting *general = NULL;
    const struct fault_setting *own = NULL;
    for (size_t i = 0; i < plan->count; i++) {
        const struct fault_setting *setting = &plan->settings[i];
        if (setting->name != name) {
            continue;
        }
        if (setting->operation[0] == '\0') {
            general = setting;
        } else if (slice_equals_text(operation, setting->operation)) {
            own = setting;
        }
    }
    return own ? own : general;
}

static double find_rate(const struct fault_plan *plan, enum fault_name name, struct slice operation)
{
    const struct fault_setting *setting = find_setting(plan, name, operation);
    return setting ? setting->rate : 0;
}

static int64_t find_delay_ms(const struct fault_plan *plan, enum fault_name name,
                             struct slice operation, double unit)
{
    const struct fault_setting *setting = find_setting(plan, name, operation);
    if (!setting) {
        return 0;
    }
    const int64_t width_ms = setting->most_ms - setting->least_ms + 1;
    return setting->least_ms + (int64_t)(unit * (double)width_ms);
}

/* The oldest of the last so many calls must be a second ago. */
static bool window_takes(struct window *window, size_t count, int64_t now_ms)
{
    if (window->times_ms == NULL) {
        window->times_ms = calloc(count, sizeof(*window->times_ms));
        if (window->times_ms == NULL) {
            abort();
        }
    }
    int64_t *oldest_ms = &window->times_ms[window->next];
    if (*oldest_ms != 0 && now_ms - *oldest_ms < SECOND_MS) {
        return false;
    }
    *oldest_ms = now_ms;
    window->next = (window->next + 1) % count;
    return true;
}

bool local_faults_over_rate(struct local_faults *faults, struct slice operation, int64_t now_ms)
{
    bool over = false;
    pthread_mutex_lock(&faults->mutex);
    const struct fault_setting *setting = find_setting(&faults->plan, FAULT_TPS, operation);
    if (setting != NULL) {
        const size_t index = (size_t)(setting - faults->plan.settings);
        over = !window_takes(&faults->windows[index], (size_t)setting->count, now_ms);
    }
    pthread_mutex_unlock(&faults->mutex);
    return over;
}

size_t local_faults_active_max(struct local_faults *faults)
{
    pthread_mutex_lock(&faults->mutex);
    const struct fault_setting *setting =
        find_setting(&faults->plan, FAULT_ACTIVE_STATEMENTS, SLICE_NONE);
    const size_t most = setting != NULL ? (size_t)setting->count : 0;
    pthread_mutex_unlock(&faults->mutex);
    return most;
}

/* FNV-1a, 32 bits. */
static struct random_seeded *find_stream(struct local_faults *faults, struct slice operation)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < operation.size; i++) {
        hash = (hash ^ (unsigned char)operation.data[i]) * 16777619u;
    }
    return &faults->streams[hash % STREAM_COUNT];
}

/* The three ways to fail exclude each other: FAULT_NAME_COUNT is none of them. */
static enum fault_name draw_failure(const struct fault_plan *plan, struct slice operation,
                                    double unit)
{
    const double throttle = find_rate(plan, FAULT_THROTTLE, operation);
    const double failing = throttle + find_rate(plan, FAULT_5XX, operation);
    const double reset = failing + find_rate(plan, FAULT_RESET, operation);
    return unit < throttle  ? FAULT_THROTTLE
           : unit < failing ? FAULT_5XX
           : unit < reset   ? FAULT_RESET
                            : FAULT_NAME_COUNT;
}

enum local_fault local_faults_draw(struct local_faults *faults, struct slice operation,
                                   int64_t *delay_ms)
{
    pthread_mutex_lock(&faults->mutex);
    struct random_seeded *stream = find_stream(faults, operation);
    const double unit = random_unit(&stream->random);
    const bool after = random_unit(&stream->random) < 0.5;
    *delay_ms =
        find_delay_ms(&faults->plan, FAULT_DELAY_MS, operation, random_unit(&stream->random));
    const enum fault_name failure = draw_failure(&faults->plan, operation, unit);
    if (failure != FAULT_NAME_COUNT) {
        faults->injected[failure]++;
    }
    pthread_mutex_unlock(&faults->mutex);
    switch (failure) {
    case FAULT_THROTTLE: return LOCAL_FAULT_THROTTLE;
    case FAULT_5XX: return after ? LOCAL_FAULT_5XX_AFTER : LOCAL_FAULT_5XX;
    case FAULT_RESET: return after ? LOCAL_FAULT_RESET_AFTER : LOCAL_FAULT_RESET;
    default: return LOCAL_FAULT_NONE;
    }
}

unsigned local_faults_draw_event(struct local_faults *faults, int64_t delays_ms[2])
{
    pthread_mutex_lock(&faults->mutex);
    struct random_seeded *stream = find_stream(faults, SLICE(EVENT_STREAM));
    const double drop = random_unit(&stream->random);
    const double duplicate = random_unit(&stream->random);
    for (int i = 0; i < 2; i++) {
        delays_ms[i] = find_delay_ms(&faults->plan, FAULT_DELAY_EVENTS_MS, SLICE_NONE,
                                     random_unit(&stream->random));
    }
    const bool dropped = drop < find_rate(&faults->plan, FAULT_DROP_EVENTS, SLICE_NONE);
    const bool doubled =
        !dropped && duplicate < find_rate(&faults->plan, FAULT_DUPLICATE_EVENTS, SLICE_NONE);
    faults->injected[FAULT_DROP_EVENTS] += dropped;
    faults->injected[FAULT_DUPLICATE_EVENTS] += doubled;
    pthread_mutex_unlock(&faults->mutex);
    return dropped ? 0 : doubled ? 2 : 1;
}
