/* What an answer of AWS, or none, says about permissions. Pure. */
#ifndef RINGBACK_INFRA_DOCTOR_ANSWER_H
#define RINGBACK_INFRA_DOCTOR_ANSWER_H

#include "infra/aws/client.h"
#include "infra/doctor/findings.h"

enum answer_need {
    ANSWER_FOR_SERVICE, /* ringback makes this call itself, or cannot work without what it is about
                         */
    ANSWER_FOR_DOCTOR,  /* only this check needs it */
};

/* True: it was answered. False: a finding names the IAM action that is missing, or says what came
 * instead of an answer. */
bool answer_judge(struct findings *findings, const char *subject, const struct aws_call *call,
                  enum answer_need need);

#endif
