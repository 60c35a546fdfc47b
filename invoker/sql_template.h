/*
 * Variables of a script: {name} stands for a value where `name` is declared; every other brace is
 * left alone, so that JSON and regular expressions need no care. What a value may be depends on
 * where the variable stands, and no value can begin, end or move a string, a name, a comment or a
 * statement:
 *
 *     'a string'          any text, escaped for the string
 *     "a quoted name"     any text, escaped for the name
 *     a comment           not filled in
 *     $$a body$$          a number or a plain name
 *     anywhere else       a number or a plain name; it may be part of one: stage_{day}
 *
 * A plain name is words of ASCII letters, digits and _ with dots between them, each beginning with
 * a letter or _. Whoever chooses the value chooses which name stands there: a value that is data
 * belongs into quotes. Pure.
 */
#ifndef RINGBACK_INVOKER_SQL_TEMPLATE_H
#define RINGBACK_INVOKER_SQL_TEMPLATE_H

#include "infra/base/buffer.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>

#define SQL_TEMPLATE_MAX_BYTES      (1u << 20) /* of the script, before and after */
#define SQL_TEMPLATE_VARIABLES_MAX  100
#define SQL_TEMPLATE_NAME_MAX_BYTES 64

struct sql_variable {
    struct slice name;  /* a letter or _, then letters, digits, _ */
    struct slice value; /* a number as its text */
};

/*
 * Appends the script with its variables filled in to *out, whose max_bytes bounds it besides
 * SQL_TEMPLATE_MAX_BYTES. REJECTED names the variable, the line and the rule, never the value
 * ("variables.day: must be a number or a plain name where it stands outside of quotes, line 3");
 * then *out holds rubbish. A variable that the script does not use is no mistake.
 */
MUST_CHECK enum status sql_template_fill(struct slice script, const struct sql_variable *variables,
                                         size_t count, struct buffer *out, struct error *error);

/* Whether the text is a number or a plain name. */
bool sql_value_is_plain(struct slice value);

#endif
