/* Randomness as a seam: the kernel's in production, a seeded sequence in tests. */
#ifndef RINGBACK_INFRA_BASE_RANDOM_H
#define RINGBACK_INFRA_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    void (*fill)(void *context, void *out, size_t size);
    void *context;
};

/* getrandom(2); aborts when the kernel has none. */
const struct random *random_system(void);
void random_fill(const struct random *random, void *out, size_t size);
/* Uniform in 0..bound-1; bound >= 1. */
uint64_t random_below(const struct random *random, uint64_t bound);
/* Uniform in [0, 1). Not for secrets: two copies of a machine may draw the same. */
double random_unit(const struct random *random);
/* Version 4 UUID in lower case; out holds 37 bytes. */
void random_uuid(const struct random *random, char out[37]);

/* splitmix64 from a seed; for tests and for `--faults seed=`. Not for secrets. */
struct random_seeded {
    struct random random;
    uint64_t state;
};
void random_seeded_init(struct random_seeded *seeded, uint64_t seed);

#endif
