#include "infra/aws/client_core.h"
#include "infra/aws/pace.h"
#include "infra/aws/service_error.h"
#include "infra/base/encode.h"
#include "infra/base/log.h"
#include "infra/base/metrics.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_DEFAULT_MS 10000
#define ATTEMPTS_DEFAULT   3
#define ATTEMPTS_DYNAMODB  4
#define SKEW_MS            5000
#define SKEW_CHECK_MS      1000 /* the Date of answers is read this often */
#define SLEEP_SLICE_MS     50   /* how soon aws_wake is noticed while nothing is under way */
#define WAIT_MAX           64

static int credentials_of(enum aws_service service)
{
    return service == AWS_REDSHIFT_DATA ? CREDENTIALS_STATEMENT : CREDENTIALS_OF_ALL;
}

static int attempts_of(const struct aws_client *client, const struct aws_call *call)
{
    if (call->max_attempts > 0) {
        return call->max_attempts;
    }
    if (client->max_attempts > 0) {
        return client->max_attempts;
    }
    return call->service == AWS_DYNAMODB ? ATTEMPTS_DYNAMODB : ATTEMPTS_DEFAULT;
}

/* An attempt that was not sent does not undo the doubt about one that was. */
static void finish(struct aws_client *client, struct aws_call *call, enum status status)
{
    call->status = status == STATUS_RETRY && call->doubted ? STATUS_IN_DOUBT : status;
    call_list_push(&client->ready, call);
}

static void add_header(struct http_exchange *exchange, const char *name, const char *value)
{
    exchange->headers[exchange->header_count++] = (struct http_header){name, value};
}

/* Where a call goes: to its service at home or, with a key that is not kept, in another region. */
struct place {
    const struct endpoint *endpoint;
    struct slice region;
    struct signer_key *key;
    struct endpoint away;
    struct signer_key away_key;
};

static enum status find_place(struct aws_client *client, const struct aws_call *call,
                              struct place *place, struct error *error)
{
    struct service *home = &client->services[call->service];
    place->endpoint = &home->endpoint;
    place->region = client->region;
    place->key = &home->key;
    if (call->region.size == 0 || home->endpoint.configured ||
        slice_equals(call->region, client->region)) {
        return STATUS_OK;
    }
    place->endpoint = &place->away;
    place->region = call->region;
    place->key = &place->away_key;
    place->away_key.known = false;
    arena_reset(client->scratch);
    return endpoint_resolve(client->scratch, client->files, call->service, call->region,
                            &place->away, error);
}

/* What the service is asked for, but for the signature. Texts are in client->text. */
static void fill_signed(struct aws_client *client, const struct endpoint *endpoint,
                        struct aws_call *call, struct slice *path, struct slice *query)
{
    const struct aws_service_facts *facts = aws_service_facts(call->service);
    struct http_exchange *exchange = &call->exchange;
    const bool s3 = call->service == AWS_S3;
    buffer_reset(&client->text);
    buffer_append(&client->text, endpoint->origin);
    const size_t path_at = client->text.size;
    buffer_append(&client->text, endpoint->path);
    if (s3) {
        buffer_append_text(&client->text, call->s3_path + 1);
    }
    const size_t end = client->text.size;
    buffer_append_byte(&client->text, '\0');
    const size_t target_at = client->text.size;
    if (facts->target_prefix != NULL) {
        buffer_append_text(&client->text, facts->target_prefix);
        buffer_append_byte(&client->text, '.');
        buffer_append_text(&client->text, call->operation);
        add_header(exchange, "X-Amz-Target", client->text.data + target_at);
    }
    if (facts->content_type != NULL) {
        add_header(exchange, "Content-Type", facts->content_type);
    }
    const struct slice whole = {client->text.data + path_at, end - path_at};
    const size_t mark = slice_find_byte(whole, '?');
    *path = slice_part(whole, 0, mark);
    *query = slice_part(whole, mark + 1, whole.size);
    exchange->url = client->text.data;
    exchange->method = s3 ? call->s3_method : "POST";
}

static enum status prepare_signed(struct aws_client *client, struct aws_call *call)
{
    struct error error = ERROR_NONE;
    const int which = credentials_of(call->service);
    struct credentials *credentials = &client->credentials[which];
    struct place place;
    enum status status =
        credentials_get(client->providers[which], client->credentials_http, credentials, &error);
    if (status == STATUS_OK) {
        status = find_place(client, call, &place, &error);
    }
    if (status != STATUS_OK) {
        (void)snprintf(call->error_message, sizeof(call->error_message), "%s", error.text);
        return status;
    }
    const struct aws_service_facts *facts = aws_service_facts(call->service);
    struct slice path = SLICE_NONE;
    struct slice query = SLICE_NONE;
    fill_signed(client, place.endpoint, call, &path, &query);
    const struct signer_request request = {
        .host = place.endpoint->host,
        .path = path,
        .query = query,
        .region = place.region,
        .service = facts->signing_name,
        .s3 = call->service == AWS_S3,
        .now_ms = call->date_ms > 0 ? call->date_ms
                                    : clock_now_ms(client->clock) + client->clock_offset_ms,
        .credentials = credentials,
        .key = place.key};
    call->generation = credentials->generation;
    signer_sign(&client->signer, &request, &call->exchange);
    explicit_bzero(&place.away_key, sizeof(place.away_key));
    return STATUS_OK;
}

static void hold_back(struct aws_client *client, struct aws_call *call, int64_t later_ms)
{
    call->later_ms = later_ms;
    metrics_add(METRIC_AWS_HELD_BACK, 1);
    if (call->attempts == 0) {
        call->held_back = true;
        (void)snprintf(call->error_message, sizeof(call->error_message),
                       "not sent: the rate that AWS grants for %s is used up", call->operation);
    }
    finish(client, call, STATUS_RETRY);
}

/* Takes a token. False: the call waits for its slot, or is final. */
static bool may_go(struct aws_client *client, struct aws_call *call)
{
    int64_t wait_ms = 0;
    if (call->paced == PACE_NONE || call->has_token) {
        call->has_token = false;
        return true;
    }
    const int64_t now_ms = clock_monotonic_ms(client->clock);
    const int64_t most_ms = call->pace_wait_ms > 0 ? call->pace_wait_ms : PACE_WAIT_MAX_MS;
    if (!pace_take(client->pace, (enum pace_operation)call->paced, now_ms, most_ms, &wait_ms)) {
        hold_back(client, call, wait_ms);
        return false;
    }
    if (wait_ms == 0) {
        return true;
    }
    metrics_add(METRIC_AWS_PACED, 1);
    call->has_token = true;
    call->retry_at_ms = now_ms + wait_ms;
    call_list_push(&client->waiting, call);
    return false;
}

/* One sending. The URL and the headers lie in memory of the client that the next sending reuses:
 * http_start has copied them by then. */
static void send_call(struct aws_client *client, struct aws_call *call)
{
    struct http_exchange *exchange = &call->exchange;
    if (!may_go(client, call)) {
        return;
    }
    memset(exchange, 0, sizeof(*exchange));
    exchange->body = call->body;
    exchange->timeout_ms = call->timeout_ms > 0 ? call->timeout_ms : TIMEOUT_DEFAULT_MS;
    exchange->response_max_bytes = call->reply_max_bytes;
    exchange->context = call;
    call->error_name[0] = '\0';
    call->error_message[0] = '\0';
    call->code = 0;
    if (call->unsigned_url != NULL) {
        exchange->method = call->unsigned_method;
        exchange->url = call->unsigned_url;
    } else {
        const enum status status = prepare_signed(client, call);
        if (status != STATUS_OK) {
            finish(client, call, status);
            return;
        }
    }
    call->attempts++;
    call->status = STATUS_IN_DOUBT; /* what it is when it is broken off by aws_reset */
    metrics_add(METRIC_AWS_CALLS, 1);
    if (call->attempts > 1) {
        metrics_add(METRIC_AWS_RETRIES, 1);
    }
    http_start(client->http, &exchange, 1);
    exchange->header_count = 0;
    exchange->url = NULL;
}

void aws_start(struct aws_client *client, struct aws_call *const *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct aws_call *call = calls[i];
        call->reply = SLICE_NONE;
        call->throttled = false;
        call->attempts = 0;
        call->retry_cost = 0;
        call->retried_once = false;
        call->doubted = false;
        call->held_back = false;
        call->later_ms = 0;
        call->has_token = false;
        call->paced = PACE_NONE;
        if (client->pace != NULL && call->unsigned_url == NULL) {
            call->paced = pace_operation_find(call->service, call->operation);
        }
        send_call(client, call);
    }
}

static void learn_clock(struct aws_client *client, const struct http_exchange *exchange, bool now)
{
    const int64_t monotonic_ms = clock_monotonic_ms(client->clock);
    if (!now && client->clock_known && monotonic_ms - client->clock_checked_ms < SKEW_CHECK_MS) {
        return;
    }
    const struct slice date = http_response_header(exchange, "Date");
    int64_t date_ms = 0;
    if (date.size == 0 || time_parse_http(date, &date_ms, NULL) != STATUS_OK) {
        return;
    }
    client->clock_known = true;
    client->clock_checked_ms = monotonic_ms;
    const int64_t offset_ms = date_ms - clock_now_ms(client->clock);
    client->clock_offset_ms = 0;
    if (offset_ms > SKEW_MS || offset_ms < -SKEW_MS) {
        client->clock_offset_ms = offset_ms;
        metrics_add(METRIC_CLOCK_SKEWED, 1);
        if (!client->skew_logged) {
            client->skew_logged = true;
            log_warning("local clock is off", LOG_INT("offsetMs", offset_ms));
        }
    }
}

static void read_answer(struct aws_client *client, struct aws_call *call)
{
    const struct http_exchange *exchange = &call->exchange;
    call->code = exchange->code;
    call->reply = exchange->response;
    if (exchange->status != STATUS_OK) {
        (void)snprintf(call->error_message, sizeof(call->error_message), "%s",
                       exchange->error.text);
        return;
    }
    if (call->code < 200 || call->code >= 300) {
        arena_reset(client->scratch);
        service_error_read(client->scratch, exchange, call->error_name, call->error_message);
    }
}

static int64_t retry_after_ms(const struct aws_call *call)
{
    int64_t wish_ms = -1;
    const struct slice text = http_response_header(&call->exchange, "x-amz-retry-after");
    if (text.size == 0 || slice_to_int64(text, 0, INT32_MAX, &wish_ms, NULL) != STATUS_OK) {
        return -1;
    }
    return wish_ms;
}

/* True when the call is to be sent again; sets when. */
static bool plan_retry(struct aws_client *client, struct aws_call *call, enum retry_class class)
{
    if (class == RETRY_NEVER || call->attempts >= attempts_of(client, call)) {
        return false;
    }
    if (class == RETRY_CLOCK || class == RETRY_EXPIRED) {
        if (call->retried_once || (class == RETRY_CLOCK && client->clock_offset_ms == 0)) {
            return false;
        }
        call->retried_once = true;
    } else {
        call->retry_cost = retry_bucket_take(&client->bucket, class);
        if (call->retry_cost == 0 && !call->long_poll) {
            return false;
        }
    }
    const int64_t delay_ms = retry_delay_ms(
        class, call->service == AWS_DYNAMODB && call->unsigned_url == NULL,
        (unsigned)(call->attempts - 1), random_unit(client->random), retry_after_ms(call));
    call->retry_at_ms = clock_monotonic_ms(client->clock) + delay_ms;
    return true;
}

/* What an answer says about the rate of its operation. */
static void tell_pace(struct aws_client *client, const struct aws_call *call,
                      enum retry_class class)
{
    const enum pace_operation operation = (enum pace_operation)call->paced;
    if (operation == PACE_NONE) {
        return;
    }
    if (class == RETRY_THROTTLING) {
        pace_throttled(client->pace, operation, clock_monotonic_ms(client->clock));
    } else if (call->exchange.status == STATUS_OK && call->code < 300) {
        pace_succeeded(client->pace, operation, clock_monotonic_ms(client->clock));
    }
}

static void came_back(struct aws_client *client, struct aws_call *call)
{
    const bool is_signed = call->unsigned_url == NULL;
    read_answer(client, call);
    if (call->reply_max_bytes > 0 && call->exchange.too_large) {
        (void)snprintf(call->error_name, sizeof(call->error_name), "AnswerTooLarge");
        finish(client, call, STATUS_REJECTED);
        return;
    }
    const enum retry_class class =
        retry_classify(call->exchange.status, call->code, call->error_name, call->error_message);
    tell_pace(client, call, class);
    if (is_signed && call->exchange.status == STATUS_OK) {
        learn_clock(client, &call->exchange, class == RETRY_CLOCK);
    }
    if (is_signed && class == RETRY_EXPIRED) {
        credentials_expired(client->providers[credentials_of(call->service)], call->generation);
    }
    if (call->exchange.status == STATUS_OK && call->code >= 200 && call->code < 300) {
        retry_bucket_give(&client->bucket, call->retry_cost);
        finish(client, call, STATUS_OK);
        return;
    }
    call->throttled = class == RETRY_THROTTLING;
    if (call->throttled) {
        metrics_add(METRIC_AWS_THROTTLED, 1);
    }
    const enum status status =
        retry_final_status(class, call->exchange.status, call->code, call->error_name);
    call->doubted = call->doubted || status == STATUS_IN_DOUBT;
    if (plan_retry(client, call, class)) {
        call_list_push(&client->waiting, call);
        return;
    }
    finish(client, call, status);
}

/* Sends what is due; returns when the next one is, or INT64_MAX. */
static int64_t send_due(struct aws_client *client)
{
    struct call_list *waiting = &client->waiting;
    int64_t next_ms = INT64_MAX;
    if (waiting->count == 0) {
        return next_ms;
    }
    const int64_t now_ms = clock_monotonic_ms(client->clock);
    const size_t count = waiting->count;
    size_t kept = 0;
    for (size_t i = 0; i < waiting->count; i++) {
        struct aws_call *call = waiting->calls[i];
        /* Behind the ones that were there are those that now wait for a slot. */
        if (i < count && call->retry_at_ms <= now_ms) {
            send_call(client, call);
            continue;
        }
        next_ms = call->retry_at_ms < next_ms ? call->retry_at_ms : next_ms;
        waiting->calls[kept++] = call;
    }
    waiting->count = kept;
    return next_ms;
}

/* Blocks until something came back, wait_ms is over, or somebody woke us. */
static void wait_once(struct aws_client *client, int64_t wait_ms)
{
    if (http_pending(client->http) == 0) {
        clock_sleep_ms(client->clock, wait_ms < SLEEP_SLICE_MS ? wait_ms : SLEEP_SLICE_MS);
        return;
    }
    struct http_exchange *done[WAIT_MAX];
    const size_t count = http_wait(client->http, done, ARRAY_COUNT(done), wait_ms);
    for (size_t i = 0; i < count; i++) {
        came_back(client, done[i]->context);
    }
}

size_t aws_wait(struct aws_client *client, struct aws_call **done, size_t max, int64_t timeout_ms)
{
    const int64_t start_ms = clock_monotonic_ms(client->clock);
    const int64_t deadline_ms = timeout_ms < 0 ? INT64_MAX : start_ms + timeout_ms;
    bool last = false; /* at least one look, even when no time is given */
    int64_t next_ms = send_due(client);
    while (client->ready.count == 0 && aws_pending(client) > 0 && !last) {
        const int64_t now_ms = clock_monotonic_ms(client->clock);
        const int64_t until_ms = next_ms < deadline_ms ? next_ms : deadline_ms;
        const int64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
        wait_once(client, until_ms == INT64_MAX ? -1 : left_ms);
        last = now_ms >= deadline_ms || atomic_exchange(&client->woken, false);
        next_ms = send_due(client);
    }
    const size_t count = client->ready.count < max ? client->ready.count : max;
    if (count > 0) {
        memcpy(done, client->ready.calls, count * sizeof(struct aws_call *));
    }
    call_list_drop_first(&client->ready, count);
    return count;
}

size_t aws_pending(const struct aws_client *client)
{
    return http_pending(client->http) + client->waiting.count + client->ready.count;
}

void aws_reset(struct aws_client *client)
{
    http_reset(client->http);
    client->waiting.count = 0;
    client->ready.count = 0;
}

void aws_release(struct aws_client *client, const struct aws_call *call)
{
    http_release(client->http, &call->exchange);
}

void aws_send_all(struct aws_client *client, struct aws_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct aws_call *call = &calls[i];
        aws_start(client, &call, 1);
    }
    struct aws_call *done[WAIT_MAX];
    while (aws_pending(client) > 0) {
        aws_wait(client, done, ARRAY_COUNT(done), -1);
    }
}

void aws_wake(struct aws_client *client)
{
    atomic_store(&client->woken, true);
    http_wake(client->http);
}

int64_t aws_clock_offset_ms(const struct aws_client *client)
{
    return client->clock_offset_ms;
}

const char *aws_region(const struct aws_client *client)
{
    return client->region.data;
}
