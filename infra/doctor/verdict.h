/*
 * Judging what others wrote, where the answer may be that it cannot be told: three values, and the
 * one kind of pattern that EventBridge and IAM have in common.
 */
#ifndef RINGBACK_INFRA_DOCTOR_VERDICT_H
#define RINGBACK_INFRA_DOCTOR_VERDICT_H

#include "infra/base/slice.h"

/* In this order: "all of" is the least of them, "any of" the greatest. */
enum verdict { VERDICT_NO, VERDICT_UNKNOWN, VERDICT_YES };

enum verdict verdict_all(enum verdict a, enum verdict b);
enum verdict verdict_any(enum verdict a, enum verdict b);
enum verdict verdict_not(enum verdict a);
enum verdict verdict_of(bool fits);

/* What a pattern means beside its letters. */
struct glob_style {
    bool question_mark; /* stands for one byte (IAM) */
    bool backslash;     /* takes the meaning of what follows (EventBridge) */
    bool ignore_case;   /* of ASCII letters */
};

/* '*' stands for any bytes. Linear in both for each star: no pattern runs away. */
bool glob_fits(struct slice pattern, struct slice text, struct glob_style style);

#endif
