#include "infra/cli/completion.h"

#include "infra/base/config.h"
#include "infra/cli/usage.h"

/* ---- Words ---------------------------------------------------------------------------------- */

/* Writes one flag; name begins with "--", meaning is its first line or empty. */
typedef void (*flag_writer)(const struct command *command, struct slice name, struct slice meaning,
                            struct buffer *out);

static void each_own_flag(const struct command *command, flag_writer write, struct buffer *out)
{
    struct slice rest = slice_from_text(command->usage);
    struct usage_line line;
    while (usage_next(&rest, &line)) {
        if (line.kind == USAGE_FLAG) {
            write(command, usage_flag_name(line.flag), line.text, out);
        }
    }
}

static void each_setting(const struct command *command, flag_writer write, struct buffer *out)
{
    CLEANUP(buffer_clear) struct buffer flag;
    buffer_init(&flag, 256);
    for (size_t i = 0; command->configured && i < config_setting_count(); i++) {
        const struct config_setting setting = config_setting_at(i);
        buffer_reset(&flag);
        config_append_flag(setting.variable, &flag);
        write(command, buffer_slice(&flag), slice_from_text(setting.meaning), out);
    }
}

static void write_name(const struct command *command, struct slice name, struct slice meaning,
                       struct buffer *out)
{
    (void)command;
    (void)meaning;
    buffer_append_byte(out, ' ');
    buffer_append(out, name);
}

static void append_flags(const struct command *command, struct buffer *out)
{
    each_own_flag(command, write_name, out);
    each_setting(command, write_name, out);
}

static void append_names(const struct command *commands, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(out, "%s ", commands[i].name);
    }
    buffer_append_text(out, "help");
}

/* Between single quotes, in any of the shells. */
static void append_quoted(struct slice text, struct buffer *out)
{
    buffer_append_byte(out, '\'');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\'') {
            buffer_append_text(out, "'\\''");
        } else {
            buffer_append_byte(out, text.data[i]);
        }
    }
    buffer_append_byte(out, '\'');
}

/* ---- Shells --------------------------------------------------------------------------------- */

/* Where a flag takes a file, and where nothing fits, bash goes on with files. */
void completion_print_bash(const struct command *commands, size_t count, struct buffer *out)
{
    buffer_append_text(out, "# Completion of ringback for bash, made by `ringback help --bash`.\n"
                            "_ringback() {\n"
                            "    local words=\n"
                            "    if ((COMP_CWORD == 1)); then\n"
                            "        words='");
    append_names(commands, count, out);
    buffer_append_text(out, " --version'\n"
                            "    else\n"
                            "        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(out, "            %s) words='", commands[i].name);
        append_flags(&commands[i], out);
        buffer_append_text(out, "' ;;\n");
    }
    buffer_append_text(out, "            help) words='");
    append_names(commands, count, out);
    buffer_append_text(out, "' ;;\n"
                            "        esac\n"
                            "    fi\n"
                            "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
                            "\"${COMP_WORDS[COMP_CWORD]}\")\n"
                            "}\n"
                            "complete -o default -F _ringback ringback\n");
}

void completion_print_zsh(const struct command *commands, size_t count, struct buffer *out)
{
    buffer_append_text(out, "#compdef ringback\n"
                            "# Completion of ringback for zsh, made by `ringback help --zsh`.\n"
                            "local -a commands flags\n"
                            "commands=(\n");
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(out, "    %s:", commands[i].name);
        append_quoted(slice_from_text(commands[i].summary), out);
        buffer_append_byte(out, '\n');
    }
    buffer_append_text(out, "    help:'what a command takes'\n"
                            ")\n"
                            "if ((CURRENT == 2)); then\n"
                            "    _describe command commands\n"
                            "    return\n"
                            "fi\n"
                            "case $words[2] in\n");
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(out, "    %s) flags=(", commands[i].name);
        append_flags(&commands[i], out);
        buffer_append_text(out, ") ;;\n");
    }
    buffer_append_text(out, "    help) _describe command commands; return ;;\n"
                            "esac\n"
                            "compadd -- $flags\n"
                            "_files\n");
}

static void write_fish(const struct command *command, struct slice name, struct slice meaning,
                       struct buffer *out)
{
    buffer_append_format(out,
                         "complete -c ringback -n '__fish_seen_subcommand_from %s' -l %.*s -d ",
                         command->name, SLICE_PRINT(slice_part(name, 2, name.size)));
    append_quoted(meaning, out);
    buffer_append_byte(out, '\n');
}

void completion_print_fish(const struct command *commands, size_t count, struct buffer *out)
{
    buffer_append_text(out, "# Completion of ringback for fish, made by `ringback help --fish`.\n");
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(out, "complete -c ringback -f -n __fish_use_subcommand -a %s -d ",
                             commands[i].name);
        append_quoted(slice_from_text(commands[i].summary), out);
        buffer_append_byte(out, '\n');
        each_own_flag(&commands[i], write_fish, out);
        each_setting(&commands[i], write_fish, out);
    }
    buffer_append_text(out, "complete -c ringback -f -n __fish_use_subcommand -a help -d "
                            "'what a command takes'\n"
                            "complete -c ringback -f -n '__fish_seen_subcommand_from help' -a '");
    append_names(commands, count, out);
    buffer_append_text(out, "'\n");
}
