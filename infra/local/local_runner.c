/* A statement's thread: connect, run, end, tell. */
#include "infra/local/local_statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define STACK_BYTES     (512UL * 1024)
#define EVENT_MAX_BYTES (64UL * 1024)

static const char never_ran[] = "Connection or an prior query failed.";

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void set_status(struct data_statement *statement, enum data_status status)
{
    statement->status = status;
    statement->updated_ms = clock_now_ms(statement->data->options.clock);
}

static void replace_text(char **text, struct slice by)
{
    free(*text);
    *text = data_copy_text(by);
}

static void *connect_engine(struct data_statement *statement, struct error *error)
{
    struct local_data *data = statement->data;
    void *connection = NULL;
    if (statement->session && statement->session->connection) {
        return statement->session->connection;
    }
    enum status status = data->engine->connect(data->engine_state, &connection, error);
    if (status != STATUS_OK) {
        return NULL;
    }
    if (statement->session) {
        statement->session->connection = connection;
    }
    return connection;
}

static void sub_begin(struct data_statement *statement, struct data_sub *sub)
{
    struct local_data *data = statement->data;
    pthread_mutex_lock(&data->lock);
    sub->status = DATA_STARTED;
    sub->updated_ms = clock_now_ms(data->options.clock);
    pthread_mutex_unlock(&data->lock);
}

/* Moves the outcome's result and error into the sub. */
static void sub_end(struct data_statement *statement, struct data_sub *sub, enum engine_end end,
                    struct engine_outcome *outcome, int64_t duration_ns)
{
    struct local_data *data = statement->data;
    pthread_mutex_lock(&data->lock);
    sub->status = end == ENGINE_DONE     ? DATA_FINISHED
                  : end == ENGINE_FAILED ? DATA_FAILED
                                         : DATA_ABORTED;
    sub->updated_ms = clock_now_ms(data->options.clock);
    sub->duration_ns = duration_ns;
    if (end == ENGINE_DONE) {
        sub->has_result = outcome->has_result;
        sub->result_rows = outcome->row_count;
        sub->result_bytes = (int64_t)outcome->result.size_bytes;
        sub->result = outcome->result;
        local_result_init(&outcome->result);
    } else {
        replace_text(&sub->error, end == ENGINE_FAILED
                                      ? buffer_slice(&outcome->error)
                                      : SLICE("Query cancelled on user's request"));
    }
    pthread_mutex_unlock(&data->lock);
}

static enum engine_end run_sub(struct data_statement *statement, struct data_sub *sub,
                               void *connection)
{
    CLEANUP(engine_outcome_clear) struct engine_outcome outcome;
    engine_outcome_init(&outcome);
    const struct engine_request request = {
        .sql = sub->sql,
        .parameters = statement->input.parameters,
        .parameter_count = statement->input.parameter_count,
        .cancel = &statement->cancel,
    };
    sub_begin(statement, sub);
    int64_t start_ns = now_ns();
    enum engine_end end = ENGINE_CANCELLED;
    if (!engine_cancel_requested(&statement->cancel)) {
        end = data_is_unload(sub->sql)
                  ? data_unload(statement, connection, &request, &outcome)
                  : statement->data->engine->execute(connection, &request, &outcome);
    }
    sub_end(statement, sub, end, &outcome, now_ns() - start_ns);
    return end;
}

/* Subs that never ran. */
static void abort_subs(struct data_statement *statement, size_t first)
{
    struct local_data *data = statement->data;
    pthread_mutex_lock(&data->lock);
    for (size_t i = first; i < statement->input.sql_count; i++) {
        struct data_sub *sub = &statement->subs[i];
        sub->status = DATA_ABORTED;
        sub->updated_ms = clock_now_ms(data->options.clock);
        replace_text(&sub->error, slice_from_text(never_ran));
    }
    pthread_mutex_unlock(&data->lock);
}

/* The statement's own error: the sub's, or which query of the batch it was. Only the first stays.
 */
static void take_error(struct data_statement *statement, size_t index)
{
    char text[40UL * 1024];
    struct local_data *data = statement->data;
    pthread_mutex_lock(&data->lock);
    if (!statement->error) {
        const char *error = statement->subs[index].error;
        if (statement->input.batch) {
            (void)snprintf(text, sizeof(text), "Query #%zu failed with %s", index + 1, error);
            error = text;
        }
        statement->error = data_copy_text(slice_from_text(error));
    }
    pthread_mutex_unlock(&data->lock);
}

/* BEGIN, COMMIT or ROLLBACK. A failure becomes the statement's error. */
static enum engine_end command(struct data_statement *statement, void *connection, const char *sql,
                               bool cancellable)
{
    CLEANUP(engine_outcome_clear) struct engine_outcome outcome;
    engine_outcome_init(&outcome);
    const struct engine_request request = {
        .sql = slice_from_text(sql),
        .cancel = cancellable ? &statement->cancel : NULL,
    };
    struct local_data *data = statement->data;
    enum engine_end end = data->engine->execute(connection, &request, &outcome);
    if (end == ENGINE_FAILED) {
        pthread_mutex_lock(&data->lock);
        if (!statement->error) {
            statement->error = data_copy_text(buffer_slice(&outcome.error));
        }
        pthread_mutex_unlock(&data->lock);
    }
    return end;
}

/* All subs one after the other; a transaction stops at the first that fails. */
static enum engine_end run_subs(struct data_statement *statement, void *connection)
{
    enum engine_end worst = ENGINE_DONE;
    for (size_t i = 0; i < statement->input.sql_count; i++) {
        enum engine_end end = run_sub(statement, &statement->subs[i], connection);
        if (end == ENGINE_DONE) {
            continue;
        }
        worst = end;
        if (end == ENGINE_FAILED) {
            take_error(statement, i);
        }
        if (end == ENGINE_CANCELLED || !statement->input.auto_commit) {
            abort_subs(statement, i + 1);
            break;
        }
    }
    return worst;
}

static enum engine_end run_transaction(struct data_statement *statement, void *connection)
{
    enum engine_end end = command(statement, connection, statement->data->engine->begin, true);
    if (end != ENGINE_DONE) {
        abort_subs(statement, 0);
        return end;
    }
    end = run_subs(statement, connection);
    if (end == ENGINE_DONE && engine_cancel_requested(&statement->cancel)) {
        end = ENGINE_CANCELLED;
    }
    if (end == ENGINE_DONE) {
        end = command(statement, connection, "COMMIT", false);
    }
    if (end != ENGINE_DONE) {
        (void)command(statement, connection, "ROLLBACK", false);
    }
    return end;
}

static void mark_started(struct data_statement *statement, int64_t pid)
{
    struct local_data *data = statement->data;
    pthread_mutex_lock(&data->lock);
    set_status(statement, DATA_STARTED);
    statement->runs++;
    statement->pid = pid;
    if (!statement->input.batch) {
        statement->query_id = ++data->next_query_id;
        statement->subs[0].query_id = statement->query_id;
    }
    pthread_mutex_unlock(&data->lock);
}

static enum engine_end run_connected(struct data_statement *statement, void *connection)
{
    mark_started(statement, statement->data->engine->pid(connection));
    enum engine_end end = statement->input.batch && !statement->input.auto_commit
                              ? run_transaction(statement, connection)
                              : run_subs(statement, connection);
    if (!statement->session) {
        statement->data->engine->disconnect(connection);
    }
    return end;
}

static enum engine_end run_statement(struct data_statement *statement)
{
    struct error error = ERROR_NONE;
    if (engine_cancel_requested(&statement->cancel)) {
        abort_subs(statement, 0);
        return ENGINE_CANCELLED;
    }
    void *connection = connect_engine(statement, &error);
    if (connection) {
        return run_connected(statement, connection);
    }
    abort_subs(statement, 0);
    struct local_data *data = statement->data;
    pthread_mutex_lock(&data->lock);
    statement->error = data_copy_text(slice_from_text(error.text));
    pthread_mutex_unlock(&data->lock);
    return ENGINE_FAILED;
}

/* Commits the ending: status, session and event belong together. */
static void end_statement(struct data_statement *statement, enum engine_end end,
                          int64_t duration_ns, struct buffer *event)
{
    struct local_data *data = statement->data;
    pthread_mutex_lock(&data->lock);
    if (end == ENGINE_CANCELLED) {
        replace_text(&statement->error, SLICE("Query cancelled on user's request"));
    }
    statement->duration_ns = duration_ns;
    set_status(statement, end == ENGINE_DONE     ? DATA_FINISHED
                          : end == ENGINE_FAILED ? DATA_FAILED
                                                 : DATA_ABORTED);
    if (statement->session) {
        data_session_release(data, statement->session);
        statement->session = NULL;
    }
    engine_cancel_clear(&statement->cancel);
    data->active_count--;
    data_write_event(statement, event);
    pthread_cond_broadcast(&data->ended);
    pthread_mutex_unlock(&data->lock);
}

static void *thread_main(void *context)
{
    struct data_statement *statement = context;
    struct local_data *data = statement->data;
    CLEANUP(buffer_clear) struct buffer event;
    buffer_init(&event, EVENT_MAX_BYTES);
    pthread_mutex_lock(&data->lock);
    set_status(statement, DATA_PICKED);
    pthread_mutex_unlock(&data->lock);
    int64_t start_ns = now_ns();
    enum engine_end end = run_statement(statement);
    end_statement(statement, end, now_ns() - start_ns, &event);
    if (statement->input.with_event && data->options.emit) {
        data->options.emit(data->options.context, buffer_slice(&event));
    }
    pthread_mutex_lock(&data->lock);
    statement->next_ended = data->ended_threads;
    data->ended_threads = statement;
    pthread_cond_broadcast(&data->ended);
    pthread_mutex_unlock(&data->lock);
    return NULL;
}

bool data_run(struct data_statement *statement)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int code = pthread_create(&statement->thread, &attributes, thread_main, statement);
    pthread_attr_destroy(&attributes);
    if (code == 0) {
        statement->data->active_count++;
    }
    return code == 0;
}
