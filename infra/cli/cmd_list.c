#include "infra/base/encode.h"
#include "infra/base/json_writer.h"
#include "infra/cli/table.h"
#include "infra/cli/verb.h"

#include <stdio.h>

#define LIST_MAX        10000
#define PAGE_MAX        100
#define LIST_MAX_BYTES  (256u << 20)
#define QUERY_MAX_BYTES 16384

const char cmd_list_usage[] =
    "list [FLAGS]\n"
    "\n"
    "Lists invocations, the newest first.\n"
    "\n"
    "  --group GROUP    those of one execution ARN, or of one <StackId>/<LogicalResourceId>\n"
    "  --open           unsettled ones\n"
    "  --limit COUNT    at most so many (20)\n"
    "  --json           print them as one JSON document\n";

struct list {
    const char *group; /* NULL: all */
    bool open_only;
    int64_t limit;
    int64_t count;       /* so far */
    struct slice token;  /* of the next page; absent: first or none */
    struct buffer items; /* elements of the JSON document, commas between */
    struct table table;
};

static const char *page_target(struct verb *verb, const struct list *list)
{
    CLEANUP(buffer_clear) struct buffer query;
    const int64_t left = list->limit - list->count;
    buffer_init(&query, QUERY_MAX_BYTES);
    buffer_append_text(&query, "/invocations?limit=");
    buffer_append_int64(&query, left < PAGE_MAX ? left : PAGE_MAX);
    if (list->open_only) {
        buffer_append_text(&query, "&open=true");
    }
    if (list->group != NULL) {
        buffer_append_text(&query, "&group=");
        encode_percent(slice_from_text(list->group), false, &query);
    }
    if (list->token.size > 0) {
        buffer_append_text(&query, "&nextToken=");
        encode_percent(list->token, false, &query);
    }
    return arena_text(verb->arena, buffer_slice(&query));
}

static void add_row(struct verb *verb, struct list *list, struct json invocation)
{
    const struct slice outcome = verb_text(invocation, "Outcome");
    const struct slice callback = verb_text(invocation, "Callback");
    table_add_cell(&list->table, verb_text(invocation, "InvocationId"));
    table_add_cell(&list->table, verb_text(invocation, "Statement"));
    table_add_cell(&list->table, outcome.size > 0 ? outcome : SLICE("-"));
    table_add_cell(&list->table, verb_text(invocation, "CallbackKind"));
    table_add_cell(&list->table, callback.size > 0 ? callback : SLICE("-"));
    table_add_cell(&list->table,
                   slice_from_text(arena_format(
                       verb->arena, "%lld/%lld", (long long)verb_int64(invocation, "Step", 1),
                       (long long)verb_int64(invocation, "StepCount", 1))));
    table_add_cell(&list->table, verb_text(invocation, "CreatedAt"));
}

static void add_page(struct verb *verb, struct list *list, struct json page)
{
    struct json invocation = json_element(json_member(page, "Invocations"), 0);
    for (; json_kind(invocation) == JSON_OBJECT; invocation = json_next(invocation)) {
        if (list->count++ > 0) {
            buffer_append_byte(&list->items, ',');
        }
        json_print(invocation, &list->items);
        add_row(verb, list, invocation);
    }
    list->token = verb_text(page, "NextToken");
}

MUST_CHECK static int fetch(struct verb *verb, struct list *list)
{
    int status = EXIT_FINISHED;
    do {
        struct remote_call call = {.method = "GET", .target = page_target(verb, list)};
        struct json page;
        status = verb_call(verb, &call, &page);
        if (status == EXIT_FINISHED) {
            add_page(verb, list, page);
        }
    } while (status == EXIT_FINISHED && list->token.size > 0 && list->count < list->limit);
    return status;
}

static void print_json(const struct list *list)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    buffer_init(&out, LIST_MAX_BYTES + QUERY_MAX_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "Invocations");
    if (list->count > 0) {
        json_write_raw(&writer, NULL, buffer_slice(&list->items));
    }
    json_end_array(&writer);
    json_write_text_if(&writer, "NextToken", list->token);
    json_end_object(&writer);
    verb_print(buffer_slice(&out));
}

static void init_list(struct list *list)
{
    static const char *const columns[] = {"INVOCATION", "STATEMENT", "OUTCOME", "CALLBACK",
                                          "STATE",      "STEP",      "CREATED"};
    buffer_init(&list->items, LIST_MAX_BYTES);
    table_init(&list->table);
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
        table_add_column(&list->table, slice_from_text(columns[i]), false);
    }
}

int cmd_list(int count, char **arguments)
{
    bool json = false;
    const char *limit = "20";
    struct list list = {0};
    struct error error = ERROR_NONE;
    const struct flag flags[] = {
        {.name = "group", .value = &list.group},
        {.name = "open", .given = &list.open_only},
        {.name = "limit", .value = &limit},
        {.name = "json", .given = &json},
    };
    CLEANUP(verb_close)
    struct verb verb = {.name = "list", .count = count, .arguments = arguments};
    int status = verb_open(&verb, flags, ARRAY_COUNT(flags));
    if (status != EXIT_FINISHED) {
        return status;
    }
    if (slice_to_int64(slice_from_text(limit), 1, LIST_MAX, &list.limit, &error) != STATUS_OK) {
        return verb_fail(&verb, EXIT_USAGE, "--limit: %s", error.text);
    }
    init_list(&list);
    status = fetch(&verb, &list);
    if (list.items.overflowed) {
        status = verb_fail(&verb, EXIT_FAILED, "too much to list; use a smaller --limit");
    }
    if (status == EXIT_FINISHED && json) {
        print_json(&list);
    } else if (status == EXIT_FINISHED) {
        table_print(&list.table, stdout);
    }
    table_clear(&list.table);
    buffer_clear(&list.items);
    return status;
}
