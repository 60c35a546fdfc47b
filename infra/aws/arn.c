#include "infra/aws/arn.h"

#define REGION_MAX_BYTES 32

bool arn_region_valid(struct slice region)
{
    for (size_t i = 0; i < region.size; i++) {
        const char c = region.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return region.size > 0 && region.size <= REGION_MAX_BYTES;
}

/* Takes what is before the next ':' off the rest; absent when there is none. */
static struct slice take_part(struct slice *rest)
{
    const size_t colon = slice_find_byte(*rest, ':');
    if (colon >= rest->size) {
        return SLICE_NONE;
    }
    const struct slice part = slice_part(*rest, 0, colon);
    *rest = slice_part(*rest, colon + 1, rest->size);
    return part;
}

bool arn_parse(struct slice text, struct arn *arn)
{
    struct slice rest = text;
    const struct slice prefix = take_part(&rest);
    const struct slice partition = take_part(&rest);
    const struct slice service = take_part(&rest);
    const struct slice region = take_part(&rest);
    const struct slice account = take_part(&rest);
    *arn = (struct arn){.resource = SLICE_NONE};
    if (!slice_equals(prefix, SLICE("arn")) || partition.size == 0 || service.size == 0 ||
        account.data == NULL || rest.size == 0 || (region.size > 0 && !arn_region_valid(region))) {
        return false;
    }
    *arn = (struct arn){service, region, account, rest};
    return true;
}
