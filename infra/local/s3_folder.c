#include "infra/local/s3_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define DEPTH_MAX    32

static void close_descriptor(const int *descriptor)
{
    if (*descriptor >= 0) {
        close(*descriptor);
    }
}

static void close_folder(DIR **folder)
{
    if (*folder) {
        closedir(*folder);
    }
}

static enum status status_from_errno(void)
{
    switch (errno) {
    case ENOENT: return STATUS_NOT_FOUND;
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG: return STATUS_REJECTED;
    case ENOTEMPTY:
    case EEXIST: return STATUS_CONFLICT;
    default: return STATUS_INTERNAL;
    }
}

int s3_folder_open(const char *folder)
{
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool s3_folder_bucket_valid(const char *bucket)
{
    const size_t size = strlen(bucket);
    if (size < 3 || size > 63 || bucket[0] == '.' || bucket[0] == '-') {
        return false;
    }
    return strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") == size;
}

bool s3_folder_bucket_exists(int root, const char *bucket)
{
    struct stat found;
    return fstatat(root, bucket, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(found.st_mode);
}

enum status s3_folder_bucket_make(int root, const char *bucket)
{
    return mkdirat(root, bucket, 0777) == 0 ? STATUS_OK : status_from_errno();
}

enum status s3_folder_bucket_remove(int root, const char *bucket)
{
    return unlinkat(root, bucket, AT_REMOVEDIR) == 0 ? STATUS_OK : status_from_errno();
}

static bool segment_valid(const char *segment, size_t size)
{
    return size > 0 && size <= NAME_MAX && strncmp(segment, ".", size) != 0 &&
           strncmp(segment, "..", size) != 0;
}

static bool key_valid(const char *key)
{
    unsigned depth = 0;
    for (;;) {
        const size_t size = strcspn(key, "/");
        if (!segment_valid(key, size) || ++depth > DEPTH_MAX) {
            return false;
        }
        if (key[size] == '\0') {
            return true;
        }
        key += size + 1;
    }
}

/* One step down; makes the folder when asked to. -1 with errno. */
static int open_below(int folder, const char *segment, size_t size, bool make)
{
    char name[NAME_MAX + 1];
    memcpy(name, segment, size);
    name[size] = '\0';
    if (make && mkdirat(folder, name, 0777) != 0 && errno != EEXIST) {
        return -1;
    }
    return openat(folder, name, FOLDER_FLAGS);
}

/* The folder that holds the key's last segment, which *name is set to. */
static enum status open_parent(int root, const char *bucket, const char *key, bool make,
                               int *parent, const char **name)
{
    if (!key_valid(key)) {
        return STATUS_REJECTED;
    }
    *parent = openat(root, bucket, FOLDER_FLAGS);
    while (*parent >= 0 && strchr(key, '/')) {
        const size_t size = strcspn(key, "/");
        const int above = *parent;
        *parent = open_below(above, key, size, make);
        const int cause = errno;
        close(above);
        errno = cause;
        key += size + 1;
    }
    *name = key;
    return *parent >= 0 ? STATUS_OK : status_from_errno();
}

static int64_t modified_ms_of(const struct stat *found)
{
    return (int64_t)found->st_mtim.tv_sec * 1000 + found->st_mtim.tv_nsec / 1000000;
}

static enum status read_all(int file, size_t size, struct buffer *out)
{
    size_t total = 0;
    while (total < size) {
        char *space = buffer_reserve(out, size - total);
        if (!space) {
            return STATUS_REJECTED;
        }
        const ssize_t count = read(file, space, size - total);
        if (count <= 0) {
            return STATUS_INTERNAL;
        }
        buffer_commit(out, (size_t)count);
        total += (size_t)count;
    }
    return STATUS_OK;
}

enum status s3_folder_read(int root, const char *bucket, const char *key, struct buffer *out,
                           int64_t *modified_ms)
{
    CLEANUP(close_descriptor) int parent = -1;
    const char *name = NULL;
    struct stat found;
    const enum status status = open_parent(root, bucket, key, false, &parent, &name);
    if (status != STATUS_OK) {
        return status;
    }
    CLEANUP(close_descriptor)
    const int file = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0 || fstat(file, &found) != 0) {
        return status_from_errno();
    }
    if (!S_ISREG(found.st_mode)) {
        return STATUS_NOT_FOUND;
    }
    *modified_ms = modified_ms_of(&found);
    return read_all(file, (size_t)found.st_size, out);
}

static enum status write_all(int file, struct slice object)
{
    while (object.size > 0) {
        const ssize_t count = write(file, object.data, object.size);
        if (count < 0) {
            return STATUS_INTERNAL;
        }
        object = slice_part(object, (size_t)count, object.size);
    }
    return STATUS_OK;
}

enum status s3_folder_write(int root, const char *bucket, const char *key, struct slice object)
{
    static atomic_uint puts_count;
    CLEANUP(close_descriptor) int parent = -1;
    const char *name = NULL;
    char draft[64]; /* in the root, where it is no bucket and no key */
    enum status status = open_parent(root, bucket, key, true, &parent, &name);
    if (status != STATUS_OK) {
        return status;
    }
    (void)snprintf(draft, sizeof(draft), ".put-%ld-%u", (long)getpid(),
                   atomic_fetch_add(&puts_count, 1));
    CLEANUP(close_descriptor)
    const int file = openat(root, draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) {
        return STATUS_INTERNAL;
    }
    status = write_all(file, object);
    if (status == STATUS_OK && renameat(root, draft, parent, name) != 0) {
        status = status_from_errno();
    }
    if (status != STATUS_OK) {
        unlinkat(root, draft, 0);
    }
    return status == STATUS_CONFLICT ? STATUS_REJECTED : status;
}

enum status s3_folder_remove(int root, const char *bucket, const char *key)
{
    CLEANUP(close_descriptor) int parent = -1;
    const char *name = NULL;
    const enum status status = open_parent(root, bucket, key, false, &parent, &name);
    if (status != STATUS_OK) {
        return status;
    }
    return unlinkat(parent, name, 0) == 0 ? STATUS_OK : status_from_errno();
}

enum status s3_folder_stat(int root, const char *bucket, const char *key, int64_t *size_bytes,
                           int64_t *modified_ms)
{
    CLEANUP(close_descriptor) int parent = -1;
    const char *name = NULL;
    struct stat found;
    const enum status status = open_parent(root, bucket, key, false, &parent, &name);
    if (status != STATUS_OK) {
        return status;
    }
    if (fstatat(parent, name, &found, AT_SYMLINK_NOFOLLOW) != 0) {
        return status_from_errno();
    }
    *size_bytes = (int64_t)found.st_size;
    *modified_ms = modified_ms_of(&found);
    return STATUS_OK;
}

static void list_folder(int descriptor, struct buffer *path, unsigned depth, struct buffer *keys);

static void list_entry(DIR *folder, const struct dirent *entry, struct buffer *path, unsigned depth,
                       struct buffer *keys)
{
    const size_t path_size = path->size;
    struct stat found;
    if (fstatat(dirfd(folder), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0) {
        return;
    }
    buffer_append_text(path, entry->d_name);
    if (S_ISREG(found.st_mode)) {
        buffer_append(keys, buffer_slice(path));
        buffer_append_byte(keys, '\0');
    } else if (S_ISDIR(found.st_mode) && depth < DEPTH_MAX) {
        buffer_append_byte(path, '/');
        list_folder(openat(dirfd(folder), entry->d_name, FOLDER_FLAGS), path, depth + 1, keys);
    }
    path->size = path_size;
}

/* Takes the descriptor over. What has vanished meanwhile is passed over. */
static void list_folder(int descriptor, struct buffer *path, unsigned depth, struct buffer *keys)
{
    CLEANUP(close_folder) DIR *folder = descriptor >= 0 ? fdopendir(descriptor) : NULL;
    if (!folder) {
        close_descriptor(&descriptor);
        return;
    }
    for (;;) {
        const struct dirent *entry =
            readdir(folder); // NOLINT(concurrency-mt-unsafe): the stream is this call's own
        if (!entry) {
            return;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            list_entry(folder, entry, path, depth, keys);
        }
    }
}

enum status s3_folder_list(int root, const char *bucket, struct buffer *keys)
{
    CLEANUP(buffer_clear) struct buffer path;
    buffer_init(&path, (size_t)DEPTH_MAX * (NAME_MAX + 1));
    const int folder = openat(root, bucket, FOLDER_FLAGS);
    if (folder < 0) {
        return status_from_errno();
    }
    list_folder(folder, &path, 1, keys);
    return keys->overflowed ? STATUS_INTERNAL : STATUS_OK;
}
