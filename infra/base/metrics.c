#include "infra/base/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>

static _Atomic uint64_t counters[METRIC_COUNT];

void metrics_add(enum metric metric, uint64_t count)
{
    atomic_fetch_add_explicit(&counters[metric], count, memory_order_relaxed);
}

uint64_t metrics_value(enum metric metric)
{
    return atomic_load_explicit(&counters[metric], memory_order_relaxed);
}

void metrics_print(struct buffer *out)
{
    static const struct {
        const char *name;
        const char *help;
    } list[METRIC_COUNT] = {
#define METRICS_ENTRY(symbol, name_text, help_text) {"ringback_" name_text, help_text},
        METRICS_LIST(METRICS_ENTRY)
#undef METRICS_ENTRY
    };

    for (enum metric metric = 0; metric < METRIC_COUNT; metric++) {
        buffer_append_format(out, "# HELP %s %s\n# TYPE %s counter\n%s %" PRIu64 "\n",
                             list[metric].name, list[metric].help, list[metric].name,
                             list[metric].name, metrics_value(metric));
    }
}
