/* TLS to Redis: built where hiredis_ssl was found. */
#include "tracker/tracker_redis.h"

#include <arpa/inet.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

enum status redis_check_tls(struct error *error)
{
    (void)error;
    return STATUS_OK;
}

static void free_context(SSL_CTX **context)
{
    SSL_CTX_free(*context);
}

static bool trusts(SSL_CTX *context, const char *ca_bundle)
{
    return ca_bundle ? SSL_CTX_load_verify_locations(context, ca_bundle, NULL) == 1
                     : SSL_CTX_set_default_verify_paths(context) == 1;
}

/* The certificate must be for this host; an address is looked for among its addresses, and is no
 * name to ask for (RFC 6066, section 3). */
static bool expects(SSL *tls, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    bool is_address =
        inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;

    return SSL_set1_host(tls, host) == 1 &&
           (is_address || SSL_set_tlsext_host_name(tls, host) == 1);
}

/* hiredis by itself checks the chain and not the name: the connection is set up here, with both,
 * and belongs to hiredis from then on. */
static SSL *new_connection(const struct redis_node *node)
{
    CLEANUP(free_context) SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *tls = NULL;

    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        !trusts(context, node->store->ca_bundle)) {
        return NULL;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    tls = SSL_new(context);
    if (tls && !expects(tls, node->host)) {
        SSL_free(tls);
        return NULL;
    }
    return tls;
}

/* Why the server was not believed is worth more than that the handshake failed. */
static enum status refuse(struct redis_node *node, SSL *tls, struct error *error)
{
    const long verified = SSL_get_verify_result(tls);
    enum status status =
        verified == X509_V_OK
            ? error_set(error, STATUS_RETRY, "redis: %sTLS: %s", redis_node_name(node),
                        node->context->errstr)
            : error_set(error, STATUS_RETRY, "redis: %sTLS: the server's certificate: %s",
                        redis_node_name(node), X509_verify_cert_error_string(verified));

    SSL_free(tls);
    return status;
}

enum status redis_start_tls(struct redis_node *node, struct error *error)
{
    SSL *tls = new_connection(node);

    if (!tls) {
        return error_set(error, STATUS_INTERNAL, "redis: cannot set TLS up; can %s be read?",
                         node->store->ca_bundle ? node->store->ca_bundle : "its certificates");
    }
    return redisInitiateSSL(node->context, tls) == REDIS_OK ? STATUS_OK : refuse(node, tls, error);
}
