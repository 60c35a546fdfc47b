/* TLS to Redis: built where hiredis_ssl was found. */
#include "tracker/tracker_redis.h"

#include <hiredis/hiredis_ssl.h>
#include <openssl/ssl.h>

enum status redis_check_tls(struct error *error)
{
    (void)error;
    return STATUS_OK;
}

static void free_context(SSL_CTX **context)
{
    SSL_CTX_free(*context);
}

/* hiredis by itself checks the chain and not the name: the connection is set up here, with both,
 * and belongs to hiredis from then on. */
enum status redis_start_tls(struct redis_node *node, struct error *error)
{
    CLEANUP(free_context) SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    const char *host = node->host;
    SSL *tls = NULL;

    if (context && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_default_verify_paths(context) == 1) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        tls = SSL_new(context);
    }
    if (!tls || SSL_set1_host(tls, host) != 1 || SSL_set_tlsext_host_name(tls, host) != 1) {
        SSL_free(tls);
        return error_set(error, STATUS_INTERNAL, "redis: cannot set TLS up");
    }
    if (redisInitiateSSL(node->context, tls) != REDIS_OK) {
        SSL_free(tls);
        return error_set(error, STATUS_RETRY, "redis: %s", node->context->errstr);
    }
    return STATUS_OK;
}
