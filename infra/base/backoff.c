#include "infra/base/backoff.h"

int64_t backoff_exponential_ms(int64_t base_ms, int64_t max_ms, unsigned attempt)
{
    if (base_ms <= 0) {
        return 0;
    }
    if (attempt >= 62 || base_ms > max_ms >> attempt) {
        return max_ms;
    }
    return base_ms << attempt;
}

int64_t backoff_full_jitter_ms(int64_t base_ms, int64_t max_ms, unsigned attempt, double unit)
{
    return (int64_t)(unit * (double)backoff_exponential_ms(base_ms, max_ms, attempt));
}

int64_t backoff_decorrelated_ms(int64_t base_ms, int64_t max_ms, int64_t previous_ms, double unit)
{
    double base = (double)base_ms;
    double previous = previous_ms > 0 ? (double)previous_ms : base;
    double spread = 3 * previous - base;
    double wait = base + unit * (spread > 0 ? spread : 0);

    return wait < (double)max_ms ? (int64_t)wait : max_ms;
}
