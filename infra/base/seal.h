/*
 * Sealing secrets at rest: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce. Layout of a
 * sealed blob: "RB1" | key id length (1 byte) | key id | nonce (12) | ciphertext | tag (16). The
 * additional data is key id, 0, record id, 0, field name, so that a blob cannot be moved to another
 * record or field. Without a key the blob is stored as "RB0" | plaintext, so that turning a key on
 * later reads old records. Keys are read-only after loading and shared by all threads.
 */
#ifndef RINGBACK_INFRA_BASE_SEAL_H
#define RINGBACK_INFRA_BASE_SEAL_H

#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/random.h"
#include "infra/base/slice.h"

struct seal_keys;

/* No keys: blobs are stored in the clear. */
struct seal_keys *seal_keys_none(void);
/*
 * Keys of 32 bytes, the first seals and all open: one `id:base64` per line, where blank lines and
 * those that start with # are passed over; or a JSON object of id and base64, which is how Secrets
 * Manager keeps pairs. 43 letters and digits without padding are a key too, as it generates them.
 * REJECTED names line or member, never its content.
 */
MUST_CHECK enum status seal_keys_read(struct slice text, struct seal_keys **keys,
                                      struct error *error);
/* The same from a file of at most 16 KB, RINGBACK_KEY_FILE, which the error names. */
MUST_CHECK enum status seal_keys_load(const char *path, struct seal_keys **keys,
                                      struct error *error);
/* Overwrites the keys. NULL is fine. */
void seal_keys_free(struct seal_keys *keys);
/* Whether anything is sealed at all, for the warning at start. */
bool seal_keys_active(const struct seal_keys *keys);

/* Appends the sealed blob to out. */
MUST_CHECK enum status seal_close(const struct seal_keys *keys, const struct random *random,
                                  struct slice record_id, struct slice field, struct slice plain,
                                  struct buffer *out, struct error *error);
/* Appends the plaintext to out. NOT_FOUND: sealed by a key that is not in the file. REJECTED: not a
 * sealed blob, or its tag, record or field does not match. */
MUST_CHECK enum status seal_open(const struct seal_keys *keys, struct slice record_id,
                                 struct slice field, struct slice sealed, struct buffer *out,
                                 struct error *error);

#endif
