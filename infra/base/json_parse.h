/*
 * The tree of a JSON text (RFC 8259), for json_reader.c alone. The house forbids on top: nesting
 * deeper than 64, and \u0000 in a text. One block of memory holds the nodes and the texts of a
 * whole document, so that parsing costs one allocation.
 */
#ifndef RINGBACK_INFRA_BASE_JSON_PARSE_H
#define RINGBACK_INFRA_BASE_JSON_PARSE_H

#include "infra/base/json_reader.h"

struct json_node {
    struct json_node *next; /* in the array or object that it is in */
    struct slice name;      /* of a member, without escapes, NUL-terminated; absent otherwise */
    enum json_kind kind;    /* never ABSENT */
    union {
        bool truth;
        double number;
        struct slice text;       /* without escapes, NUL-terminated */
        struct json_node *child; /* the first one of an array or object; NULL: empty */
    };
};

/* All of it is in the arena. NULL when the text is not exactly one value: *misfit is the offset of
 * the first byte at fault, text.size when more was to come. */
const struct json_node *json_parse_tree(struct arena *arena, struct slice text, size_t *misfit);

#endif
