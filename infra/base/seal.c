#include "infra/base/seal.h"

#include "infra/base/arena.h"
#include "infra/base/encode.h"
#include "infra/base/json_reader.h"
#include "infra/base/memory.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES         32
#define GENERATED_LETTERS 43 /* 258 bits */
#define ID_MAX_BYTES      64
#define NONCE_BYTES       12
#define TAG_BYTES         16
#define MAX_KEYS          16
#define MARK_BYTES        3 /* "RB0" or "RB1" */
#define CONTEXT_MAX_BYTES 4096
/* Longest line: an id, ':', 44 letters of base64; the rest is room for white space. */
#define LINE_BYTES         256
#define FILE_MAX_BYTES     16384
#define OBJECT_ARENA_BYTES (1u << 20)

struct key {
    char id[ID_MAX_BYTES];
    size_t id_size;
    unsigned char bytes[KEY_BYTES];
};

/* One that knows its key and direction: making it costs more than sealing a small blob. */
struct context {
    EVP_CIPHER_CTX *cipher;
    struct context *next;
};

/* As many as have ever been at work at once, for all threads. */
struct contexts {
    pthread_mutex_t lock;
    struct context *idle[MAX_KEYS][2]; /* of each key: to open, to seal */
};

struct seal_keys {
    size_t count; /* the first seals */
    EVP_CIPHER *cipher;
    struct contexts *contexts;
    struct key keys[MAX_KEYS];
};

/* --- contexts --- */

static struct contexts *contexts_new(void)
{
    struct contexts *contexts = memory_new(sizeof(*contexts));

    if (pthread_mutex_init(&contexts->lock, NULL) != 0) {
        memory_abort("no mutex");
    }
    return contexts;
}

static void context_free(struct context *context)
{
    EVP_CIPHER_CTX_free(context->cipher);
    free(context);
}

static void contexts_free(struct contexts *contexts)
{
    for (size_t i = 0; i < MAX_KEYS * 2; i++) {
        struct context *next = contexts->idle[i / 2][i % 2];

        while (next != NULL) {
            struct context *context = next;

            next = context->next;
            context_free(context);
        }
    }
    (void)pthread_mutex_destroy(&contexts->lock);
    free(contexts);
}

static struct context *context_new(const EVP_CIPHER *cipher, const struct key *key, bool encrypt)
{
    struct context *context = memory_new(sizeof(*context));

    context->cipher = EVP_CIPHER_CTX_new();
    if (context->cipher == NULL ||
        EVP_CipherInit_ex2(context->cipher, cipher, key->bytes, NULL, encrypt ? 1 : 0, NULL) != 1) {
        memory_abort("AES-256-GCM cannot begin");
    }
    return context;
}

static struct context *context_take(const struct seal_keys *keys, const struct key *key,
                                    bool encrypt)
{
    struct context **idle = &keys->contexts->idle[key - keys->keys][encrypt];

    (void)pthread_mutex_lock(&keys->contexts->lock);
    struct context *context = *idle;
    if (context != NULL) {
        *idle = context->next;
    }
    (void)pthread_mutex_unlock(&keys->contexts->lock);
    return context != NULL ? context : context_new(keys->cipher, key, encrypt);
}

static void context_give_back(const struct seal_keys *keys, const struct key *key, bool encrypt,
                              struct context *context)
{
    struct context **idle = &keys->contexts->idle[key - keys->keys][encrypt];

    (void)pthread_mutex_lock(&keys->contexts->lock);
    context->next = *idle;
    *idle = context;
    (void)pthread_mutex_unlock(&keys->contexts->lock);
}

/* --- keys --- */

struct seal_keys *seal_keys_none(void)
{
    struct seal_keys *keys = memory_new(sizeof(*keys));

    keys->contexts = contexts_new();
    return keys;
}

void seal_keys_free(struct seal_keys *keys)
{
    if (keys != NULL) {
        contexts_free(keys->contexts);
        EVP_CIPHER_free(keys->cipher);
        explicit_bzero(keys, sizeof(*keys));
        free(keys);
    }
}

bool seal_keys_active(const struct seal_keys *keys)
{
    return keys->count > 0;
}

static struct slice id_of(const struct key *key)
{
    return (struct slice){key->id, key->id_size};
}

static const struct key *find_key(const struct seal_keys *keys, struct slice id)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (slice_equals(id_of(&keys->keys[i]), id)) {
            return &keys->keys[i];
        }
    }
    return NULL;
}

static bool is_id(struct slice id)
{
    for (size_t i = 0; i < id.size; i++) {
        if (id.data[i] <= ' ' || id.data[i] > '~') {
            return false;
        }
    }
    return id.size > 0 && id.size <= ID_MAX_BYTES;
}

/* 43 random letters and digits are a key too, as Secrets Manager generates them: the padding is
 * missing, and the two bits that the last one has to spare are dropped. */
static enum status decode_key(struct slice base64, struct buffer *bytes, struct error *error)
{
    CLEANUP(buffer_clear) struct buffer padded;

    buffer_init(&padded, LINE_BYTES);
    if (base64.size != GENERATED_LETTERS) {
        return decode_base64(base64, bytes, error);
    }
    buffer_append(&padded, base64);
    buffer_append_byte(&padded, 'A');
    const enum status status = decode_base64(buffer_slice(&padded), bytes, error);
    bytes->size = status == STATUS_OK ? KEY_BYTES : bytes->size;
    buffer_wipe(&padded);
    return status;
}

static enum status add_key(struct seal_keys *keys, struct slice id, struct slice base64,
                           struct error *error)
{
    struct key *key = &keys->keys[keys->count];
    CLEANUP(buffer_clear) struct buffer bytes;
    enum status status = STATUS_OK;

    buffer_init(&bytes, LINE_BYTES);
    if (!is_id(id)) {
        return error_set(error, STATUS_REJECTED,
                         "must be id:base64, the id 1 to %d visible ASCII characters",
                         ID_MAX_BYTES);
    }
    if (keys->count == MAX_KEYS || find_key(keys, id) != NULL) {
        return error_set(error, STATUS_REJECTED, "%s",
                         keys->count == MAX_KEYS ? "too many keys" : "repeats an id");
    }
    status = decode_key(base64, &bytes, error);
    if (status == STATUS_OK && bytes.size != KEY_BYTES) {
        status = error_set(error, STATUS_REJECTED, "the key must have %d bytes, got %zu", KEY_BYTES,
                           bytes.size);
    }
    if (status == STATUS_OK) {
        memcpy(key->id, id.data, id.size);
        key->id_size = id.size;
        memcpy(key->bytes, bytes.data, KEY_BYTES);
        keys->count++;
    }
    buffer_wipe(&bytes);
    return status;
}

static enum status parse_line(struct seal_keys *keys, struct slice line, struct error *error)
{
    if (line.size >= LINE_BYTES) {
        return error_set(error, STATUS_REJECTED, "is too long");
    }
    line = slice_trim(line);
    if (line.size == 0 || line.data[0] == '#') {
        return STATUS_OK;
    }
    const size_t colon = slice_find_byte(line, ':');
    const struct slice id = colon < line.size ? slice_part(line, 0, colon) : SLICE("");
    return add_key(keys, id, slice_part(line, colon + 1, line.size), error);
}

static enum status parse_lines(struct seal_keys *keys, struct slice text, struct error *error)
{
    enum status status = STATUS_OK;

    for (size_t number = 1; status == STATUS_OK && text.size > 0; number++) {
        const size_t end = slice_find_byte(text, '\n');

        status = parse_line(keys, slice_part(text, 0, end), error);
        text = slice_part(text, end + 1, text.size);
        if (status != STATUS_OK) {
            (void)error_wrap(error, "line %zu", number);
        }
    }
    return status;
}

static enum status parse_member(struct seal_keys *keys, struct slice id, struct json value,
                                struct error *error)
{
    struct slice base64 = SLICE_NONE;

    if (json_kind(value) != JSON_TEXT || json_text(value, &base64, NULL) != STATUS_OK) {
        return error_set(error, STATUS_REJECTED, "must be a text");
    }
    return add_key(keys, id, base64, error);
}

static enum status parse_object(struct seal_keys *keys, struct slice text, struct error *error)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(OBJECT_ARENA_BYTES);
    struct json root;
    enum status status = json_parse(arena, text, &root, error);

    for (size_t i = 0; status == STATUS_OK && i < json_count(root); i++) {
        struct slice id = SLICE_NONE;
        const struct json value = json_member_at(root, i, &id);

        status = parse_member(keys, id, value, error);
        if (status != STATUS_OK) {
            (void)error_wrap(error, "member %zu", i + 1);
        }
    }
    return status;
}

enum status seal_keys_read(struct slice text, struct seal_keys **keys, struct error *error)
{
    struct seal_keys *read = seal_keys_none();
    const struct slice trimmed = slice_trim(text);
    enum status status = trimmed.size > 0 && trimmed.data[0] == '{'
                             ? parse_object(read, trimmed, error)
                             : parse_lines(read, text, error);

    if (status == STATUS_OK && read->count == 0) {
        status = error_set(error, STATUS_REJECTED, "holds no key");
    }
    if (status != STATUS_OK) {
        seal_keys_free(read);
        return status;
    }
    read->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (read->cipher == NULL) {
        memory_abort("OpenSSL has no AES-256-GCM");
    }
    *keys = read;
    return STATUS_OK;
}

/* Unbuffered, so that nothing of it stays behind. */
static enum status read_file(FILE *file, char content[FILE_MAX_BYTES + 1], size_t *size,
                             struct error *error)
{
    (void)setvbuf(file, NULL, _IONBF, 0);
    *size = fread(content, 1, FILE_MAX_BYTES + 1, file);
    if (ferror(file)) {
        return error_set(error, STATUS_REJECTED, "cannot be read");
    }
    return *size <= FILE_MAX_BYTES
               ? STATUS_OK
               : error_set(error, STATUS_REJECTED, "has more than %d bytes", FILE_MAX_BYTES);
}

enum status seal_keys_load(const char *path, struct seal_keys **keys, struct error *error)
{
    char content[FILE_MAX_BYTES + 1];
    size_t size = 0;
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return error_set(error, STATUS_REJECTED, "key file %s: cannot be opened (errno %d)", path,
                         errno);
    }
    enum status status = read_file(file, content, &size, error);
    (void)fclose(file);
    if (status == STATUS_OK) {
        status = seal_keys_read((struct slice){content, size}, keys, error);
    }
    explicit_bzero(content, sizeof(content));
    return status == STATUS_OK ? status : error_wrap(error, "key file %s", path);
}

/* --- blobs --- */

/* Key id, 0, record id, 0, field, in one piece: an update costs more than what it adds. */
static bool add_context(EVP_CIPHER_CTX *context, struct slice key_id, struct slice record_id,
                        struct slice field)
{
    CLEANUP(buffer_clear) struct buffer text = {0};
    int size = 0;

    buffer_init(&text, CONTEXT_MAX_BYTES);
    buffer_append(&text, key_id);
    buffer_append_byte(&text, '\0');
    buffer_append(&text, record_id);
    buffer_append_byte(&text, '\0');
    buffer_append(&text, field);
    return !text.overflowed &&
           EVP_CipherUpdate(context, NULL, &size, (const unsigned char *)text.data,
                            (int)text.size) == 1;
}

/* Encrypts or decrypts in.size bytes to out. tag is written or checked. */
struct crypt {
    const struct seal_keys *keys;
    const struct key *key;
    const unsigned char *nonce;
    unsigned char *tag;
    struct slice in;
    unsigned char *out;
    bool encrypt;
};

static bool crypt_in(EVP_CIPHER_CTX *context, const struct crypt *crypt, struct slice record_id,
                     struct slice field)
{
    int size = 0;

    if (EVP_CipherInit_ex2(context, NULL, NULL, crypt->nonce, -1, NULL) != 1 ||
        !add_context(context, id_of(crypt->key), record_id, field)) {
        return false;
    }
    if (crypt->in.size > 0 &&
        EVP_CipherUpdate(context, crypt->out, &size, (const unsigned char *)crypt->in.data,
                         (int)crypt->in.size) != 1) {
        return false;
    }
    if (!crypt->encrypt &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, crypt->tag) != 1) {
        return false;
    }
    if (EVP_CipherFinal_ex(context, crypt->out + size, &size) != 1) {
        return false;
    }
    return !crypt->encrypt ||
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, crypt->tag) == 1;
}

static bool crypt_run(const struct crypt *crypt, struct slice record_id, struct slice field)
{
    struct context *context = context_take(crypt->keys, crypt->key, crypt->encrypt);
    const bool done = crypt_in(context->cipher, crypt, record_id, field);

    if (done) {
        context_give_back(crypt->keys, crypt->key, crypt->encrypt, context);
    } else {
        context_free(context);
    }
    return done;
}

/* The bytes are taken only when all fit. */
static enum status append_clear(struct slice mark, struct slice plain, struct buffer *out,
                                struct error *error)
{
    if (buffer_reserve(out, mark.size + plain.size) == NULL) {
        return error_set(error, STATUS_REJECTED, "too large to be kept");
    }
    buffer_append(out, mark);
    buffer_append(out, plain);
    return STATUS_OK;
}

static size_t head_size_of(const struct key *key)
{
    return MARK_BYTES + 1 + key->id_size + NONCE_BYTES;
}

/* Everything before the ciphertext; the place of the nonce, which is the end of it. */
static const unsigned char *write_head(const struct key *key, const struct random *random,
                                       char *blob)
{
    static const char mark[MARK_BYTES] = {'R', 'B', '1'};
    unsigned char *nonce = (unsigned char *)blob + head_size_of(key) - NONCE_BYTES;
    struct slice id = id_of(key);

    memcpy(blob, mark, sizeof(mark));
    blob[MARK_BYTES] = (char)id.size;
    memcpy(blob + MARK_BYTES + 1, id.data, id.size);
    random_fill(random, nonce, NONCE_BYTES);
    return nonce;
}

/* NOLINTNEXTLINE(readability-function-size): a blob is made of seven things, named one by one */
enum status seal_close(const struct seal_keys *keys, const struct random *random,
                       struct slice record_id, struct slice field, struct slice plain,
                       struct buffer *out, struct error *error)
{
    const struct key *key = &keys->keys[0];
    size_t head_size = head_size_of(key);
    struct crypt crypt = {keys, key, NULL, NULL, plain, NULL, true};
    char *blob = NULL;

    if (!seal_keys_active(keys)) {
        return append_clear(SLICE("RB0"), plain, out, error);
    }
    blob = plain.size > INT32_MAX ? NULL : buffer_reserve(out, head_size + plain.size + TAG_BYTES);
    if (blob == NULL) {
        return error_set(error, STATUS_REJECTED, "too large to be kept");
    }
    crypt.nonce = write_head(key, random, blob);
    crypt.out = (unsigned char *)blob + head_size;
    crypt.tag = crypt.out + plain.size;
    if (!crypt_run(&crypt, record_id, field)) {
        return error_set(error, STATUS_INTERNAL, "sealing failed");
    }
    buffer_commit(out, head_size + plain.size + TAG_BYTES);
    return STATUS_OK;
}

/* An id is no secret; what is damaged may be anything. */
static enum status no_key(struct slice id, struct error *error)
{
    return error_set(error, STATUS_NOT_FOUND,
                     "sealed by the key %.*s, which is not in the key file",
                     SLICE_PRINT(is_id(id) ? id : SLICE("?")));
}

/* behind: what follows the mark. */
static enum status open_sealed(const struct seal_keys *keys, struct slice record_id,
                               struct slice field, struct slice behind, struct buffer *out,
                               struct error *error)
{
    size_t id_size = behind.size > 0 ? (unsigned char)behind.data[0] : 0;
    size_t head_size = 1 + id_size + NONCE_BYTES;
    unsigned char tag[TAG_BYTES];
    struct crypt crypt = {keys, NULL, NULL, tag, SLICE_NONE, NULL, false};

    if (id_size == 0 || behind.size < head_size + TAG_BYTES || behind.size > INT32_MAX) {
        return error_set(error, STATUS_REJECTED, "not a sealed blob");
    }
    crypt.key = find_key(keys, slice_part(behind, 1, id_size));
    if (crypt.key == NULL) {
        return no_key(slice_part(behind, 1, id_size), error);
    }
    crypt.nonce = (const unsigned char *)behind.data + 1 + id_size;
    crypt.in = slice_part(behind, head_size, behind.size - head_size - TAG_BYTES);
    memcpy(tag, behind.data + behind.size - TAG_BYTES, TAG_BYTES);
    crypt.out = (unsigned char *)buffer_reserve(out, crypt.in.size);
    if (crypt.out == NULL) {
        return error_set(error, STATUS_REJECTED, "too large to be opened");
    }
    if (!crypt_run(&crypt, record_id, field)) {
        explicit_bzero(crypt.out, crypt.in.size);
        return error_set(error, STATUS_REJECTED, "the seal is broken: changed or moved");
    }
    buffer_commit(out, crypt.in.size);
    return STATUS_OK;
}

enum status seal_open(const struct seal_keys *keys, struct slice record_id, struct slice field,
                      struct slice sealed, struct buffer *out, struct error *error)
{
    struct slice behind = slice_part(sealed, MARK_BYTES, sealed.size);

    if (slice_starts_with(sealed, SLICE("RB0"))) {
        return append_clear(SLICE(""), behind, out, error);
    }
    if (!slice_starts_with(sealed, SLICE("RB1"))) {
        return error_set(error, STATUS_REJECTED, "not a sealed blob");
    }
    return open_sealed(keys, record_id, field, behind, out, error);
}
