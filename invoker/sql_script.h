/*
 * What a script or a statement is, as far as ringback must know: where statements end, what a
 * statement begins with, whether it only opens or closes a transaction, and when two are the same
 * work. The lexical rules are those of infra/base/sql_lexer.h. Pure.
 */
#ifndef RINGBACK_INVOKER_SQL_SCRIPT_H
#define RINGBACK_INVOKER_SQL_SCRIPT_H

#include "infra/base/arena.h"
#include "infra/base/encode.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>

#define SQL_SCRIPT_MAX_BYTES (1u << 20)

/* Statements are slices into the script, without semicolons and blanks around them, comments
 * included. The array is in the arena. */
struct sql_script {
    struct slice *statements;
    size_t count; /* at least 1 */
};

/*
 * Splits a script. REJECTED names the rule and, where there is one, the line, never the text ("line
 * 3: the string that begins here does not end"): longer than SQL_SCRIPT_MAX_BYTES, not UTF-8, a NUL
 * byte, a string, comment, quoted name, dollar quote or parenthesis that does not end, a statement
 * longer than the Data API takes ("statement 2, line 7: ..."), no statement at all. The caller puts
 * the field before it.
 */
MUST_CHECK enum status sql_script_split(struct arena *arena, struct slice text,
                                        struct sql_script *script, struct error *error);

/* The first word behind comments, semicolons and opening parentheses; absent when anything else
 * comes first or nothing comes at all. */
struct slice sql_first_word(struct slice statement);

/* Whether the statement must not run twice, whatever the error says: CALL, UNLOAD, VACUUM,
 * transaction control, and what does not begin with a word. */
bool sql_runs_once_only(struct slice statement);
/* Whether it commits what came before it in its transaction, as Redshift's TRUNCATE does: what
 * fails after it is not undone as a whole. */
bool sql_commits(struct slice statement);

enum sql_control {
    SQL_NO_CONTROL,
    SQL_CONTROL_BEGIN,    /* BEGIN, START TRANSACTION, with any of their options */
    SQL_CONTROL_COMMIT,   /* COMMIT, END */
    SQL_CONTROL_ROLLBACK, /* ROLLBACK, ABORT */
};

/* Whether the whole statement is transaction control; "rollback to x" and "commit prepared" are
 * none. */
enum sql_control sql_control_of(struct slice statement);

/*
 * Takes BEGIN and COMMIT out of a script that runs as one transaction anyway. REJECTED, naming the
 * statement's number: a ROLLBACK cannot be taken out, since what it undoes would be kept; and when
 * nothing else is in the script.
 */
MUST_CHECK enum status sql_script_drop_control(struct sql_script *script, struct error *error);

/* Comments away, blanks outside of strings and quoted names collapsed, words in lower case, closing
 * semicolons dropped: the same for two spellings of one statement. */
void sql_normalise(struct slice statement, struct buffer *out);
/* The hex SHA-256 of the normalised text. */
void sql_normal_digest(struct slice statement, char out[SHA256_HEX_BYTES + 1]);

#endif
