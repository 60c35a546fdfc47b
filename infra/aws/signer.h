/* Puts a signature on an exchange: date, token and Authorization headers, with the signing key
 * remembered between calls. */
#ifndef RINGBACK_INFRA_AWS_SIGNER_H
#define RINGBACK_INFRA_AWS_SIGNER_H

#include "infra/aws/credentials.h"
#include "infra/aws/http.h"
#include "infra/aws/sigv4.h"
#include "infra/base/buffer.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* The key of one service and one set of credentials; valid for one day. Zeroed: empty. */
struct signer_key {
    char date[9];
    uint64_t generation;
    bool known;
    unsigned char bytes[SHA256_BYTES];
};

struct signer_request {
    struct slice host;
    struct slice path; /* as on the wire */
    struct slice query;
    struct slice region;
    const char *service; /* signing name */
    bool s3;             /* also adds X-Amz-Content-SHA256 */
    int64_t now_ms;
    const struct credentials *credentials;
    struct signer_key *key;
};

/* Memory that signing reuses; what the exchange's headers point to lies here until the next
 * signature. */
struct signer {
    char time[SIGV4_TIME_BYTES + 1];
    char payload_hash[SHA256_HEX_BYTES + 1];
    struct buffer canonical;
    struct buffer signed_headers;
    struct buffer to_sign;
    struct buffer authorization;
};

void signer_init(struct signer *signer);
/* Overwrites and frees. Fit for CLEANUP. */
void signer_clear(struct signer *signer);
/* Appends the headers to exchange, whose other headers, method and body are signed as they are. */
void signer_sign(struct signer *signer, const struct signer_request *request,
                 struct http_exchange *exchange);

#endif
