#include "tests/bench/bare.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 8

static struct {
    char url[256];
    const char *host;
    CURLM *multi;
    CURL *handles[BARE_BATCH_MAX];
    struct buffer lines[BARE_BATCH_MAX];
    struct curl_slist lists[BARE_BATCH_MAX][LINES_MAX];
} state;

static size_t take(char *data, size_t size, size_t count, void *context)
{
    struct bare_call *call = context;
    buffer_append(&call->answer, (struct slice){data, size * count});
    return size * count;
}

static void open_curl(const char *url)
{
    const char *bundle = getenv("AWS_CA_BUNDLE");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)snprintf(state.url, sizeof(state.url), "%s/", url);
    state.host = strstr(url, "//") + 2;
    state.multi = curl_multi_init();
    curl_multi_setopt(state.multi, CURLMOPT_MAXCONNECTS, 32L);
    for (size_t i = 0; i < BARE_BATCH_MAX; i++) {
        CURL *easy = state.handles[i] = curl_easy_init();
        buffer_init(&state.lines[i], 1u << 16);
        curl_easy_setopt(easy, CURLOPT_URL, state.url);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        if (bundle != NULL) {
            curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
        }
    }
}

static void start(struct bare_call *call, size_t i)
{
    CURL *easy = state.handles[i];
    struct buffer *lines = &state.lines[i];
    buffer_reset(lines);
    bare_sign(call, state.host, (struct slice){"\0", 1}, lines);
    size_t count = 0;
    for (size_t at = 0; at < lines->size; at += strlen(lines->data + at) + 1) {
        struct curl_slist *entry = &state.lists[i][count++];
        entry->data = lines->data + at;
        entry->next = entry + 1;
    }
    state.lists[i][count - 1].next = NULL;
    buffer_reset(&call->answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, state.lists[i]);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.data);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)call->body.size);
    curl_multi_add_handle(state.multi, easy);
}

static void send_curl(struct bare_call *calls, size_t count)
{
    int running = 1;
    for (size_t i = 0; i < count; i++) {
        start(&calls[i], i);
    }
    while (running > 0) {
        curl_multi_perform(state.multi, &running);
        if (running > 0) {
            curl_multi_poll(state.multi, NULL, 0, 60000, NULL);
        }
    }
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(state.multi, &left)) != NULL;) {
        if (message->data.result != CURLE_OK) {
            bare_fail(curl_easy_strerror(message->data.result));
        }
        curl_multi_remove_handle(state.multi, message->easy_handle);
    }
}

const struct bare_transport bare_curl = {open_curl, send_curl};
