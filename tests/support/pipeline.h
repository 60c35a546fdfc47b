/*
 * One worker of ringback in a test: arena, fake clock, seeded randomness, a real AWS client against
 * tests/support/cloud, a real SQLite tracker and a dispatch on top, with invoker and completer.
 */
#ifndef RINGBACK_TESTS_SUPPORT_PIPELINE_H
#define RINGBACK_TESTS_SUPPORT_PIPELINE_H

#include "completer/completer.h"
#include "invoker/admission.h"
#include "invoker/invoker.h"
#include "tests/support/cloud.h"

#define PIPELINE_NOW 1795178096000 /* 2026-11-20T12:34:56Z */

struct pipeline {
    struct cloud *cloud;
    struct arena *arena; /* the test's own; nothing resets it */
    struct clock_fake clock;
    struct random_seeded random;
    char *environment[8];
    struct credentials_provider *provider;
    struct pace *pace; /* NULL, as the admission, unless pipeline_pace was called */
    struct admission *admission;
    struct tracker *tracker; /* a tracker_faulty around SQLite */
    struct seal_keys *keys;
    struct record_seal seal;
    struct lifecycle_policy policy;
    struct plan_settings settings;
    struct dispatch dispatch; /* equipped by completer_equip; a test may take handlers away */
    struct invoker invoker;
    struct invoker_item item; /* of the last pipeline_post */
};

/* url: of the tracker; NULL: sqlite::memory:. AWS calls are sent once (AWS_MAX_ATTEMPTS=1). */
void pipeline_open(struct pipeline *pipeline, const char *url);
/* The same on any tracker. */
void pipeline_open_on(struct pipeline *pipeline, const struct tracker_options *options);
void pipeline_close(struct pipeline *pipeline);
/* From here on AWS's rates are kept to, and statements are admitted in turn. */
void pipeline_pace(struct pipeline *pipeline);
/* Uses up what may be sent of an operation without waiting, and the slots of the next most_ms. */
void pipeline_use_up(struct pipeline *pipeline, enum pace_operation operation, int64_t most_ms);

/* One synchronous request; returns the HTTP status, the reply is item.reply. */
int pipeline_post(struct pipeline *pipeline, const char *body);
/* One asynchronous request with a message id; returns whether it is acknowledged. */
bool pipeline_enqueue(struct pipeline *pipeline, const char *message_id, const char *body);
/* One completion event; returns whether it is acknowledged. */
bool pipeline_event(struct pipeline *pipeline, const char *name, const char *state);
/* The clock moves, then one sweep; returns how many records it claimed. Fails the test when the
 * tracker does. */
size_t pipeline_sweep(struct pipeline *pipeline, int64_t advance_ms);
/* Sweeps with the clock moving to each next due time until every record is settled; fails the test
 * when that takes more than 500 sweeps. Sweeps that the tracker fails are tried again. */
void pipeline_settle(struct pipeline *pipeline);

/* The record of this id; fails the test when there is none. In the test's arena. */
struct record pipeline_record(struct pipeline *pipeline, const char *id);
bool pipeline_has_record(struct pipeline *pipeline, const char *id);
size_t pipeline_parked(struct pipeline *pipeline);
/* Reason of the oldest parked message. */
const char *pipeline_parked_reason(struct pipeline *pipeline);
/* Id of an invocation with this kind and source, and the name of one of its statements. */
const char *pipeline_id(struct pipeline *pipeline, const char *kind, const char *source);
const char *pipeline_name(struct pipeline *pipeline, const char *id, unsigned step,
                          unsigned attempt);
/* A text member of a JSON text; "" when there is none. */
const char *pipeline_text(struct pipeline *pipeline, struct slice json, const char *name);
bool slice_has(struct slice bytes, const char *text);

#endif
