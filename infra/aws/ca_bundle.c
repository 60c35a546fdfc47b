#include "infra/aws/ca_bundle.h"

#include "infra/aws/profile.h"
#include "infra/base/compiler.h"

#include <unistd.h>

static const char *const places[] = {
    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine, the container image */
    "/etc/pki/tls/certs/ca-bundle.crt",   /* Amazon Linux, Fedora */
    "/etc/ssl/ca-bundle.pem",             /* SUSE */
};

const char *ca_bundle_path(char *const *environment)
{
    const char *path = environment_get(environment, "AWS_CA_BUNDLE");
    for (size_t i = 0; path == NULL && i < ARRAY_COUNT(places); i++) {
        path = access(places[i], R_OK) == 0 ? places[i] : NULL;
    }
    return path;
}
