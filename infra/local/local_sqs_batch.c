#include "infra/local/local_sqs.h"

#define ENTRY_ID_MAX     80
#define MEMBER_MAX_BYTES 4096

static bool is_entry_id(struct slice id)
{
    for (size_t i = 0; i < id.size; i++) {
        char c = id.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_')) {
            return false;
        }
    }
    return id.size > 0 && id.size <= ENTRY_ID_MAX;
}

static bool is_among(struct slice id, const struct slice *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equals(id, ids[i])) {
            return true;
        }
    }
    return false;
}

static bool check_ids(struct json entries, size_t count, struct slice *ids,
                      struct local_sqs_problem *problem)
{
    struct json entry = json_element(entries, 0);
    for (size_t i = 0; i < count; i++, entry = json_next(entry)) {
        if (!local_sqs_get_text(entry, "Id", &ids[i], problem)) {
            return false;
        }
        if (!is_entry_id(ids[i])) {
            return local_sqs_fail(problem, LOCAL_SQS_BATCH_ID_INVALID,
                                  "A batch entry id can only contain alphanumeric characters, "
                                  "hyphens and underscores. It can be at most 80 letters long.");
        }
        if (is_among(ids[i], ids, i)) {
            return local_sqs_fail(problem, LOCAL_SQS_BATCH_IDS_NOT_DISTINCT, "Id %.*s repeated.",
                                  SLICE_PRINT(ids[i]));
        }
    }
    return true;
}

static bool check_entries(struct json entries, struct slice *ids, struct local_sqs_problem *problem)
{
    size_t count = json_count(entries);
    if (count == 0) {
        return local_sqs_fail(problem, LOCAL_SQS_EMPTY_BATCH,
                              "There should be at least one entry in the request.");
    }
    if (count > LOCAL_SQS_BATCH_MAX) {
        return local_sqs_fail(problem, LOCAL_SQS_TOO_MANY_ENTRIES,
                              "Maximum number of entries per request are 10. You have sent %zu.",
                              count);
    }
    return check_ids(entries, count, ids, problem);
}

/* What became of one entry. */
struct result {
    bool failed;
    struct local_sqs_problem problem;
};

static void write_failed(struct json_writer *out, const struct slice *ids,
                         const struct result *results, size_t count)
{
    json_begin_array(out, "Failed");
    for (size_t i = 0; i < count; i++) {
        if (!results[i].failed) {
            continue;
        }
        const struct local_sqs_problem *problem = &results[i].problem;
        json_begin_object(out, NULL);
        json_write_text(out, "Id", ids[i]);
        json_write_bool(out, "SenderFault", true);
        json_write_text(out, "Code", slice_from_text(local_sqs_fault_code(problem->fault)));
        json_write_text(out, "Message", slice_from_text(problem->text));
        json_end_object(out);
    }
    json_end_array(out);
}

/* One entry, its member of Successful written aside until it is known to succeed. */
static bool do_entry(struct local_sqs_run *run, local_sqs_entry *apply, struct local_queue *queue,
                     struct json entry, struct local_sqs_problem *problem)
{
    CLEANUP(buffer_clear) struct buffer member;
    struct json_writer out = run->out;
    struct slice id = SLICE_NONE;
    buffer_init(&member, MEMBER_MAX_BYTES);
    json_writer_init(&run->out, &member);
    json_begin_object(&run->out, NULL);
    bool done = local_sqs_get_text(entry, "Id", &id, problem) && apply(run, queue, entry, problem);
    json_write_text(&run->out, "Id", id);
    json_end_object(&run->out);
    run->out = out;
    if (done) {
        json_write_raw(&run->out, NULL, buffer_slice(&member));
    }
    return done;
}

bool local_sqs_batch(struct local_sqs_run *run, local_sqs_entry *apply,
                     struct local_sqs_problem *problem)
{
    struct slice ids[LOCAL_SQS_BATCH_MAX] = {{NULL, 0}};
    struct result *results = ARENA_ARRAY(run->arena, LOCAL_SQS_BATCH_MAX, struct result);
    struct json entries = json_member(run->call->input, "Entries");
    struct local_queue *queue = local_sqs_queue(run, problem);
    if (queue == NULL || !check_entries(entries, ids, problem)) {
        return false;
    }
    size_t count = json_count(entries);
    size_t failed_count = 0;
    struct json entry = json_element(entries, 0);
    json_begin_array(&run->out, "Successful");
    for (size_t i = 0; i < count; i++, entry = json_next(entry)) {
        results[i].failed = !do_entry(run, apply, queue, entry, &results[i].problem);
        failed_count += results[i].failed ? 1 : 0;
    }
    json_end_array(&run->out);
    if (failed_count > 0) {
        write_failed(&run->out, ids, results, count);
    }
    return true;
}
