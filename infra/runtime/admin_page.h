/* The status page: one self-contained HTML document. */
#ifndef RINGBACK_INFRA_RUNTIME_ADMIN_PAGE_H
#define RINGBACK_INFRA_RUNTIME_ADMIN_PAGE_H

#include "infra/base/buffer.h"
#include "infra/runtime/admin.h"

#include <stdint.h>

struct admin_page {
    const char *version;
    int64_t now_ms;    /* UTC */
    int64_t uptime_ms; /* since the listener began */
    const struct admin_problem *problems;
    size_t problem_count;
};

void admin_page_print(const struct admin_page *page, struct buffer *out);

#endif
