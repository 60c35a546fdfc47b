#include "infra/doctor/findings.h"

#include "infra/base/json_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CAPACITY_FIRST 32
#define WHAT_BYTES     1024

static const struct finding_facts all_facts[FINDING_KIND_COUNT] = {
    [FOUND_FINE] = {"fine", FINDING_OK, NULL, NULL},
#define FINDING_ENUM(symbol, name, severity, why, fix)                                             \
    [FOUND_##symbol] = {name, FINDING_##severity, why, fix},
#include "infra/doctor/finding_kinds.h"
#undef FINDING_ENUM
};

const struct finding_facts *finding_facts(enum finding_kind kind)
{
    return &all_facts[kind];
}

const char *finding_severity_name(enum finding_severity severity)
{
    static const char *const names[] = {
        [FINDING_OK] = "ok", [FINDING_WARNING] = "warning", [FINDING_PROBLEM] = "problem"};
    return names[severity];
}

void findings_init(struct findings *findings, struct arena *arena)
{
    *findings = (struct findings){.arena = arena};
}

/* Room for one more; the arena keeps the old list until its end. */
static void grow(struct findings *findings)
{
    const size_t capacity = findings->capacity == 0 ? CAPACITY_FIRST : 2 * findings->capacity;
    struct finding *list = ARENA_ARRAY(findings->arena, capacity, struct finding);
    if (findings->count > 0) {
        memcpy(list, findings->list, findings->count * sizeof(*list));
    }
    findings->list = list;
    findings->capacity = capacity;
}

void findings_add(struct findings *findings, enum finding_kind kind, const char *subject,
                  const char *format, ...)
{
    char what[WHAT_BYTES];
    va_list arguments;
    findings->has_problem |= finding_facts(kind)->severity == FINDING_PROBLEM;
    if (findings->count == FINDINGS_MAX) {
        findings->left_out++;
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    if (findings->count == findings->capacity) {
        grow(findings);
    }
    findings->list[findings->count++] = (struct finding){
        .kind = kind, .subject = subject, .what = arena_format(findings->arena, "%s", what)};
}

/* ---- As text -------------------------------------------------------------------------------- */

/* Names of states, queues and rules are other people's. */
static void put(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        const unsigned char byte = (unsigned char)*text;
        buffer_append_byte(out, (char)(byte < 0x20 || byte == 0x7f ? '?' : byte));
    }
}

void findings_print(const struct findings *findings, struct buffer *out)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->list[i];
        const struct finding_facts *facts = finding_facts(finding->kind);
        buffer_append_format(out, "%-8s ", finding_severity_name(facts->severity));
        put(out, finding->subject);
        buffer_append_text(out, ": ");
        put(out, finding->what);
        buffer_append_byte(out, '\n');
        if (facts->why != NULL) {
            buffer_append_format(out, "         why: %s\n         fix: %s\n", facts->why,
                                 facts->fix);
        }
    }
    if (findings->left_out > 0) {
        buffer_append_format(out, "%-8s %zu more findings are left out\n", "warning",
                             findings->left_out);
    }
}

static void write_finding(struct json_writer *writer, const struct finding *finding)
{
    const struct finding_facts *facts = finding_facts(finding->kind);
    json_begin_object(writer, NULL);
    json_write_text(writer, "severity", slice_from_text(finding_severity_name(facts->severity)));
    json_write_text(writer, "finding", slice_from_text(facts->name));
    json_write_text(writer, "subject", slice_from_text(finding->subject));
    json_write_text(writer, "what", slice_from_text(finding->what));
    json_write_text_if(writer, "why", slice_from_text(facts->why));
    json_write_text_if(writer, "fix", slice_from_text(facts->fix));
    json_end_object(writer);
}

void findings_print_json(const struct findings *findings, struct buffer *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_begin_object(&writer, NULL);
    json_write_bool(&writer, "healthy", !findings->has_problem);
    json_begin_array(&writer, "findings");
    for (size_t i = 0; i < findings->count; i++) {
        write_finding(&writer, &findings->list[i]);
    }
    json_end_array(&writer);
    if (findings->left_out > 0) {
        json_write_int64(&writer, "leftOut", (int64_t)findings->left_out);
    }
    json_end_object(&writer);
    buffer_append_byte(out, '\n');
}

void findings_print_markdown(struct buffer *out)
{
    buffer_append_text(
        out, "# Findings of `ringback doctor`\n\n"
             "Made by `ringback doctor --explain`; do not edit. Each finding says what was seen; "
             "its name, which `--json` has as\n`finding`, says why it matters and what to do. A "
             "problem makes the exit status 1, a warning does not.\n\n"
             "| finding | severity | why | fix |\n|---|---|---|---|\n");
    for (int kind = FOUND_FINE + 1; kind < FINDING_KIND_COUNT; kind++) {
        const struct finding_facts *facts = &all_facts[kind];
        buffer_append_format(out, "| `%s` | %s | %s | %s |\n", facts->name,
                             finding_severity_name(facts->severity), facts->why, facts->fix);
    }
}
