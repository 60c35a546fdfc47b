#include "infra/aws/http.h"

#include "infra/base/memory.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEADERS_MAX_BYTES   (64u << 10)  /* of an answer; more is cut */
#define KEPT_RESPONSE_BYTES (256u << 10) /* a larger buffer is given back on reset */
#define CONNECT_TIMEOUT_MS  3100
#define CONNECTIONS_DEFAULT 64 /* as many as a sweep's batch has exchanges */
#define CONNECTION_AGE_S    55 /* AWS closes idle connections after about a minute */
#define CONNECTION_HEADERS  3  /* ours: Content-Type, Expect, Accept */
#define HEADER_LINES_MAX    (HTTP_HEADERS_MAX + CONNECTION_HEADERS)
#define HEADER_TEXT_MAX     (64u << 10)

/* One easy handle with its memory. It is free, under way or held (its result is being read). */
struct slot {
    struct slot *next;
    struct http *http;
    CURL *easy;
    struct http_exchange *exchange;
    struct buffer response;
    struct buffer response_headers;
    struct buffer header_text;
    struct curl_slist header_lines[HEADER_LINES_MAX];
    unsigned sendings;
    bool too_large;
    char problem[CURL_ERROR_SIZE];
};

struct http {
    CURLM *multi;
    CURLSH *share;
    char *ca_bundle;
    struct slot *free_slots;
    struct slot *under_way;
    struct slot *held;
    /* Came back and not yet returned by http_wait; slots are among `held`. */
    struct http_exchange **ready;
    size_t ready_count;
    size_t ready_capacity;
    size_t under_way_count;
    atomic_bool woken;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        memory_abort("curl cannot start");
    }
}

/*
 * Called before a request goes out on a connection. libcurl repeats a request by itself when a kept
 * connection breaks under it, which would send twice what its caller allowed to be sent once: the
 * second time is refused here and the exchange ends in doubt. It also tells whether sending ever
 * began.
 */
static int before_sending(void *context, char *remote_ip, char *local_ip, int remote_port,
                          int local_port)
{
    struct slot *slot = context;
    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    slot->sendings++;
    return slot->sendings == 1 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct slot *slot = context;
    const size_t bytes = size * count;
    buffer_append(&slot->response, (struct slice){data, bytes});
    slot->too_large = slot->response.overflowed;
    return slot->too_large ? 0 : bytes;
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    struct slot *slot = context;
    const struct slice line = {data, size * count};
    if (slice_starts_with(line, SLICE("HTTP/"))) {
        buffer_reset(&slot->response_headers); /* a 1xx came before */
    } else {
        buffer_append(&slot->response_headers, line);
    }
    return line.size;
}

static void set_constant_options(struct http *http, struct slot *slot)
{
    CURL *easy = slot->easy;
    curl_easy_setopt(easy, CURLOPT_SHARE, http->share);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, slot->problem);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)CONNECTION_AGE_S);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (http->ca_bundle != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_bundle);
    }
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, slot);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, slot);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, slot);
}

static struct slot *slot_new(struct http *http)
{
    struct slot *slot = memory_new(sizeof(*slot));
    slot->easy = curl_easy_init();
    if (slot->easy == NULL) {
        memory_abort("no curl handle");
    }
    slot->http = http;
    buffer_init(&slot->response, HTTP_RESPONSE_MAX_BYTES);
    buffer_init(&slot->response_headers, HEADERS_MAX_BYTES);
    buffer_init(&slot->header_text, HEADER_TEXT_MAX);
    set_constant_options(http, slot);
    return slot;
}

static void slot_free(struct slot *slot)
{
    curl_easy_cleanup(slot->easy);
    buffer_wipe(&slot->response);
    buffer_clear(&slot->response);
    buffer_clear(&slot->response_headers);
    buffer_wipe(&slot->header_text);
    buffer_clear(&slot->header_text);
    free(slot);
}

static void slots_free(struct slot *slot)
{
    while (slot != NULL) {
        struct slot *next = slot->next;
        slot_free(slot);
        slot = next;
    }
}

struct http *http_new(const struct http_options *options)
{
    pthread_once(&curl_once, curl_start);
    struct http *http = memory_new(sizeof(*http));
    http->multi = curl_multi_init();
    http->share = curl_share_init();
    if (http->multi == NULL || http->share == NULL) {
        memory_abort("no curl multi handle");
    }
    const int64_t connections = options != NULL && options->max_connections > 0
                                    ? options->max_connections
                                    : CONNECTIONS_DEFAULT;
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)connections);
    curl_share_setopt(http->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    if (options != NULL && options->ca_bundle != NULL) {
        const size_t size = strlen(options->ca_bundle) + 1;
        http->ca_bundle = memory_new(size);
        memcpy(http->ca_bundle, options->ca_bundle, size);
    }
    return http;
}

void http_free(struct http *http)
{
    if (http == NULL) {
        return;
    }
    http_reset(http);
    slots_free(http->free_slots);
    curl_multi_cleanup(http->multi);
    curl_share_cleanup(http->share);
    free(http->ready);
    free(http->ca_bundle);
    free(http);
}

static void ready_push(struct http *http, struct http_exchange *exchange)
{
    if (http->ready_count == http->ready_capacity) {
        http->ready_capacity = http->ready_capacity == 0 ? 16 : 2 * http->ready_capacity;
        http->ready =
            memory_resize(http->ready, http->ready_capacity * sizeof(struct http_exchange *));
    }
    http->ready[http->ready_count++] = exchange;
}

static bool has_header(const struct http_exchange *exchange, const char *name)
{
    for (size_t i = 0; i < exchange->header_count; i++) {
        if (slice_equals_ignore_case(slice_from_text(exchange->headers[i].name),
                                     slice_from_text(name))) {
            return true;
        }
    }
    return false;
}

/* libcurl's spelling: "Name: value", "Name;" for an empty value, "Name:" to keep it from sending
 * the header. */
static void append_header(struct buffer *out, const char *name, const char *value)
{
    buffer_append_text(out, name);
    if (value == NULL) {
        buffer_append_byte(out, ':');
    } else if (value[0] == '\0') {
        buffer_append_byte(out, ';');
    } else {
        buffer_append_text(out, ": ");
        buffer_append_text(out, value);
    }
    buffer_append_byte(out, '\0');
}

/* Builds the list in the slot's own memory, so that no header costs an allocation. */
static struct curl_slist *build_headers(struct slot *slot, const struct http_exchange *exchange)
{
    static const char *const unwanted[CONNECTION_HEADERS] = {"Expect", "Content-Type", "Accept"};
    struct buffer *text = &slot->header_text;
    size_t count = exchange->header_count;
    buffer_reset(text);
    for (size_t i = 0; i < exchange->header_count; i++) {
        append_header(text, exchange->headers[i].name, exchange->headers[i].value);
    }
    for (size_t i = 0; i < ARRAY_COUNT(unwanted); i++) {
        if (!has_header(exchange, unwanted[i])) {
            append_header(text, unwanted[i], NULL);
            count++;
        }
    }
    if (text->overflowed) {
        return NULL;
    }
    char *line = text->data;
    for (size_t i = 0; i < count; i++) {
        slot->header_lines[i].data = line;
        slot->header_lines[i].next = i + 1 < count ? &slot->header_lines[i + 1] : NULL;
        line += strlen(line) + 1;
    }
    return slot->header_lines;
}

static void set_method(CURL *easy, const struct http_exchange *exchange)
{
    const bool get = strcmp(exchange->method, "GET") == 0;
    const bool head = strcmp(exchange->method, "HEAD") == 0;
    const bool post = strcmp(exchange->method, "POST") == 0;
    const bool put = strcmp(exchange->method, "PUT") == 0;
    curl_easy_setopt(easy, CURLOPT_NOBODY, head ? 1L : 0L);
    if (post || put || exchange->body.data != NULL) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                         exchange->body.data != NULL ? exchange->body.data : "");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.size);
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, post ? NULL : exchange->method);
    } else if (!head) {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, get ? NULL : exchange->method);
    } else {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    }
}

static struct slot *take_slot(struct http *http)
{
    struct slot *slot = http->free_slots;
    if (slot == NULL) {
        return slot_new(http);
    }
    http->free_slots = slot->next;
    return slot;
}

static void hold(struct http *http, struct slot *slot)
{
    slot->next = http->held;
    http->held = slot;
    slot->exchange->done = true;
    ready_push(http, slot->exchange);
}

static void start_one(struct http *http, struct http_exchange *exchange)
{
    exchange->status = STATUS_IN_DOUBT;
    exchange->error = ERROR_NONE;
    exchange->code = 0;
    exchange->response = SLICE_NONE;
    exchange->response_headers = SLICE_NONE;
    exchange->done = false;

    struct slot *slot = take_slot(http);
    slot->exchange = exchange;
    slot->sendings = 0;
    slot->too_large = false;
    slot->problem[0] = '\0';
    slot->response.max_bytes =
        exchange->response_max_bytes != 0 ? exchange->response_max_bytes : HTTP_RESPONSE_MAX_BYTES;
    struct curl_slist *headers = build_headers(slot, exchange);
    const int64_t connect_timeout_ms =
        exchange->connect_timeout_ms > 0 ? exchange->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    set_method(slot->easy, exchange);
    curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(slot->easy, CURLOPT_PROXY, exchange->direct ? "" : NULL);
    curl_easy_setopt(slot->easy, CURLOPT_TIMEOUT_MS, (long)exchange->timeout_ms);
    curl_easy_setopt(slot->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_timeout_ms);
    if (headers == NULL || curl_easy_setopt(slot->easy, CURLOPT_URL, exchange->url) != CURLE_OK) {
        exchange->status =
            error_set(&exchange->error, STATUS_REJECTED, "the request's headers are too large");
        hold(http, slot);
        return;
    }
    if (curl_multi_add_handle(http->multi, slot->easy) != CURLM_OK) {
        memory_abort("curl takes no handle");
    }
    slot->next = http->under_way;
    http->under_way = slot;
    http->under_way_count++;
}

void http_start(struct http *http, struct http_exchange *const *exchanges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        start_one(http, exchanges[i]);
    }
}

/* The URL may be a secret, so libcurl's text is used only where it names at most the host. */
static void conclude_failure(struct slot *slot, CURLcode result)
{
    struct http_exchange *exchange = slot->exchange;
    if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL) {
        error_set(&exchange->error, STATUS_REJECTED, "malformed URL");
    } else if (slot->sendings == 0) {
        error_set(&exchange->error, STATUS_RETRY, "not sent: %s",
                  slot->problem[0] != '\0' ? slot->problem : curl_easy_strerror(result));
    } else if (slot->too_large) {
        exchange->too_large = true;
        error_set(&exchange->error, STATUS_IN_DOUBT, "answer larger than %zu bytes",
                  slot->response.max_bytes);
    } else if (slot->sendings > 1) {
        error_set(&exchange->error, STATUS_IN_DOUBT, "connection broke after sending");
    } else {
        error_set(&exchange->error, STATUS_IN_DOUBT, "broke after sending: %s",
                  slot->problem[0] != '\0' ? slot->problem : curl_easy_strerror(result));
    }
    exchange->status = exchange->error.status;
}

static void conclude(struct slot *slot, CURLcode result)
{
    struct http_exchange *exchange = slot->exchange;
    if (result != CURLE_OK) {
        conclude_failure(slot, result);
        return;
    }
    long code = 0;
    curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &code);
    exchange->status = STATUS_OK;
    exchange->code = (int)code;
    exchange->response = buffer_slice(&slot->response);
    exchange->response_headers = buffer_slice(&slot->response_headers);
}

static void unlink_under_way(struct http *http, const struct slot *slot)
{
    struct slot **link = &http->under_way;
    while (*link != slot) {
        link = &(*link)->next;
    }
    *link = slot->next;
    http->under_way_count--;
}

/* One round of libcurl; moves what is finished to `held`. */
static void perform(struct http *http)
{
    int running = 0;
    if (http->under_way == NULL) {
        return;
    }
    if (curl_multi_perform(http->multi, &running) != CURLM_OK) {
        memory_abort("curl cannot go on");
    }
    if ((size_t)running == http->under_way_count) {
        return;
    }
    int left = 0;
    const CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        struct slot *slot = NULL;
        const CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        conclude(slot, result);
        curl_multi_remove_handle(http->multi, slot->easy);
        unlink_under_way(http, slot);
        hold(http, slot);
    }
}

static size_t return_ready(struct http *http, struct http_exchange **done, size_t max)
{
    const size_t count = http->ready_count < max ? http->ready_count : max;
    for (size_t i = 0; i < count; i++) {
        done[i] = http->ready[i];
    }
    http->ready_count -= count;
    if (http->ready_count > 0) {
        memmove(http->ready, http->ready + count,
                http->ready_count * sizeof(struct http_exchange *));
    }
    return count;
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

size_t http_wait(struct http *http, struct http_exchange **done, size_t max, int64_t timeout_ms)
{
    const int64_t deadline_ms = timeout_ms < 0 ? INT64_MAX : monotonic_ms() + timeout_ms;
    for (;;) {
        perform(http);
        if (http->ready_count > 0 || http->under_way == NULL) {
            return return_ready(http, done, max);
        }
        const int64_t left_ms =
            timeout_ms < 0 ? 60000 : deadline_ms - (timeout_ms == 0 ? deadline_ms : monotonic_ms());
        if (left_ms <= 0 || atomic_exchange(&http->woken, false)) {
            return 0;
        }
        curl_multi_poll(http->multi, NULL, 0, (int)(left_ms > 60000 ? 60000 : left_ms), NULL);
    }
}

size_t http_pending(const struct http *http)
{
    return http->under_way_count + http->ready_count;
}

static void slot_release(struct http *http, struct slot *slot)
{
    buffer_reset(&slot->response);
    if (slot->response.capacity > KEPT_RESPONSE_BYTES) {
        buffer_clear(&slot->response);
    }
    buffer_reset(&slot->response_headers);
    slot->exchange = NULL;
    slot->next = http->free_slots;
    http->free_slots = slot;
}

void http_reset(struct http *http)
{
    while (http->under_way != NULL) {
        struct slot *slot = http->under_way;
        curl_multi_remove_handle(http->multi, slot->easy);
        unlink_under_way(http, slot);
        slot_release(http, slot);
    }
    while (http->held != NULL) {
        struct slot *slot = http->held;
        http->held = slot->next;
        slot_release(http, slot);
    }
    http->ready_count = 0;
}

void http_release(struct http *http, const struct http_exchange *exchange)
{
    struct slot **link = &http->held;
    while (*link != NULL) {
        struct slot *slot = *link;
        if (slot->exchange == exchange) {
            *link = slot->next;
            slot_release(http, slot);
        } else {
            link = &slot->next;
        }
    }
}

void http_wake(struct http *http)
{
    atomic_store(&http->woken, true);
    curl_multi_wakeup(http->multi);
}

void http_send_all(struct http *http, struct http_exchange *exchanges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        start_one(http, &exchanges[i]);
    }
    struct http_exchange *done[16];
    while (http_pending(http) > 0) {
        http_wait(http, done, ARRAY_COUNT(done), -1);
    }
}

struct slice http_response_header(const struct http_exchange *exchange, const char *name)
{
    struct slice rest = exchange->response_headers;
    const struct slice wanted = slice_from_text(name);
    while (rest.size > 0) {
        const size_t end = slice_find_byte(rest, '\n');
        const struct slice line = slice_part(rest, 0, end);
        const size_t colon = slice_find_byte(line, ':');
        if (colon < line.size && slice_equals_ignore_case(slice_part(line, 0, colon), wanted)) {
            return slice_trim(slice_part(line, colon + 1, line.size));
        }
        rest = slice_part(rest, end + 1, rest.size);
    }
    return SLICE_NONE;
}
