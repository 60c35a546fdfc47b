/* Amazon Resource Names, taken apart. */
#ifndef RINGBACK_INFRA_AWS_ARN_H
#define RINGBACK_INFRA_AWS_ARN_H

#include "infra/base/slice.h"

#include <stdbool.h>

struct arn {
    struct slice service;
    struct slice region; /* a region by its form, or empty */
    struct slice account;
    struct slice resource; /* not empty; may hold further ':' and '/' */
};

/* The slices point into text. False when text is no ARN; *arn is then all absent. */
bool arn_parse(struct slice text, struct arn *arn);
/* Whether a text has the form of a region: what it is put into is a host name. */
bool arn_region_valid(struct slice region);

#endif
