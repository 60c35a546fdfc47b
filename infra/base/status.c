#include "infra/base/status.h"

const char *status_name(enum status status)
{
    switch (status) {
    case STATUS_OK: return "ok";
    case STATUS_RETRY: return "retry";
    case STATUS_IN_DOUBT: return "in-doubt";
    case STATUS_REJECTED: return "rejected";
    case STATUS_NOT_FOUND: return "not-found";
    case STATUS_CONFLICT: return "conflict";
    case STATUS_INTERNAL: return "internal";
    }
    return "unknown";
}
