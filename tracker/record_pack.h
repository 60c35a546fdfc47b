/*
 * Plans and states made small before they are sealed: they are JSON of a few hundred bytes that say
 * much the same, so zstd with a dictionary of what they say (RFC 8878) takes away half of it, the
 * task token aside. A packed text is the number of its dictionary, one byte, and a frame without
 * its magic number; a plain one begins with "{": both can be read at any time. From any thread.
 */
#ifndef RINGBACK_TRACKER_RECORD_PACK_H
#define RINGBACK_TRACKER_RECORD_PACK_H

#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"

/* What out must have room for at least; it is never needed to the full. */
#define RECORD_PACKED_MAX_BYTES(plain_bytes) (2 * (plain_bytes) + 512)
/* Appends the packed text. Nothing of it stays in memory that is freed, here and below. */
void record_pack(struct slice plain, struct buffer *out);
bool record_is_packed(struct slice text);
/* Appends the plain text, and takes no more memory than that. REJECTED: damaged, or more than out
 * may hold: then nothing is appended. */
MUST_CHECK enum status record_unpack(struct slice packed, struct buffer *out, struct error *error);

#endif
