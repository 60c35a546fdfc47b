#include "infra/aws/profile.h"

#include "infra/base/buffer.h"
#include "infra/base/compiler.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FILE_MAX_BYTES (256u << 10)

const char *environment_get(char *const *environment, const char *name)
{
    const size_t size = strlen(name);
    for (char *const *entry = environment; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, name, size) == 0 && (*entry)[size] == '=') {
            return (*entry)[size + 1] != '\0' ? *entry + size + 1 : NULL;
        }
    }
    return NULL;
}

bool environment_flag(char *const *environment, const char *name)
{
    const char *value = environment_get(environment, name);
    return value != NULL && strcasecmp(value, "true") == 0;
}

static void close_file(FILE **file)
{
    if (*file != NULL) {
        (void)fclose(*file);
    }
}

struct slice profile_read_file(struct arena *arena, const char *path, size_t max_bytes)
{
    CLEANUP(close_file) FILE *file = fopen(path, "re");
    if (file == NULL) {
        return SLICE_NONE;
    }
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, max_bytes);
    buffer_append_text(&text, "");
    char chunk[4096];
    size_t size = 0;
    while ((size = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        buffer_append(&text, (struct slice){chunk, size});
    }
    explicit_bzero(chunk, sizeof(chunk));
    const struct slice content = ferror(file) != 0 || text.overflowed
                                     ? SLICE_NONE
                                     : arena_copy(arena, slice_trim(buffer_slice(&text)));
    buffer_wipe(&text);
    return content;
}

static struct profile_section *get_section(struct arena *arena, struct profile_files *files,
                                           struct slice kind, struct slice name)
{
    struct profile_section **link = &files->sections;
    for (; *link != NULL; link = &(*link)->next) {
        if (slice_equals((*link)->kind, kind) && slice_equals((*link)->name, name)) {
            return *link;
        }
    }
    *link = ARENA_NEW(arena, struct profile_section);
    (*link)->kind = kind;
    (*link)->name = name;
    return *link;
}

/* "[profile x]", "[services x]", "[default]"; NULL for a section that nobody reads. */
static struct profile_section *open_section(struct arena *arena, struct slice line,
                                            bool plain_names, struct profile_files *files)
{
    const struct slice inner = slice_trim(slice_part(line, 1, slice_find_byte(line, ']') - 1));
    size_t space = 0;
    while (space < inner.size && inner.data[space] != ' ' && inner.data[space] != '\t') {
        space++;
    }
    if (plain_names || slice_equals(inner, SLICE("default"))) {
        return get_section(arena, files, SLICE("profile"), inner);
    }
    if (space == inner.size) {
        return NULL;
    }
    return get_section(arena, files, slice_part(inner, 0, space),
                       slice_trim(slice_part(inner, space, inner.size)));
}

/* A comment starts with # or ; after white space. */
static struct slice without_comment(struct slice value)
{
    for (size_t i = 1; i < value.size; i++) {
        if ((value.data[i] == '#' || value.data[i] == ';') &&
            (value.data[i - 1] == ' ' || value.data[i - 1] == '\t')) {
            return slice_trim(slice_part(value, 0, i));
        }
    }
    return value;
}

/* A property that is there already was said by the file that counts more. */
static void add_property(struct arena *arena, struct profile_section *section, struct slice parent,
                         struct slice line)
{
    const size_t equals = slice_find_byte(line, '=');
    struct slice name = slice_trim(slice_part(line, 0, equals));
    if (parent.size > 0) {
        name = slice_from_text(
            arena_format(arena, "%.*s.%.*s", SLICE_PRINT(parent), SLICE_PRINT(name)));
    }
    struct profile_property **link = &section->properties;
    for (; *link != NULL; link = &(*link)->next) {
        if (slice_equals_ignore_case((*link)->name, name)) {
            return;
        }
    }
    *link = ARENA_NEW(arena, struct profile_property);
    (*link)->name = name;
    (*link)->value = without_comment(slice_trim(slice_part(line, equals + 1, line.size)));
}

/* "name = value", or "name =" with a nested block of indented lines behind it. */
static void parse_property(struct arena *arena, struct slice whole, struct slice *parent,
                           struct profile_section *section)
{
    const struct slice line = slice_trim(whole);
    const size_t equals = slice_find_byte(line, '=');
    const bool nested = whole.data[0] == ' ' || whole.data[0] == '\t';
    if (equals == line.size) {
        return;
    }
    if (!nested) {
        *parent = SLICE_NONE;
    }
    if (!nested && equals + 1 == line.size) {
        *parent = slice_trim(slice_part(line, 0, equals));
        return;
    }
    add_property(arena, section, *parent, line);
}

void profile_parse(struct arena *arena, struct slice text, bool plain_names,
                   struct profile_files *files)
{
    struct profile_section *section = NULL;
    struct slice parent = SLICE_NONE;
    while (text.size > 0) {
        const size_t end = slice_find_byte(text, '\n');
        const struct slice whole = slice_part(text, 0, end);
        const struct slice line = slice_trim(whole);
        text = slice_part(text, end + 1, text.size);
        if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';') {
            continue;
        }
        if (line.data[0] == '[') {
            section = open_section(arena, line, plain_names, files);
            parent = SLICE_NONE;
        } else if (section != NULL) {
            parse_property(arena, whole, &parent, section);
        }
    }
}

static void load_one(struct arena *arena, char *const *environment, const char *variable,
                     const char *name, struct profile_files *files)
{
    const char *path = environment_get(environment, variable);
    const char *home = environment_get(environment, "HOME");
    if (path == NULL && home == NULL) {
        return;
    }
    if (path == NULL) {
        path = arena_format(arena, "%s/.aws/%s", home, name);
    } else if (path[0] == '~' && path[1] == '/' && home != NULL) {
        path = arena_format(arena, "%s%s", home, path + 1);
    }
    profile_parse(arena, profile_read_file(arena, path, FILE_MAX_BYTES),
                  strcmp(name, "credentials") == 0, files);
}

struct profile_files *profile_files_load(struct arena *arena, char *const *environment)
{
    struct profile_files *files = ARENA_NEW(arena, struct profile_files);
    files->environment = environment;
    load_one(arena, environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials", files);
    load_one(arena, environment, "AWS_CONFIG_FILE", "config", files);
    return files;
}

struct slice profile_chosen(char *const *environment)
{
    const char *name = environment_get(environment, "AWS_PROFILE");
    return slice_from_text(name != NULL ? name : "default");
}

const struct profile_section *profile_find(const struct profile_files *files, const char *kind,
                                           struct slice name)
{
    for (const struct profile_section *section = files->sections; section != NULL;
         section = section->next) {
        if (slice_equals_text(section->kind, kind) && slice_equals(section->name, name)) {
            return section;
        }
    }
    return NULL;
}

struct slice profile_get(const struct profile_section *section, const char *name)
{
    for (const struct profile_property *property = section != NULL ? section->properties : NULL;
         property != NULL; property = property->next) {
        if (slice_equals_ignore_case(property->name, slice_from_text(name))) {
            return property->value.size > 0 ? property->value : SLICE_NONE;
        }
    }
    return SLICE_NONE;
}
