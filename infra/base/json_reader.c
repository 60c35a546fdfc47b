#include "infra/base/json_reader.h"

#include "infra/base/json_scan.h"
#include "infra/base/json_writer.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EXACT_INTEGER_LIMIT 0x1p53 /* past it a double no longer tells integers apart */
#define NAME_IN_PATH_BYTES  64
#define SMALL_BYTES         (64u << 10)

struct json_document {
    const cJSON *root;
};

/* --- parsing --- */

/* Where cJSON's nodes and texts go: of the text that this thread is parsing. */
static _Thread_local struct arena *parsing;

static void *take(size_t bytes)
{
    return arena_alloc(parsing, bytes);
}

static void keep(void *memory)
{
    (void)memory; /* goes with the arena, which overwrites it */
}

static void set_hooks(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = take, .free_fn = keep});
}

static void release_arena(void *object)
{
    arena_free(object);
}

/* A hostile text takes many times its size as a tree, which the limit of the caller's arena is not
 * made for: a large one has memory of its own, which goes when the arena goes. */
static struct arena *arena_for(struct arena *arena, struct slice text)
{
    struct arena *own = NULL;

    if (text.size <= SMALL_BYTES) {
        return arena;
    }
    own = arena_new(SIZE_MAX);
    arena_defer(arena, release_arena, own);
    return own;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* NULL: the byte at *misfit is at fault. */
static const cJSON *parse_tree(struct arena *arena, struct slice text, size_t *misfit)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *stopped = text.data;
    const cJSON *root = NULL;

    *misfit = json_scan(text);
    if (*misfit < text.size || text.size == 0) {
        return NULL;
    }
    (void)pthread_once(&once, set_hooks);
    parsing = arena_for(arena, text);
    /* With "require NUL" cJSON reads one byte behind the text, which a slice need not have: what is
     * behind the value is checked here instead. */
    root = cJSON_ParseWithLengthOpts(text.data, text.size, &stopped, 0);
    parsing = NULL;
    *misfit = (size_t)(stopped - text.data);
    while (root != NULL && *misfit < text.size && is_space(text.data[*misfit])) {
        (*misfit)++;
    }
    return *misfit == text.size ? root : NULL;
}

enum status json_parse(struct arena *arena, struct slice text, struct json *root,
                       struct error *error)
{
    struct json_document *document = ARENA_NEW(arena, struct json_document);
    size_t misfit = 0;

    document->root = parse_tree(arena, text, &misfit);
    if (document->root == NULL) {
        return error_set(error, STATUS_REJECTED, "not JSON at byte %zu", misfit);
    }
    *root = (struct json){document, document->root};
    return STATUS_OK;
}

/* --- walking --- */

static const cJSON *node_of(struct json value)
{
    return value.node;
}

static struct json place(struct json origin, const cJSON *node)
{
    return (struct json){origin.document, node};
}

static enum json_kind kind_of(const cJSON *node)
{
    switch (node->type & 0xFF) {
    case cJSON_NULL: return JSON_NULL;
    case cJSON_False:
    case cJSON_True: return JSON_BOOL;
    case cJSON_Number: return JSON_NUMBER;
    case cJSON_String: return JSON_TEXT;
    case cJSON_Array: return JSON_ARRAY;
    case cJSON_Object: return JSON_OBJECT;
    default: return JSON_ABSENT;
    }
}

enum json_kind json_kind(struct json value)
{
    return value.node == NULL ? JSON_ABSENT : kind_of(value.node);
}

bool json_exists(struct json value)
{
    enum json_kind kind = json_kind(value);

    return kind != JSON_ABSENT && kind != JSON_NULL;
}

struct json json_member(struct json object, const char *name)
{
    const cJSON *child = json_kind(object) == JSON_OBJECT ? node_of(object)->child : NULL;

    while (child != NULL && (child->string[0] != name[0] || strcmp(child->string, name) != 0)) {
        child = child->next;
    }
    return place(object, child);
}

static const cJSON *child_at(const cJSON *node, size_t index)
{
    const cJSON *child = node->child;

    for (; child != NULL && index > 0; index--) {
        child = child->next;
    }
    return child;
}

struct json json_element(struct json array, size_t index)
{
    return place(array, json_kind(array) == JSON_ARRAY ? child_at(node_of(array), index) : NULL);
}

struct json json_member_at(struct json object, size_t index, struct slice *name)
{
    const cJSON *child = json_kind(object) == JSON_OBJECT ? child_at(node_of(object), index) : NULL;

    *name = child == NULL ? SLICE_NONE : slice_from_text(child->string);
    return place(object, child);
}

struct json json_next(struct json element)
{
    return place(element, element.node == NULL ? NULL : node_of(element)->next);
}

size_t json_count(struct json value)
{
    const cJSON *child = value.node == NULL ? NULL : node_of(value)->child;
    size_t count = 0;

    for (; child != NULL; child = child->next) {
        count++;
    }
    return count;
}

/* --- errors --- */

struct path {
    char text[ERROR_TEXT_BYTES / 2];
    size_t size;
};

static void path_append(struct path *path, const char *format, ...) PRINTF_LIKE(2, 3);
static void path_append(struct path *path, const char *format, ...)
{
    size_t room = sizeof(path->text) - path->size;
    va_list arguments;
    int size = 0;

    va_start(arguments, format);
    size = vsnprintf(path->text + path->size, room, format, arguments);
    va_end(arguments);
    if (size > 0) {
        path->size += (size_t)size < room ? (size_t)size : room - 1;
    }
}

static void path_append_name(struct path *path, const char *name)
{
    struct slice cut = slice_cut_utf8(slice_from_text(name), NAME_IN_PATH_BYTES);

    path_append(path, "%s%.*s", path->size > 0 ? "." : "", SLICE_PRINT(cut));
}

/* Nodes do not know their parents, so the tree is searched; errors are rare. Writes the path from
 * node down to target and answers whether target is there. */
static bool find_path(const cJSON *node, const cJSON *target, struct path *path)
{
    size_t size = path->size;
    size_t index = 0;

    if (node == target) {
        return true;
    }
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        if (child->string != NULL) {
            path_append_name(path, child->string);
        } else {
            path_append(path, "[%zu]", index);
        }
        if (find_path(child, target, path)) {
            return true;
        }
        path->size = size;
        path->text[size] = '\0';
        index++;
    }
    return false;
}

/* member is NULL for the place itself. */
static struct path path_of(struct json value, const char *member)
{
    struct path path = {.text = "", .size = 0};

    if (value.document != NULL && value.node != NULL) {
        (void)find_path(value.document->root, value.node, &path);
    }
    if (member != NULL) {
        path_append_name(&path, member);
    } else if (path.size == 0) {
        path_append(&path, "request");
    }
    return path;
}

enum status json_reject(struct json value, struct error *error, const char *format, ...)
{
    struct path path = path_of(value, NULL);
    char text[ERROR_TEXT_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return error_set(error, STATUS_REJECTED, "%s: %s", path.text, text);
}

static enum status reject_absent(struct json object, const char *name, struct error *error)
{
    struct path path = path_of(object, name);

    return error_set(error, STATUS_REJECTED, "%s: is required", path.text);
}

static const char *kind_text(enum json_kind kind)
{
    switch (kind) {
    case JSON_ABSENT: return "nothing";
    case JSON_NULL: return "null";
    case JSON_BOOL: return "a boolean";
    case JSON_NUMBER: return "a number";
    case JSON_TEXT: return "a string";
    case JSON_ARRAY: return "an array";
    case JSON_OBJECT: return "an object";
    }
    return "nothing";
}

static enum status need_kind(struct json value, enum json_kind kind, struct error *error)
{
    enum json_kind got = json_kind(value);

    return got == kind
               ? STATUS_OK
               : json_reject(value, error, "must be %s, got %s", kind_text(kind), kind_text(got));
}

/* --- typed access --- */

enum status json_text(struct json value, struct slice *text, struct error *error)
{
    enum status status = need_kind(value, JSON_TEXT, error);

    if (status == STATUS_OK) {
        *text = slice_from_text(node_of(value)->valuestring);
    }
    return status;
}

static enum status text_within(struct json value, size_t text_max, struct slice *text,
                               struct error *error)
{
    struct slice found = SLICE_NONE;
    enum status status = json_text(value, &found, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (text_max > 0 && found.size > text_max) {
        return json_reject(value, error, "must be at most %zu bytes, got %zu", text_max,
                           found.size);
    }
    *text = found;
    return STATUS_OK;
}

enum status json_int64(struct json value, int64_t minimum, int64_t maximum, int64_t *number,
                       struct error *error)
{
    enum status status = need_kind(value, JSON_NUMBER, error);
    double exact = 0;

    if (status != STATUS_OK) {
        return status;
    }
    exact = node_of(value)->valuedouble;
    if (!(fabs(exact) <= EXACT_INTEGER_LIMIT) || trunc(exact) != exact) {
        return json_reject(value, error, "must be an integer between %" PRId64 " and %" PRId64,
                           minimum, maximum);
    }
    if ((int64_t)exact < minimum || (int64_t)exact > maximum) {
        return json_reject(value, error,
                           "must be between %" PRId64 " and %" PRId64 ", got %" PRId64, minimum,
                           maximum, (int64_t)exact);
    }
    *number = (int64_t)exact;
    return STATUS_OK;
}

enum status json_get_text(struct json object, const char *name, size_t text_max, struct slice *text,
                          struct error *error)
{
    struct json member = json_member(object, name);

    return member.node == NULL ? reject_absent(object, name, error)
                               : text_within(member, text_max, text, error);
}

enum status json_find_text(struct json object, const char *name, size_t text_max,
                           struct slice *text, struct error *error)
{
    struct json member = json_member(object, name);

    return json_exists(member) ? text_within(member, text_max, text, error) : STATUS_OK;
}

enum status json_get_int64(struct json object, const char *name, int64_t minimum, int64_t maximum,
                           int64_t *number, struct error *error)
{
    struct json member = json_member(object, name);

    return member.node == NULL ? reject_absent(object, name, error)
                               : json_int64(member, minimum, maximum, number, error);
}

enum status json_find_int64(struct json object, const char *name, int64_t minimum, int64_t maximum,
                            int64_t *number, struct error *error)
{
    struct json member = json_member(object, name);

    return json_exists(member) ? json_int64(member, minimum, maximum, number, error) : STATUS_OK;
}

enum status json_find_double(struct json object, const char *name, double *number,
                             struct error *error)
{
    struct json member = json_member(object, name);
    enum status status = STATUS_OK;

    if (!json_exists(member)) {
        return STATUS_OK;
    }
    status = need_kind(member, JSON_NUMBER, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!isfinite(node_of(member)->valuedouble)) {
        return json_reject(member, error, "is too large a number");
    }
    *number = node_of(member)->valuedouble;
    return STATUS_OK;
}

enum status json_find_bool(struct json object, const char *name, bool *flag, struct error *error)
{
    struct json member = json_member(object, name);
    enum status status = STATUS_OK;

    if (!json_exists(member)) {
        return STATUS_OK;
    }
    status = need_kind(member, JSON_BOOL, error);
    if (status == STATUS_OK) {
        *flag = cJSON_IsTrue(node_of(member));
    }
    return status;
}

static enum status find_container(struct json object, const char *name, enum json_kind kind,
                                  struct json *member, struct error *error)
{
    struct json found = json_member(object, name);
    enum status status = STATUS_OK;

    *member = place(object, NULL);
    if (!json_exists(found)) {
        return STATUS_OK;
    }
    status = need_kind(found, kind, error);
    if (status == STATUS_OK) {
        *member = found;
    }
    return status;
}

enum status json_find_object(struct json object, const char *name, struct json *member,
                             struct error *error)
{
    return find_container(object, name, JSON_OBJECT, member, error);
}

enum status json_find_array(struct json object, const char *name, struct json *member,
                            struct error *error)
{
    return find_container(object, name, JSON_ARRAY, member, error);
}

static bool is_listed(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum status json_only_members(struct json object, const char *const *names, size_t count,
                              struct error *error)
{
    const cJSON *child = json_kind(object) == JSON_OBJECT ? node_of(object)->child : NULL;

    for (; child != NULL; child = child->next) {
        if (!is_listed(child->string, names, count)) {
            return json_reject(place(object, child), error, "unknown field");
        }
    }
    return STATUS_OK;
}

/* --- printing --- */

static void print_node(const cJSON *node, const char *name, struct json_writer *writer)
{
    switch (kind_of(node)) {
    case JSON_ABSENT:
    case JSON_NULL: json_write_null(writer, name); return;
    case JSON_BOOL: json_write_bool(writer, name, cJSON_IsTrue(node)); return;
    case JSON_NUMBER: json_write_double(writer, name, node->valuedouble); return;
    case JSON_TEXT: json_write_text(writer, name, slice_from_text(node->valuestring)); return;
    case JSON_ARRAY: json_begin_array(writer, name); break;
    case JSON_OBJECT: json_begin_object(writer, name); break;
    }
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        print_node(child, child->string, writer);
    }
    if (cJSON_IsArray(node)) {
        json_end_array(writer);
    } else {
        json_end_object(writer);
    }
}

void json_print(struct json value, struct buffer *out)
{
    struct json_writer writer;

    json_writer_init(&writer, out);
    if (value.node == NULL) {
        json_write_null(&writer, NULL);
    } else {
        print_node(node_of(value), NULL, &writer);
    }
}

static void copy_node(const cJSON *node, struct slice name, struct json_writer *writer)
{
    json_write_name(writer, name);
    if (node == NULL) {
        json_write_null(writer, NULL);
    } else {
        print_node(node, NULL, writer);
    }
}

void json_copy_member(struct json value, struct slice name, struct json_writer *writer)
{
    copy_node(node_of(value), name, writer);
}

void json_copy_members(struct json object, const char *const *left_out, size_t count,
                       struct json_writer *writer)
{
    const cJSON *child = json_kind(object) == JSON_OBJECT ? node_of(object)->child : NULL;

    for (; child != NULL; child = child->next) {
        const struct slice name = slice_from_text(child->string);
        if (!slice_is_one_of(name, left_out, count)) {
            copy_node(child, name, writer);
        }
    }
}
