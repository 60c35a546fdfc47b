/*
 * Objects as files: bucket = folder, key = path below it. Every path is walked segment by segment
 * from the root's descriptor without following links, so that no key leads out of the root. A
 * written object appears at once and whole.
 *
 * NOT_FOUND: no such bucket or object. REJECTED: a key that is no path ("a//b", "../a", "a/" or one
 * below a file). INTERNAL: the file system failed.
 */
#ifndef RINGBACK_INFRA_LOCAL_S3_FOLDER_H
#define RINGBACK_INFRA_LOCAL_S3_FOLDER_H

#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* The root's descriptor, or -1 with errno. */
int s3_folder_open(const char *folder);
/* Three to 63 of a-z 0-9 . -, beginning with a letter or digit. */
bool s3_folder_bucket_valid(const char *bucket);
bool s3_folder_bucket_exists(int root, const char *bucket);
MUST_CHECK enum status s3_folder_bucket_make(int root, const char *bucket);
/* CONFLICT: not empty. */
MUST_CHECK enum status s3_folder_bucket_remove(int root, const char *bucket);

/* Appends the object to out; REJECTED too when it is larger than out can be. */
MUST_CHECK enum status s3_folder_read(int root, const char *bucket, const char *key,
                                      struct buffer *out, int64_t *modified_ms);
/* Folders of the key are made. */
MUST_CHECK enum status s3_folder_write(int root, const char *bucket, const char *key,
                                       struct slice object);
MUST_CHECK enum status s3_folder_remove(int root, const char *bucket, const char *key);
MUST_CHECK enum status s3_folder_stat(int root, const char *bucket, const char *key,
                                      int64_t *size_bytes, int64_t *modified_ms);
/* Appends all keys, each with its NUL, in no order. */
MUST_CHECK enum status s3_folder_list(int root, const char *bucket, struct buffer *keys);

#endif
