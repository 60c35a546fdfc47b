/* cmocka.h with the headers that it demands before it, whatever the order of includes. */
#ifndef RINGBACK_TESTS_SUPPORT_CMOCKA_H
#define RINGBACK_TESTS_SUPPORT_CMOCKA_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
