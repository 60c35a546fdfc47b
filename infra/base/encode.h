/*
 * Encodings and digests: hex, base64, base32, percent, SHA-256, HMAC, MD5 and the two time formats.
 * Hashes are OpenSSL's.
 */
#ifndef RINGBACK_INFRA_BASE_ENCODE_H
#define RINGBACK_INFRA_BASE_ENCODE_H

#include "infra/base/arena.h"
#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/slice.h"

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES     32
#define SHA256_HEX_BYTES 64
#define MD5_HEX_BYTES    32
#define TIME_TEXT_BYTES  24 /* YYYY-MM-DDTHH:MM:SS.mmmZ */

/* Lower case; out holds 2 * size + 1 bytes. */
void encode_hex(const void *bytes, size_t size, char *out);
/* RFC 4648 base64 with padding. */
void encode_base64(const void *bytes, size_t size, struct buffer *out);
/* Strict: REJECTED for any byte outside the alphabet or wrong padding. */
MUST_CHECK enum status decode_base64(struct slice text, struct buffer *out, struct error *error);
/* RFC 4648 base32 alphabet in lower case, no padding; out holds ceil(size * 8 / 5) + 1 bytes. */
void encode_base32(const void *bytes, size_t size, char *out);
/* RFC 3986: all but A-Z a-z 0-9 - _ . ~ becomes %XX in upper case; keep_slash leaves '/' alone. */
void encode_percent(struct slice text, bool keep_slash, struct buffer *out);
/* REJECTED when a % is not followed by two hex digits. plus_is_space for forms. */
MUST_CHECK enum status decode_percent(struct slice text, bool plus_is_space, struct buffer *out,
                                      struct error *error);

void digest_sha256(struct slice bytes, unsigned char out[SHA256_BYTES]);
/* out is NUL-terminated lower-case hex. */
void digest_sha256_hex(struct slice bytes, char out[SHA256_HEX_BYTES + 1]);
void digest_hmac_sha256(const void *key, size_t key_size, struct slice bytes,
                        unsigned char out[SHA256_BYTES]);
void digest_md5_hex(struct slice bytes, char out[MD5_HEX_BYTES + 1]);

/* UTC milliseconds since the epoch as YYYY-MM-DDTHH:MM:SS.mmmZ (design.md section 5). */
void time_format_ms(int64_t time_ms, char out[TIME_TEXT_BYTES + 1]);
/* Accepts YYYY-MM-DDTHH:MM:SS[.fraction](Z|+hh:mm). */
MUST_CHECK enum status time_parse_iso(struct slice text, int64_t *time_ms, struct error *error);
/* The HTTP Date header, RFC 9110 section 5.6.7 (IMF-fixdate). */
MUST_CHECK enum status time_parse_http(struct slice text, int64_t *time_ms, struct error *error);

/* Same result and same time whatever differs: for tokens and signatures. */
bool constant_time_equals(struct slice a, struct slice b);

#endif
