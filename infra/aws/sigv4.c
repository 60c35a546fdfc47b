#include "infra/aws/sigv4.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEADERS_MAX    64 /* more are not signed, so that the signature does not match */
#define DATE_BYTES     8
#define HMAC_KEY_BYTES 300

void sigv4_time(int64_t now_ms, char out[SIGV4_TIME_BYTES + 1])
{
    const time_t seconds = (time_t)(now_ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, SIGV4_TIME_BYTES + 1, "%Y%m%dT%H%M%SZ", &parts) != SIGV4_TIME_BYTES) {
        out[0] = '\0';
    }
}

/* Dot segments and double slashes go; a final slash stays when anything does. */
static void normalise_path(struct slice path, struct buffer *out)
{
    const bool final_slash = path.data[path.size - 1] == '/';
    while (path.size > 0) {
        const size_t end = slice_find_byte(path, '/');
        const struct slice segment = slice_part(path, 0, end);
        path = slice_part(path, end + 1, path.size);
        if (segment.size == 0 || slice_equals(segment, SLICE("."))) {
            continue;
        }
        if (!slice_equals(segment, SLICE(".."))) {
            buffer_append_byte(out, '/');
            buffer_append(out, segment);
            continue;
        }
        while (out->size > 0 && out->data[--out->size] != '/') {
        }
    }
    if (final_slash || out->size == 0) {
        buffer_append_byte(out, '/');
    }
}

static void append_path(const struct sigv4_request *request, struct buffer *out)
{
    if (request->path.size == 0 || slice_equals(request->path, SLICE("/"))) {
        buffer_append_byte(out, '/');
    } else if (request->s3) {
        buffer_append(out, request->path);
    } else {
        CLEANUP(buffer_clear) struct buffer normal;
        buffer_init(&normal, request->path.size + 2);
        normalise_path(request->path, &normal);
        encode_percent(buffer_slice(&normal), true, out);
    }
}

struct pair {
    size_t name; /* offsets into the encoded text */
    size_t name_size;
    size_t value;
    size_t value_size;
    const struct buffer *text;
};

static int compare_bytes(struct slice a, struct slice b)
{
    const int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_pairs(const void *left, const void *right)
{
    const struct pair *a = left;
    const struct pair *b = right;
    const char *text = a->text->data;
    const int order = compare_bytes((struct slice){text + a->name, a->name_size},
                                    (struct slice){text + b->name, b->name_size});
    return order != 0 ? order
                      : compare_bytes((struct slice){text + a->value, a->value_size},
                                      (struct slice){text + b->value, b->value_size});
}

/* Brings what the wire has to the one canonical encoding. What is no valid encoding is taken as raw
 * bytes. */
static size_t append_recoded(struct slice wire, struct buffer *text)
{
    const size_t before = text->size;
    CLEANUP(buffer_clear) struct buffer raw;
    buffer_init(&raw, wire.size + 1);
    if (decode_percent(wire, false, &raw, NULL) == STATUS_OK) {
        encode_percent(buffer_slice(&raw), false, text);
    } else {
        encode_percent(wire, false, text);
    }
    return text->size - before;
}

static size_t split_query(struct slice query, struct pair *pairs, struct buffer *text)
{
    size_t count = 0;
    while (query.size > 0) {
        const size_t end = slice_find_byte(query, '&');
        const struct slice part = slice_part(query, 0, end);
        const size_t equals = slice_find_byte(part, '=');
        query = slice_part(query, end + 1, query.size);
        if (part.size == 0) {
            continue;
        }
        struct pair *pair = &pairs[count++];
        pair->text = text;
        pair->name = text->size;
        pair->name_size = append_recoded(slice_part(part, 0, equals), text);
        pair->value = text->size;
        pair->value_size = append_recoded(slice_part(part, equals + 1, part.size), text);
    }
    return count;
}

static void append_query(struct slice query, struct buffer *out)
{
    if (query.size == 0) {
        return;
    }
    size_t most = 1;
    for (size_t i = 0; i < query.size; i++) {
        most += query.data[i] == '&';
    }
    CLEANUP(buffer_clear) struct buffer text;
    CLEANUP(buffer_clear) struct buffer memory;
    buffer_init(&text, 3 * query.size + 1);
    buffer_init(&memory, most * sizeof(struct pair));
    buffer_append_text(&text, "");
    struct pair *pairs = (struct pair *)(void *)buffer_reserve(&memory, most * sizeof(struct pair));
    const size_t count = split_query(query, pairs, &text);
    if (count > 1) {
        qsort(pairs, count, sizeof(*pairs), compare_pairs);
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buffer_append_byte(out, '&');
        }
        buffer_append(out, (struct slice){text.data + pairs[i].name, pairs[i].name_size});
        buffer_append_byte(out, '=');
        buffer_append(out, (struct slice){text.data + pairs[i].value, pairs[i].value_size});
    }
}

static char lower(char byte)
{
    return (char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
}

static void append_lower(struct slice text, struct buffer *out)
{
    for (size_t i = 0; i < text.size; i++) {
        buffer_append_byte(out, lower(text.data[i]));
    }
}

static int compare_names(struct slice a, struct slice b)
{
    const size_t size = a.size < b.size ? a.size : b.size;
    for (size_t i = 0; i < size; i++) {
        const int difference = lower(a.data[i]) - lower(b.data[i]);
        if (difference != 0) {
            return difference;
        }
    }
    return (a.size > b.size) - (a.size < b.size);
}

/* Insertion sort: few headers, nearly sorted, and equal names must keep their order. */
static size_t sort_headers(const struct sigv4_request *request, const struct sigv4_header **sorted)
{
    const size_t count = request->header_count < HEADERS_MAX ? request->header_count : HEADERS_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        while (at > 0 && compare_names(request->headers[i].name, sorted[at - 1]->name) < 0) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = &request->headers[i];
    }
    return count;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void append_collapsed(struct slice value, struct buffer *out)
{
    value = slice_trim(value);
    size_t run = 0; /* start of what is to be appended in one piece */
    for (size_t i = 0; i < value.size; i++) {
        if (!is_space(value.data[i])) {
            continue;
        }
        buffer_append(out, slice_part(value, run, i - run));
        buffer_append_byte(out, ' ');
        while (i + 1 < value.size && is_space(value.data[i + 1])) {
            i++;
        }
        run = i + 1;
    }
    buffer_append(out, slice_part(value, run, value.size));
}

static void append_headers(const struct sigv4_request *request, struct buffer *out,
                           struct buffer *signed_headers)
{
    const struct sigv4_header *sorted[HEADERS_MAX];
    const size_t count = sort_headers(request, sorted);
    for (size_t i = 0; i < count; i++) {
        const struct slice name = sorted[i]->name;
        const bool repeated = i > 0 && compare_names(sorted[i - 1]->name, name) == 0;
        if (repeated) {
            buffer_append_byte(out, ',');
        } else {
            buffer_append_text(out, i > 0 ? "\n" : "");
            append_lower(name, out);
            buffer_append_byte(out, ':');
            buffer_append_text(signed_headers, i > 0 ? ";" : "");
            append_lower(name, signed_headers);
        }
        append_collapsed(sorted[i]->value, out);
    }
    buffer_append_text(out, count > 0 ? "\n" : "");
}

void sigv4_canonical_request(const struct sigv4_request *request, struct buffer *out,
                             struct buffer *signed_headers)
{
    const size_t names_start = signed_headers->size;
    buffer_append(out, request->method);
    buffer_append_byte(out, '\n');
    append_path(request, out);
    buffer_append_byte(out, '\n');
    append_query(request->query, out);
    buffer_append_byte(out, '\n');
    append_headers(request, out, signed_headers);
    buffer_append_byte(out, '\n');
    buffer_append(out, slice_part(buffer_slice(signed_headers), names_start, signed_headers->size));
    buffer_append_byte(out, '\n');
    buffer_append_text(out, request->payload_hash);
}

static void append_scope(const struct sigv4_scope *scope, struct buffer *out)
{
    buffer_append(out, (struct slice){scope->time, DATE_BYTES});
    buffer_append_byte(out, '/');
    buffer_append(out, scope->region);
    buffer_append_byte(out, '/');
    buffer_append(out, scope->service);
    buffer_append_text(out, "/aws4_request");
}

void sigv4_string_to_sign(const struct sigv4_scope *scope, struct slice canonical_request,
                          struct buffer *out)
{
    char hash[SHA256_HEX_BYTES + 1];
    digest_sha256_hex(canonical_request, hash);
    buffer_append_text(out, "AWS4-HMAC-SHA256\n");
    buffer_append_text(out, scope->time);
    buffer_append_byte(out, '\n');
    append_scope(scope, out);
    buffer_append_byte(out, '\n');
    buffer_append_text(out, hash);
}

void sigv4_signing_key(struct slice secret, const struct sigv4_scope *scope,
                       unsigned char key[SHA256_BYTES])
{
    char first[HMAC_KEY_BYTES] = "AWS4";
    const size_t size = secret.size < sizeof(first) - 4 ? secret.size : sizeof(first) - 4;
    memcpy(first + 4, secret.data, size);
    unsigned char date_key[SHA256_BYTES];
    unsigned char region_key[SHA256_BYTES];
    unsigned char service_key[SHA256_BYTES];
    digest_hmac_sha256(first, size + 4, (struct slice){scope->time, DATE_BYTES}, date_key);
    digest_hmac_sha256(date_key, SHA256_BYTES, scope->region, region_key);
    digest_hmac_sha256(region_key, SHA256_BYTES, scope->service, service_key);
    digest_hmac_sha256(service_key, SHA256_BYTES, SLICE("aws4_request"), key);
    explicit_bzero(first, sizeof(first));
}

void sigv4_signature(const unsigned char key[SHA256_BYTES], struct slice string_to_sign,
                     char out[SHA256_HEX_BYTES + 1])
{
    unsigned char mac[SHA256_BYTES];
    digest_hmac_sha256(key, SHA256_BYTES, string_to_sign, mac);
    encode_hex(mac, sizeof(mac), out);
}

void sigv4_authorization(const struct sigv4_scope *scope, struct slice access_key_id,
                         struct slice signed_headers, const char *signature, struct buffer *out)
{
    buffer_append_text(out, "AWS4-HMAC-SHA256 Credential=");
    buffer_append(out, access_key_id);
    buffer_append_byte(out, '/');
    append_scope(scope, out);
    buffer_append_text(out, ", SignedHeaders=");
    buffer_append(out, signed_headers);
    buffer_append_text(out, ", Signature=");
    buffer_append_text(out, signature);
}
