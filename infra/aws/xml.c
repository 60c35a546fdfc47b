#include "infra/aws/xml.h"

#include "infra/base/compiler.h"

#include <stdio.h>

#define NAME_MAX_BYTES 64

static struct slice resolve(struct arena *arena, struct slice text)
{
    static const struct {
        struct slice name;
        char byte;
    } entities[] = {{{"&amp;", 5}, '&'},
                    {{"&lt;", 4}, '<'},
                    {{"&gt;", 4}, '>'},
                    {{"&quot;", 6}, '"'},
                    {{"&apos;", 6}, '\''}};
    char *out = arena_alloc(arena, text.size + 1);
    size_t size = 0;
    while (text.size > 0) {
        size_t i = 0;
        while (i < ARRAY_COUNT(entities) && !slice_starts_with(text, entities[i].name)) {
            i++;
        }
        const bool found = i < ARRAY_COUNT(entities);
        out[size++] = (char)(found ? entities[i].byte : text.data[0]);
        text = slice_part(text, found ? entities[i].name.size : 1, text.size);
    }
    return (struct slice){out, size};
}

struct slice xml_text(struct arena *arena, struct slice document, const char *element)
{
    char open[NAME_MAX_BYTES];
    char close[NAME_MAX_BYTES];
    (void)snprintf(open, sizeof(open), "<%s>", element);
    (void)snprintf(close, sizeof(close), "</%s>", element);
    const struct slice opening = slice_from_text(open);
    const size_t start = slice_find(document, opening);
    if (start >= document.size) {
        return SLICE_NONE;
    }
    const struct slice rest = slice_part(document, start + opening.size, document.size);
    const size_t size = slice_find(rest, slice_from_text(close));
    if (size >= rest.size) {
        return SLICE_NONE;
    }
    return resolve(arena, slice_trim(slice_part(rest, 0, size)));
}
