#include "infra/doctor/machine_request.h"

/* Where the services that Step Functions calls have what they pass on. */
static const char *const body_members[] = {"Payload", "MessageBody", "Message", "RequestBody",
                                           "Detail"};
/* What only a request of ringback has. */
static const char *const request_members[] = {"sqlStatement", "sqlStatements", "sqlUri", "queries",
                                              "statementId"};

static struct slice text_of(struct json value)
{
    struct slice text = SLICE_NONE;
    return json_text(value, &text, NULL) == STATUS_OK ? text : SLICE_NONE;
}

static bool holds(struct slice text, const char *part)
{
    return slice_find(text, slice_from_text(part)) < text.size;
}

/* {% ... %} */
static bool is_jsonata_text(struct slice text)
{
    return slice_starts_with(slice_trim(text), SLICE("{%"));
}

/* "name", or "name.$" whose value is an expression. */
static struct machine_member find_member(const struct machine_request *request, struct json object,
                                         const char *name)
{
    struct machine_member member = {.value = json_member(object, name)};
    if (request->is_jsonata) {
        member.is_expression = is_jsonata_text(text_of(member.value));
    } else if (json_kind(member.value) == JSON_ABSENT) {
        member.value = json_member(object, arena_format(request->arena, "%s.$", name));
        member.is_expression = json_kind(member.value) != JSON_ABSENT;
    }
    return member;
}

static struct json absent(void)
{
    return (struct json){NULL, NULL};
}

/* events:putEvents has what it passes on in its entries, all others among the arguments. */
static void find_body(struct machine_request *request)
{
    const struct json entry = json_element(json_member(request->arguments, "Entries"), 0);
    const struct json place = json_kind(entry) == JSON_OBJECT ? entry : request->arguments;
    for (size_t i = 0; i < ARRAY_COUNT(body_members); i++) {
        const struct machine_member member = find_member(request, place, body_members[i]);
        if (json_kind(member.value) != JSON_ABSENT) {
            request->is_opaque = member.is_expression || json_kind(member.value) == JSON_TEXT;
            request->body = request->is_opaque ? absent() : member.value;
            return;
        }
    }
}

struct machine_request machine_request_find(struct arena *arena, struct json state)
{
    struct machine_request request = {.arena = arena, .body = absent()};
    const struct json arguments = json_member(state, "Arguments");
    request.is_jsonata = json_kind(arguments) != JSON_ABSENT;
    request.arguments = request.is_jsonata ? arguments : json_member(state, "Parameters");
    request.is_opaque = json_kind(request.arguments) == JSON_TEXT;
    find_body(&request);
    for (size_t i = 0; i < ARRAY_COUNT(request_members); i++) {
        const struct machine_member member =
            find_member(&request, request.body, request_members[i]);
        request.is_ringbacks |= json_kind(member.value) != JSON_ABSENT;
    }
    return request;
}

struct machine_member machine_request_member(const struct machine_request *request,
                                             const char *name)
{
    return find_member(request, request->body, name);
}

int64_t machine_request_number(const struct machine_request *request, const char *name)
{
    const struct machine_member member = machine_request_member(request, name);
    int64_t number = -1;
    return json_kind(member.value) == JSON_NUMBER &&
                   json_int64(member.value, 0, INT32_MAX, &number, NULL) == STATUS_OK
               ? number
               : -1;
}

/* ---- The token ------------------------------------------------------------------------------ */

/* The token, or what it is a part of: the task's or the whole context. */
static bool has_token(bool is_jsonata, struct slice expression)
{
    return is_jsonata ? is_jsonata_text(expression) && holds(expression, "$states.context") &&
                            !holds(expression, "$states.context.Execution.Input.Task")
                      : holds(expression, "$$.Task") || slice_equals_text(expression, "$$");
}

/* is_expression: of a text, whether it is evaluated (JSONPath: its member's name ends in ".$"). */
static bool sends_token(bool is_jsonata, struct json value, bool is_expression)
{
    bool found = false;
    struct json item = json_element(value, 0);
    if (json_kind(value) == JSON_TEXT) {
        return is_expression && has_token(is_jsonata, text_of(value));
    }
    for (; json_kind(item) != JSON_ABSENT && !found; item = json_next(item)) {
        found = sends_token(is_jsonata, item, is_jsonata);
    }
    for (size_t i = 0; json_kind(value) == JSON_OBJECT && i < json_count(value) && !found; i++) {
        struct slice name = SLICE_NONE;
        const struct json member = json_member_at(value, i, &name);
        found = sends_token(is_jsonata, member, is_jsonata || slice_ends_with(name, SLICE(".$")));
    }
    return found;
}

bool machine_request_sends_token(const struct machine_request *request)
{
    return sends_token(request->is_jsonata, request->arguments, request->is_jsonata);
}

bool machine_request_member_has_token(const struct machine_request *request, const char *name)
{
    const struct machine_member member = machine_request_member(request, name);
    return sends_token(request->is_jsonata, member.value, member.is_expression);
}

/* ---- requestKey ----------------------------------------------------------------------------- */

/* What makes a key another one when the state is tried again. */
static bool is_changing(struct slice expression)
{
    static const char *const parts[] = {"States.UUID", "$uuid(",           "RetryCount",
                                        "Task.Token",  "$random(",         "$millis(",
                                        "$now(",       "States.MathRandom"};
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        if (holds(expression, parts[i])) {
            return true;
        }
    }
    return false;
}

struct references {
    bool to_execution;
    bool to_others; /* the input, variables, items of a Map, functions */
};

/* Everything that an expression refers to begins with '$'. */
static struct references find_references(bool is_jsonata, struct slice expression)
{
    const struct slice context = is_jsonata ? SLICE("$states.context.") : SLICE("$$.");
    struct references found = {.to_execution = false};
    size_t dollar = slice_find_byte(expression, '$');
    while (dollar < expression.size) {
        expression = slice_part(expression, dollar, expression.size);
        const bool to_context = slice_starts_with(expression, context);
        const size_t skipped = to_context ? context.size : 1;
        expression = slice_part(expression, skipped, expression.size);
        if (to_context && slice_starts_with(expression, SLICE("Execution."))) {
            found.to_execution = true;
        } else if (!to_context || !slice_starts_with(expression, SLICE("State"))) {
            found.to_others = true; /* neither State.Name nor StateMachine */
        }
        dollar = slice_find_byte(expression, '$');
    }
    return found;
}

enum machine_key machine_request_key(const struct machine_request *request)
{
    const struct machine_member key = machine_request_member(request, "requestKey");
    const struct slice text = text_of(key.value);
    if (json_kind(key.value) == JSON_ABSENT) {
        return MACHINE_KEY_NONE;
    }
    if (!key.is_expression) {
        return MACHINE_KEY_OF_ALL;
    }
    if (is_changing(text)) {
        return MACHINE_KEY_CHANGING;
    }
    const struct references references = find_references(request->is_jsonata, text);
    if (references.to_others || holds(text, "EnteredTime") || holds(text, "StartTime")) {
        return MACHINE_KEY_FINE;
    }
    return references.to_execution ? MACHINE_KEY_OF_EXECUTION : MACHINE_KEY_OF_ALL;
}
