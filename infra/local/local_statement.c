#include "infra/local/local_statement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXTS_MAX_BYTES (16UL * 1024 * 1024)

const char *data_status_name(enum data_status status)
{
    switch (status) {
    case DATA_SUBMITTED: return "SUBMITTED";
    case DATA_PICKED: return "PICKED";
    case DATA_STARTED: return "STARTED";
    case DATA_FINISHED: return "FINISHED";
    case DATA_FAILED: return "FAILED";
    case DATA_ABORTED: return "ABORTED";
    }
    return "";
}

bool data_status_is_final(enum data_status status)
{
    return status == DATA_FINISHED || status == DATA_FAILED || status == DATA_ABORTED;
}

char *data_copy_text(struct slice text)
{
    if (!text.data) {
        return NULL;
    }
    char *copy = malloc(text.size + 1);
    if (!copy) {
        abort();
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

static void *zeroed(size_t count, size_t bytes)
{
    void *memory = calloc(count, bytes);
    if (!memory) {
        abort();
    }
    return memory;
}

/* FNV-1a. */
static size_t bucket_of(struct slice text)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < text.size; i++) {
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211u;
    }
    return (size_t)(hash % DATA_BUCKET_COUNT);
}

/* Visits every text of the input. */
static void each_text(struct data_submit *input,
                      void (*visit)(struct slice *text, struct buffer *texts), struct buffer *texts)
{
    struct slice *fixed[] = {&input->cluster, &input->workgroup,  &input->database,
                             &input->db_user, &input->secret_arn, &input->name,
                             &input->token,   &input->session_id};
    for (size_t i = 0; i < ARRAY_COUNT(fixed); i++) {
        visit(fixed[i], texts);
    }
    for (size_t i = 0; i < input->sql_count; i++) {
        visit(&input->sqls[i], texts);
    }
    for (size_t i = 0; i < input->parameter_count; i++) {
        visit(&input->parameters[i].name, texts);
        visit(&input->parameters[i].value, texts);
    }
}

static void append_text(struct slice *text, struct buffer *texts)
{
    if (text->data) {
        buffer_append(texts, *text);
        buffer_append_byte(texts, '\0');
    }
}

/* Texts were appended in this order: takes the front of what is left of the copy. */
static void point_into_copy(struct slice *text, struct buffer *texts)
{
    if (text->data) {
        text->data = texts->data + texts->capacity;
        texts->capacity += text->size + 1;
    }
}

/* The statement outlives the call: all texts of its input move into one buffer of its own. */
static void own_input(struct data_statement *statement, const struct data_submit *submit)
{
    statement->input = *submit;
    struct data_submit *input = &statement->input;
    if (input->parameter_count > 0) {
        input->parameters = zeroed(input->parameter_count, sizeof(struct engine_parameter));
        memcpy(input->parameters, submit->parameters,
               input->parameter_count * sizeof(struct engine_parameter));
    }
    buffer_init(&statement->texts, TEXTS_MAX_BYTES);
    each_text(input, append_text, &statement->texts);
    struct buffer cursor = {.data = statement->texts.data, .capacity = 0};
    each_text(input, point_into_copy, &cursor);
}

static void link_statement(struct local_data *data, struct data_statement *statement)
{
    statement->older = data->newest;
    if (data->newest) {
        data->newest->newer = statement;
    } else {
        data->oldest = statement;
    }
    data->newest = statement;
    struct data_statement **by_id = &data->by_id[bucket_of(slice_from_text(statement->id))];
    statement->next_by_id = *by_id;
    *by_id = statement;
    if (statement->input.token.data) {
        struct data_statement **by_token = &data->by_token[bucket_of(statement->input.token)];
        statement->next_by_token = *by_token;
        *by_token = statement;
    }
}

static void unlink_statement(struct local_data *data, struct data_statement *statement)
{
    if (statement->newer) {
        statement->newer->older = statement->older;
    } else {
        data->newest = statement->older;
    }
    if (statement->older) {
        statement->older->newer = statement->newer;
    } else {
        data->oldest = statement->newer;
    }
    struct data_statement **link = &data->by_id[bucket_of(slice_from_text(statement->id))];
    while (*link != statement) {
        link = &(*link)->next_by_id;
    }
    *link = statement->next_by_id;
    if (statement->input.token.data) {
        link = &data->by_token[bucket_of(statement->input.token)];
        while (*link != statement) {
            link = &(*link)->next_by_token;
        }
        *link = statement->next_by_token;
    }
}

struct data_statement *data_statement_new(struct local_data *data, const struct data_submit *submit)
{
    struct data_statement *statement = zeroed(1, sizeof(*statement));
    int64_t now_ms = clock_now_ms(data->options.clock);
    statement->data = data;
    random_uuid(data->options.random, statement->id);
    statement->serial = ++data->next_serial;
    own_input(statement, submit);
    statement->status = DATA_SUBMITTED;
    statement->created_ms = now_ms;
    statement->updated_ms = now_ms;
    statement->duration_ns = -1;
    statement->submits = 1;
    engine_cancel_init(&statement->cancel);
    statement->subs = zeroed(submit->sql_count, sizeof(struct data_sub));
    for (size_t i = 0; i < submit->sql_count; i++) {
        struct data_sub *sub = &statement->subs[i];
        sub->sql = statement->input.sqls[i];
        sub->created_ms = now_ms;
        sub->updated_ms = now_ms;
        sub->duration_ns = -1;
        sub->query_id = submit->batch ? -1 : 0;
        sub->result_rows = -1;
        sub->result_bytes = -1;
        local_result_init(&sub->result);
    }
    link_statement(data, statement);
    return statement;
}

void data_statement_free(struct data_statement *statement)
{
    unlink_statement(statement->data, statement);
    for (size_t i = 0; i < statement->input.sql_count; i++) {
        free(statement->subs[i].error);
        local_result_clear(&statement->subs[i].result);
    }
    free(statement->subs);
    free(statement->error);
    free(statement->input.parameters);
    buffer_clear(&statement->texts);
    engine_cancel_clear(&statement->cancel);
    free(statement);
}

struct data_statement *data_statement_find(struct local_data *data, struct slice id, int *sub)
{
    int64_t number = 0;
    struct slice parent = slice_part(id, 0, 36);
    struct slice suffix = slice_part(id, 37, id.size);
    *sub = -1;
    struct data_statement *statement = data->by_id[bucket_of(parent)];
    while (statement && !slice_equals_text(parent, statement->id)) {
        statement = statement->next_by_id;
    }
    if (!statement || suffix.size == 0) {
        return statement;
    }
    int64_t count = statement->input.batch ? (int64_t)statement->input.sql_count : 0;
    if (count == 0 || slice_to_int64(suffix, 1, count, &number, NULL) != STATUS_OK) {
        return NULL;
    }
    *sub = (int)number - 1;
    return statement;
}

struct data_statement *data_statement_find_token(struct local_data *data, struct slice token)
{
    if (!token.data) {
        return NULL;
    }
    int64_t oldest_ms = clock_now_ms(data->options.clock) - DATA_TOKEN_MS;
    struct data_statement *statement = data->by_token[bucket_of(token)];
    while (statement &&
           !(slice_equals(statement->input.token, token) && statement->created_ms > oldest_ms)) {
        statement = statement->next_by_token;
    }
    return statement;
}

void data_statement_wait(struct data_statement *statement, int64_t seconds)
{
    struct local_data *data = statement->data;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += seconds;
    statement->waiters++;
    while (!data_status_is_final(statement->status) && !data->stopping && seconds > 0) {
        if (pthread_cond_timedwait(&data->ended, &data->lock, &end) == ETIMEDOUT) {
            break;
        }
    }
    statement->waiters--;
}

void data_sweep(struct local_data *data)
{
    int64_t now_ms = clock_now_ms(data->options.clock);
    while (data->ended_threads) {
        struct data_statement *ended = data->ended_threads;
        data->ended_threads = ended->next_ended;
        /* It has only to return: it left the mutex before we got it. */
        pthread_join(ended->thread, NULL);
        ended->joined = true;
    }
    data_sessions_sweep(data, now_ms);
    struct data_statement *statement = data->oldest;
    while (statement && statement->joined && statement->waiters == 0 &&
           statement->updated_ms <= now_ms - DATA_RETAIN_MS) {
        struct data_statement *newer = statement->newer;
        data_statement_free(statement);
        statement = newer;
    }
}
