/* The little XML that the query services answer: flat elements with text in them. */
#ifndef RINGBACK_INFRA_AWS_XML_H
#define RINGBACK_INFRA_AWS_XML_H

#include "infra/base/arena.h"
#include "infra/base/slice.h"

/* Text of the first element of this name, its five entities resolved; absent when there is none. */
struct slice xml_text(struct arena *arena, struct slice document, const char *element);

#endif
