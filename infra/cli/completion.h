/*
 * What shells complete after "ringback": commands, their own flags and the settings' flags, from
 * the same tables as `ringback help`. Pure.
 */
#ifndef RINGBACK_INFRA_CLI_COMPLETION_H
#define RINGBACK_INFRA_CLI_COMPLETION_H

#include "infra/base/buffer.h"
#include "infra/cli/commands.h"

#include <stddef.h>

void completion_print_bash(const struct command *commands, size_t count, struct buffer *out);
void completion_print_zsh(const struct command *commands, size_t count, struct buffer *out);
void completion_print_fish(const struct command *commands, size_t count, struct buffer *out);

#endif
