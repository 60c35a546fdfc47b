#include "infra/cli/manual.h"

#include "infra/base/config.h"
#include "infra/cli/usage.h"

/* ---- roff ----------------------------------------------------------------------------------- */

/* Text whose every byte is meant: no request, no escape, no typographic hyphen. */
static void append_escaped(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case '\\': buffer_append_text(out, "\\e"); break;
        case '-': buffer_append_text(out, "\\-"); break;
        case '~': buffer_append_text(out, "\\(ti"); break;
        case '^': buffer_append_text(out, "\\(ha"); break;
        case '\'': buffer_append_text(out, "\\(aq"); break;
        case '`': buffer_append_text(out, "\\(ga"); break;
        default: buffer_append_byte(out, text.data[i]);
        }
    }
}

/* A line of text, which is none of roff's requests whatever it begins with. */
static void append_line(struct buffer *out, struct slice text)
{
    if (slice_starts_with(text, SLICE("."))) {
        buffer_append_text(out, "\\&");
    }
    append_escaped(out, text);
    buffer_append_byte(out, '\n');
}

/* A list's next entry: the term, with what follows its first word in italics. */
static void append_term(struct buffer *out, struct slice term)
{
    const size_t end = slice_find_byte(term, ' ');
    buffer_append_text(out, ".TP\n\\fB");
    append_escaped(out, slice_part(term, 0, end));
    buffer_append_text(out, "\\fR");
    if (end < term.size) {
        buffer_append_text(out, " \\fI");
        append_escaped(out, slice_part(term, end + 1, term.size));
        buffer_append_text(out, "\\fR");
    }
    buffer_append_byte(out, '\n');
}

static void append_head(struct buffer *out, const char *title, const char *section)
{
    buffer_append_format(out,
                         ".\\\" Made by the program from its own tables: `ringback help`.\n"
                         ".TH %s %s \"\" \"ringback %s\" \"ringback\"\n"
                         ".nh\n"
                         ".ad l\n",
                         title, section, RINGBACK_VERSION);
}

/* ---- ringback(1) ---------------------------------------------------------------------------- */

static void append_usage(struct buffer *out, const char *usage)
{
    struct slice rest = slice_from_text(usage);
    struct usage_line line;
    if (usage_next(&rest, &line)) {
        buffer_append_text(out, ".SS ");
        append_line(out, line.text);
    }
    while (usage_next(&rest, &line)) {
        switch (line.kind) {
        case USAGE_BREAK: break;
        case USAGE_FLAG:
            append_term(out, line.flag);
            append_line(out, line.text);
            break;
        case USAGE_PROSE:
        case USAGE_MORE: append_line(out, line.text); break;
        }
    }
}

void manual_print_commands(const struct command *commands, size_t count, struct buffer *out)
{
    append_head(out, "RINGBACK", "1");
    buffer_append_text(out,
                       ".SH NAME\n"
                       "ringback \\- callbacks for SQL on Amazon Redshift\n"
                       ".SH SYNOPSIS\n"
                       "\\fBringback\\fR \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n"
                       ".br\n"
                       "\\fBringback help\\fR [\\fICOMMAND\\fR]\n"
                       ".br\n"
                       "\\fBringback \\-\\-version\\fR\n"
                       ".SH DESCRIPTION\n"
                       "Starts statements on the Amazon Redshift Data API and rings the caller\n"
                       "back when they have ended.\n"
                       ".PP\n"
                       "FLAGS of a command are those listed with it and, but for\n"
                       "\\fBlocal\\fR, those of every setting in\n"
                       ".BR ringback.env (5).\n"
                       ".SH COMMANDS\n");
    for (size_t i = 0; i < count; i++) {
        append_usage(out, commands[i].usage);
    }
    buffer_append_text(out, ".SH FILES\n"
                            ".TP\n"
                            "\\fI/etc/ringback/ringback.env\\fR\n"
                            "The settings of the daemons that systemd starts.\n"
                            ".TP\n"
                            "\\fI/etc/ringback/key\\fR\n"
                            "Their sealing keys, for root alone.\n"
                            ".TP\n"
                            "\\fI/var/lib/ringback/ringback.db\\fR\n"
                            "What they track, unless RINGBACK_TRACKER_URL says otherwise.\n"
                            ".SH SEE ALSO\n"
                            ".BR ringback.env (5),\n"
                            ".BR systemd.service (5)\n");
}

/* ---- ringback.env(5) ------------------------------------------------------------------------ */

static void append_setting(struct buffer *out, const struct config_setting *setting)
{
    CLEANUP(buffer_clear) struct buffer flag;
    buffer_init(&flag, 256);
    config_append_flag(setting->variable, &flag);
    append_term(out, slice_from_text(setting->variable));
    append_line(out, slice_from_text(setting->meaning));
    buffer_append_text(out, ".br\nFlag:\n\\fB");
    append_escaped(out, buffer_slice(&flag));
    buffer_append_text(out, "\\fR.\nValue:\n");
    append_line(out, slice_from_text(setting->rule));
    if (setting->initial != NULL) {
        buffer_append_text(out, ".br\nDefault:\n");
        append_line(out, slice_from_text(setting->initial));
    }
    if (setting->alias != NULL) {
        buffer_append_text(out, ".br\nAlso called:\n");
        append_line(out, slice_from_text(setting->alias));
    }
}

void manual_print_settings(struct buffer *out)
{
    append_head(out, "RINGBACK.ENV", "5");
    buffer_append_text(out,
                       ".SH NAME\n"
                       "ringback.env \\- settings of ringback\n"
                       ".SH DESCRIPTION\n"
                       "Settings come from the environment; a flag of the same name beats it.\n"
                       "\\fI/etc/ringback/ringback.env\\fR holds them, one NAME=VALUE per line,\n"
                       "for the daemons that systemd starts.\n"
                       "An unknown name that begins with RINGBACK_, or an invalid value, stops\n"
                       "the start and is named.\n"
                       "AWS's own variables (AWS_REGION, credentials, AWS_ENDPOINT_URL,\n"
                       "AWS_MAX_ATTEMPTS, AWS_CA_BUNDLE) work as in any SDK.\n"
                       ".SH SETTINGS\n");
    for (size_t i = 0; i < config_setting_count(); i++) {
        const struct config_setting setting = config_setting_at(i);
        append_setting(out, &setting);
    }
    buffer_append_text(out, ".SH SEE ALSO\n"
                            ".BR ringback (1),\n"
                            ".BR systemd.exec (5)\n");
}
