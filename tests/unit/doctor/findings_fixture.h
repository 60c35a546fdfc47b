/* A list of findings, and what is in it. */
#ifndef RINGBACK_TESTS_UNIT_DOCTOR_FINDINGS_FIXTURE_H
#define RINGBACK_TESTS_UNIT_DOCTOR_FINDINGS_FIXTURE_H

#include "infra/doctor/findings.h"

struct findings_fixture {
    struct arena *arena;
    struct findings findings;
};

int findings_set_up(void **state);
int findings_tear_down(void **state);
/* Forgets what was found. */
void findings_forget(struct findings_fixture *fixture);
/* Names of the kinds found, separated by blanks; "" when all is fine. */
const char *findings_names(const struct findings_fixture *fixture);
/* Fails unless these kinds, and no other, were found. context: what is said on failure. */
void assert_found(const struct findings_fixture *fixture, const char *names, const char *context);
/* Fails unless a finding's text has this part. */
void assert_said(const struct findings_fixture *fixture, const char *part);

#endif
