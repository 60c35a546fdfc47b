/* What of a JSON text stands for itself: shared by the scan and the writer. */
#ifndef RINGBACK_INFRA_BASE_JSON_PLAIN_H
#define RINGBACK_INFRA_BASE_JSON_PLAIN_H

#include "infra/base/slice.h"

/* Bytes from offset on up to the first that is a quote, a backslash, a control character or no
 * UTF-8. */
size_t json_plain_run(struct slice text, size_t offset);

#endif
