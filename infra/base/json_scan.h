/*
 * What cJSON lets through and JSON (RFC 8259) or the house forbids: bytes that are not UTF-8,
 * control characters, numbers such as 01 or 1., \u without four digits, nesting deeper than 64,
 * \u0000 in a text. And what it reads only in part: longer numbers than it has room for. The rest
 * of the grammar is cJSON's to check.
 */
#ifndef RINGBACK_INFRA_BASE_JSON_SCAN_H
#define RINGBACK_INFRA_BASE_JSON_SCAN_H

#include "infra/base/slice.h"

#define JSON_MAX_DEPTH        64
#define JSON_MAX_NUMBER_BYTES 63

/* Offset of the first byte that is not allowed; text.size when all are, and when a text does not
 * end, which cJSON finds. */
size_t json_scan(struct slice text);

#endif
