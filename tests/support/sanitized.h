/*
 * Whether a sanitizer watches: it makes a program several times slower, so what is tried in many
 * thousand ways, most of them through the same code, is tried in fewer.
 */
#ifndef RINGBACK_TESTS_SUPPORT_SANITIZED_H
#define RINGBACK_TESTS_SUPPORT_SANITIZED_H

#ifdef __has_feature
#    define SANITIZED_BY_CLANG (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#    define SANITIZED_BY_CLANG 0
#endif

#if SANITIZED_BY_CLANG || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define SANITIZED 1
#else
#    define SANITIZED 0
#endif

#endif
