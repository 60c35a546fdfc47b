#include "infra/base/encode.h"
#include "infra/base/memory.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#define SHA256_BLOCK_BYTES 64
#define MD5_BYTES          16

/* Fetched once: looking an algorithm up costs more than hashing a short text. */
static EVP_MD *sha256_algorithm;
static EVP_MD *md5_algorithm;

static void fetch_algorithms(void)
{
    sha256_algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    md5_algorithm = EVP_MD_fetch(NULL, "MD5", NULL);
    if (sha256_algorithm == NULL) {
        memory_abort("OpenSSL has no SHA-256");
    }
}

static void need_algorithms(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, fetch_algorithms);
}

/* The hash of first followed by second. */
static void hash(const EVP_MD *algorithm, struct slice first, struct slice second,
                 unsigned char *out)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (context == NULL || EVP_DigestInit_ex2(context, algorithm, NULL) != 1 ||
        EVP_DigestUpdate(context, first.data, first.size) != 1 ||
        EVP_DigestUpdate(context, second.data, second.size) != 1 ||
        EVP_DigestFinal_ex(context, out, NULL) != 1) {
        memory_abort("a digest failed");
    }
    EVP_MD_CTX_free(context);
}

void digest_sha256(struct slice bytes, unsigned char out[SHA256_BYTES])
{
    need_algorithms();
    hash(sha256_algorithm, bytes, SLICE_NONE, out);
}

void digest_sha256_hex(struct slice bytes, char out[SHA256_HEX_BYTES + 1])
{
    unsigned char digest[SHA256_BYTES];

    digest_sha256(bytes, digest);
    encode_hex(digest, sizeof(digest), out);
}

/* RFC 2104. OpenSSL's own HMAC looks its algorithm up anew on every call. */
void digest_hmac_sha256(const void *key, size_t key_size, struct slice bytes,
                        unsigned char out[SHA256_BYTES])
{
    unsigned char block[SHA256_BLOCK_BYTES] = {0};
    unsigned char inner[SHA256_BYTES];
    struct slice pad = {(const char *)block, sizeof(block)};

    need_algorithms();
    if (key_size > sizeof(block)) {
        digest_sha256((struct slice){key, key_size}, block);
    } else if (key_size > 0) {
        memcpy(block, key, key_size);
    }
    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] ^= 0x36;
    }
    hash(sha256_algorithm, pad, bytes, inner);
    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] ^= 0x36 ^ 0x5C;
    }
    hash(sha256_algorithm, pad, (struct slice){(const char *)inner, sizeof(inner)}, out);
    explicit_bzero(block, sizeof(block));
}

/* A host whose OpenSSL forbids MD5 (FIPS) has none to check: that aborts rather than answers. */
void digest_md5_hex(struct slice bytes, char out[MD5_HEX_BYTES + 1])
{
    unsigned char digest[MD5_BYTES];

    need_algorithms();
    if (md5_algorithm == NULL) {
        memory_abort("OpenSSL has no MD5");
    }
    hash(md5_algorithm, bytes, SLICE_NONE, digest);
    encode_hex(digest, sizeof(digest), out);
}
