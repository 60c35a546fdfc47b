/*
 * The manual pages, from the tables that also drive parsing and `ringback help`: ringback(1) from
 * the commands, ringback.env(5) from the configuration. In man(7)'s macros. Pure.
 */
#ifndef RINGBACK_INFRA_CLI_MANUAL_H
#define RINGBACK_INFRA_CLI_MANUAL_H

#include "infra/base/buffer.h"
#include "infra/cli/commands.h"

#include <stddef.h>

void manual_print_commands(const struct command *commands, size_t count, struct buffer *out);
void manual_print_settings(struct buffer *out);

#endif
