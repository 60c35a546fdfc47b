/*
 * What `ringback doctor` found: a list of findings, each of one kind. A kind has a name that stays,
 * a severity, why it matters and what to do; what exactly was seen is said by each finding. The
 * list of kinds is also the page docs/findings.md.
 */
#ifndef RINGBACK_INFRA_DOCTOR_FINDINGS_H
#define RINGBACK_INFRA_DOCTOR_FINDINGS_H

#include "infra/base/arena.h"
#include "infra/base/buffer.h"
#include "infra/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

#define FINDINGS_MAX 2000 /* of one run; more are counted, and not kept */

enum finding_severity {
    FINDING_OK,
    FINDING_WARNING, /* it works, and somebody should know; also: could not be looked at */
    FINDING_PROBLEM, /* something does not work, or will not when it counts */
};

enum finding_kind {
    FOUND_FINE, /* nothing to do: has neither why nor fix */
#define FINDING_ENUM(symbol, name, severity, why, fix) FOUND_##symbol,
#include "infra/doctor/finding_kinds.h"
#undef FINDING_ENUM
    FINDING_KIND_COUNT,
};

struct finding_facts {
    const char *name; /* "queue-visibility"; "fine" */
    enum finding_severity severity;
    const char *why; /* NULL: FOUND_FINE */
    const char *fix;
};

const struct finding_facts *finding_facts(enum finding_kind kind);
/* "ok", "warning", "problem". */
const char *finding_severity_name(enum finding_severity severity);

struct finding {
    enum finding_kind kind;
    const char *subject; /* what was looked at: "event queue" */
    const char *what;    /* what was seen; one line without a secret */
};

struct findings {
    struct arena *arena; /* of the texts; not owned */
    struct finding *list;
    size_t count;
    size_t capacity;
    size_t left_out; /* beyond FINDINGS_MAX */
    bool has_problem;
};

void findings_init(struct findings *findings, struct arena *arena);
/* One more; subject must live as long as the arena. */
void findings_add(struct findings *findings, enum finding_kind kind, const char *subject,
                  const char *format, ...) PRINTF_LIKE(4, 5);

/* ---- As text -------------------------------------------------------------------------------- */

/*
 * One line each, "severity subject: what", and below a warning or a problem two more that begin
 * with nine spaces: "why: ...", "fix: ...". Bytes that would speak to a terminal become '?'.
 */
void findings_print(const struct findings *findings, struct buffer *out);
/* {"healthy":true,"findings":[{"severity","finding","subject","what","why","fix"}]}; healthy: no
 * problem is among them. */
void findings_print_json(const struct findings *findings, struct buffer *out);
/* docs/findings.md. */
void findings_print_markdown(struct buffer *out);

#endif
