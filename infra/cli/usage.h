/* A command's usage text, taken apart for the manual and for shells. Pure. */
#ifndef RINGBACK_INFRA_CLI_USAGE_H
#define RINGBACK_INFRA_CLI_USAGE_H

#include "infra/base/slice.h"

#include <stdbool.h>

enum usage_kind {
    USAGE_PROSE, /* a line of text; the first one is the synopsis */
    USAGE_FLAG,  /* a line that begins to say what a flag means */
    USAGE_MORE,  /* a line that goes on with it */
    USAGE_BREAK, /* an empty line */
};

struct usage_line {
    enum usage_kind kind;
    struct slice flag; /* "--listen HOST:PORT"; of USAGE_FLAG alone */
    struct slice text; /* without its indentation */
};

/* Takes the next line off *rest, which starts as the usage text; false: there is none. */
bool usage_next(struct slice *rest, struct usage_line *line);
/* "--listen" of "--listen HOST:PORT". */
struct slice usage_flag_name(struct slice flag);

#endif
