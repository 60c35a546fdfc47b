#include "infra/base/random.h"

#include "infra/base/encode.h"
#include "infra/base/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define POOL_SIZE 32

static void system_fill(void *context, void *out, size_t size)
{
    char *end = out;

    (void)context;
    while (size > 0) {
        ssize_t got = getrandom(end, size, 0);

        if (got > 0) {
            end += got;
            size -= (size_t)got;
        } else if (errno != EINTR) {
            memory_abort("the kernel has no randomness");
        }
    }
}

const struct random *random_system(void)
{
    static const struct random system = {.fill = system_fill, .context = NULL};

    return &system;
}

void random_fill(const struct random *random, void *out, size_t size)
{
    random->fill(random->context, out, size);
}

/* What needs no secrecy, pauses above all, is taken from the kernel many at a time. */
static uint64_t from_pool(void)
{
    static _Thread_local uint64_t pool[POOL_SIZE];
    static _Thread_local size_t left;

    if (left == 0) {
        system_fill(NULL, pool, sizeof(pool));
        left = POOL_SIZE;
    }
    return pool[--left];
}

static uint64_t next(const struct random *random)
{
    uint64_t bits = 0;

    random_fill(random, &bits, sizeof(bits));
    return bits;
}

uint64_t random_below(const struct random *random, uint64_t bound)
{
    /* What lies under 2^64 mod bound is drawn again, else small results came up too often. */
    uint64_t uneven = (0 - bound) % bound;
    uint64_t bits = next(random);

    while (bits < uneven) {
        bits = next(random);
    }
    return bits % bound;
}

double random_unit(const struct random *random)
{
    const uint64_t bits = random->fill == system_fill ? from_pool() : next(random);

    return (double)(bits >> 11) * 0x1p-53;
}

void random_uuid(const struct random *random, char out[37])
{
    static const size_t group_bytes[] = {4, 2, 2, 2, 6};
    unsigned char bytes[16];
    size_t taken = 0;
    char *end = out;

    random_fill(random, bytes, sizeof(bytes));
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40); /* version 4 */
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80); /* RFC 9562 variant */
    for (size_t i = 0; i < ARRAY_COUNT(group_bytes); i++) {
        encode_hex(bytes + taken, group_bytes[i], end);
        taken += group_bytes[i];
        end += 2 * group_bytes[i];
        *end++ = '-';
    }
    end[-1] = '\0';
}

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static void seeded_fill(void *context, void *out, size_t size)
{
    struct random_seeded *seeded = context;
    char *end = out;

    while (size > 0) {
        uint64_t bits = splitmix64(&seeded->state);
        size_t part = size < sizeof(bits) ? size : sizeof(bits);

        memcpy(end, &bits, part);
        end += part;
        size -= part;
    }
}

void random_seeded_init(struct random_seeded *seeded, uint64_t seed)
{
    seeded->state = seed;
    seeded->random = (struct random){.fill = seeded_fill, .context = seeded};
}
