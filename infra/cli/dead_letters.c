/* Reading a dead-letter queue: listing it, handing its messages in again. */
#include "infra/aws/sqs.h"
#include "infra/base/encode.h"
#include "infra/cli/queue_message.h"
#include "infra/cli/redrive.h"
#include "infra/cli/table.h"

#include <stdio.h>
#include <string.h>

#define LETTERS_MAX     10000
#define WAIT_SECONDS    1
#define ARENA_MAX_BYTES (256u << 20)
#define VISIBLE_SECONDS 120 /* until others see again what is in hand */

/* The queue as it is read, message by message. */
struct reading {
    struct worker *worker;
    struct aws_client *aws; /* its own: the worker's forgets its answers with every batch */
    struct dead_letters *letters;
    struct arena *arena; /* of one page */
    struct arena *kept;  /* of the whole run: what is listed, and handles to give back */
    struct table table;
    struct slice handles[LETTERS_MAX]; /* of messages that stay */
    size_t handle_count;
};

/* ---- One message ---------------------------------------------------------------------------- */

static bool is_wanted(const struct dead_letters *letters, struct slice id)
{
    bool wanted = letters->all;
    for (size_t i = 0; i < letters->id_count; i++) {
        wanted |= slice_equals_text(id, letters->ids[i]);
    }
    return wanted;
}

static struct slice reason_of(const struct sqs_message *message)
{
    if (message->rule_problem.size > 0) {
        return message->rule_problem;
    }
    return message->rule_arn.size > 0 ? SLICE("EventBridge could not deliver it")
                                      : SLICE("received too often");
}

static void list_one(struct reading *reading, const struct sqs_message *message)
{
    char time[TIME_TEXT_BYTES + 1];
    const struct slice source =
        message->rule_arn.size > 0 ? message->rule_arn : queue_name(message->dead_source);
    char *digest = arena_alloc(reading->kept, SHA256_HEX_BYTES + 1);
    time_format_ms(message->sent_at_ms, time);
    digest_sha256_hex(message->body, digest);
    table_add_cell(&reading->table, arena_copy(reading->kept, message->message_id));
    table_add_cell(&reading->table, slice_from_text(arena_format(reading->kept, "%s", time)));
    table_add_cell(&reading->table, arena_copy(reading->kept, source));
    table_add_cell(&reading->table, slice_from_text(digest));
    table_add_cell(&reading->table, arena_copy(reading->kept, reason_of(message)));
}

/* A queue's message keeps its id when it is moved, so that a request handed in again is the one
 * that the queue has delivered before. */
static struct redrive_message letter_of(struct reading *reading, const struct sqs_message *message)
{
    const bool moved = message->dead_source.size > 0;
    const struct slice queue =
        moved ? message->dead_source : slice_from_text(reading->letters->queue_url);
    return (struct redrive_message){
        .body = message->body,
        .source = slice_from_text(
            arena_format(reading->arena, "queue:%.*s", SLICE_PRINT(queue_name(queue)))),
        .identity = {.kind = SLICE("sqs"),
                     .source = queue_message_source(reading->arena, queue, message->message_id,
                                                    message->original_source)},
        .first_seen_ms = message->sent_at_ms,
    };
}

MUST_CHECK static enum status delete_one(struct reading *reading, const struct sqs_message *message,
                                         struct error *error)
{
    struct aws_call call = {0};
    bool failed = false;
    size_t failed_count = 0;
    sqs_build_delete(reading->arena, reading->letters->queue_url, &message->receipt_handle, 1,
                     &call);
    aws_send_all(reading->aws, &call, 1);
    enum status status = call.status == STATUS_OK ? sqs_read_batch(reading->arena, &call, &failed,
                                                                   1, &failed_count, error)
                                                  : aws_call_error(&call, error);
    return status == STATUS_OK && failed
               ? error_set(error, STATUS_RETRY, "%.*s: cannot be deleted; it may come again",
                           SLICE_PRINT(message->message_id))
               : status;
}

MUST_CHECK static enum status redrive_one(struct reading *reading,
                                          const struct sqs_message *message, struct error *error)
{
    const struct redrive_message letter = letter_of(reading, message);
    const char *did = "taken";
    switch (redrive(reading->worker, reading->arena, &letter)) {
    case REDRIVEN_TAKEN: reading->letters->taken++; break;
    case REDRIVEN_PARKED:
        reading->letters->parked++;
        did = "parked";
        break;
    case REDRIVEN_AWAY:
        return error_set(error, STATUS_RETRY, "%.*s: the tracker or AWS is away; it stays",
                         SLICE_PRINT(message->message_id));
    }
    (void)printf("%.*s %s\n", SLICE_PRINT(message->message_id), did);
    return delete_one(reading, message, error);
}

/* ---- The queue ------------------------------------------------------------------------------ */

MUST_CHECK static enum status receive(struct reading *reading, struct sqs_message **messages,
                                      size_t *count, struct error *error)
{
    struct aws_call call = {0};
    aws_reset(reading->aws);
    arena_reset(reading->arena);
    sqs_build_receive(reading->arena, reading->letters->queue_url, SQS_BATCH_MAX, WAIT_SECONDS,
                      VISIBLE_SECONDS, &call);
    aws_send_all(reading->aws, &call, 1);
    return call.status == STATUS_OK
               ? sqs_read_receive(reading->arena, &call, messages, count, error)
               : aws_call_error(&call, error);
}

MUST_CHECK static enum status take_page(struct reading *reading, const struct sqs_message *messages,
                                        size_t count, struct error *error)
{
    const struct dead_letters *letters = reading->letters;
    const bool list = !letters->all && letters->id_count == 0;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        const struct sqs_message *message = &messages[i];
        const bool wanted = status == STATUS_OK && is_wanted(letters, message->message_id);
        if (list) {
            list_one(reading, message);
        }
        if (wanted) {
            status = redrive_one(reading, message, error);
        }
        if (!wanted || status != STATUS_OK) {
            reading->handles[reading->handle_count++] =
                arena_copy(reading->kept, message->receipt_handle);
        }
    }
    return status;
}

/* What stays is seen by others again at once; when that fails, a little later. */
static void give_back(struct reading *reading)
{
    static const int64_t at_once[SQS_BATCH_MAX];
    for (size_t from = 0; from < reading->handle_count; from += SQS_BATCH_MAX) {
        const size_t left = reading->handle_count - from;
        struct aws_call call = {0};
        arena_reset(reading->arena);
        aws_reset(reading->aws);
        sqs_build_visibility(reading->arena, reading->letters->queue_url, &reading->handles[from],
                             at_once, left < SQS_BATCH_MAX ? left : SQS_BATCH_MAX, &call);
        aws_send_all(reading->aws, &call, 1);
    }
}

MUST_CHECK static enum status read_all(struct reading *reading, struct error *error)
{
    enum status status = STATUS_OK;
    bool more = true;
    while (status == STATUS_OK && more && reading->handle_count + SQS_BATCH_MAX <= LETTERS_MAX) {
        struct sqs_message *messages = NULL;
        size_t count = 0;
        status = receive(reading, &messages, &count, error);
        if (status == STATUS_OK) {
            status = take_page(reading, messages, count, error);
        }
        more = count > 0;
    }
    return status;
}

static void init_table(struct table *table)
{
    static const char *const columns[] = {"MESSAGE ID", "SENT", "SOURCE", "SHA-256", "REASON"};
    table_init(table);
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
        table_add_column(table, slice_from_text(columns[i]), false);
    }
}

enum status dead_letters_read(struct worker *worker, struct dead_letters *letters,
                              struct error *error)
{
    CLEANUP(arena_cleanup) struct arena *kept = arena_new(ARENA_MAX_BYTES);
    CLEANUP(arena_cleanup) struct arena *page = arena_new(ARENA_MAX_BYTES);
    struct reading *reading = ARENA_NEW(kept, struct reading);
    *reading = (struct reading){.worker = worker, .letters = letters, .arena = page, .kept = kept};
    enum status status = aws_client_new(&worker->service->aws, &reading->aws, error);
    if (status != STATUS_OK) {
        return status;
    }
    init_table(&reading->table);
    status = read_all(reading, error);
    if (table_rows(&reading->table) > 0) {
        table_print(&reading->table, stdout);
    }
    give_back(reading);
    table_clear(&reading->table);
    aws_client_free(reading->aws);
    return status;
}
