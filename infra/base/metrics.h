/*
 * Counters, one list for all of them: name and help become the Prometheus text of /metrics. Atomic;
 * shared by all threads.
 */
#ifndef RINGBACK_INFRA_BASE_METRICS_H
#define RINGBACK_INFRA_BASE_METRICS_H

#include "infra/base/buffer.h"

#include <stdint.h>

/* X(symbol, prometheus name without "ringback_", help) */
#define METRICS_LIST(X)                                                                            \
    X(REQUESTS_ACCEPTED, "requests_accepted_total", "Requests registered as new invocations")      \
    X(REQUESTS_REPEATED, "requests_repeated_total", "Repeats of requests already registered")      \
    X(REQUESTS_REFUSED, "requests_refused_total", "Requests refused by rule")                      \
    X(STATEMENTS_SUBMITTED, "statements_submitted_total", "Submit calls answered with an Id")      \
    X(SUBMITS_REFUSED, "submits_refused_total", "Submit calls refused by the Data API")            \
    X(SUBMITS_QUEUED, "submits_queued_total", "Submissions put off until there is capacity")       \
    X(TARGETS_FULL, "targets_full_total", "Submit calls refused since their target was full")      \
    X(SUBMITS_IN_DOUBT, "submits_in_doubt_total", "Submit calls whose fate was unknown")           \
    X(STATEMENTS_CANCELLED, "statements_cancelled_total", "Cancel calls accepted")                 \
    X(EVENTS_RECEIVED, "events_received_total", "Messages taken from the event queue")             \
    X(EVENTS_APPLIED, "events_applied_total", "Completion events that ended an attempt")           \
    X(EVENTS_STALE, "events_stale_total", "Events for an attempt that had ended already")          \
    X(EVENTS_FOREIGN, "events_foreign_total", "Events of other people's statements")               \
    X(EXECUTIONS_OVER, "executions_over_total", "Executions that ended without success")           \
    X(CALLERS_GONE, "callers_gone_total", "Invocations cancelled since their execution is over")   \
    X(EVENTS_PARKED, "events_parked_total", "Messages parked with a reason")                       \
    X(ENDINGS_BY_SWEEP, "endings_by_sweep_total", "Endings learned by the sweep")                  \
    X(OUTCOMES_FINISHED, "outcomes_finished_total", "Invocations that ended FINISHED")             \
    X(OUTCOMES_FAILED, "outcomes_failed_total", "Invocations that ended FAILED")                   \
    X(OUTCOMES_ABORTED, "outcomes_aborted_total", "Invocations that ended ABORTED")                \
    X(OUTCOMES_TIMED_OUT, "outcomes_timed_out_total", "Invocations that ended TIMED_OUT")          \
    X(OUTCOMES_REJECTED, "outcomes_rejected_total", "Invocations that ended REJECTED")             \
    X(OUTCOMES_EXPIRED, "outcomes_expired_total", "Invocations that ended EXPIRED")                \
    X(CALLBACKS_DELIVERED, "callbacks_delivered_total", "Callbacks the other side took")           \
    X(CALLBACKS_CLOSED, "callbacks_closed_total", "Callbacks whose other side was closed already") \
    X(CALLBACKS_UNDELIVERABLE, "callbacks_undeliverable_total", "Callbacks nobody can take")       \
    X(CALLBACKS_RETRIED, "callbacks_retried_total", "Callback attempts to be repeated")            \
    X(TRACKER_READS, "tracker_reads_total", "Records looked up in the tracker")                    \
    X(TRACKER_WRITES, "tracker_writes_total", "Records registered, updated or claimed")            \
    X(TRACKER_CONFLICTS, "tracker_conflicts_total", "Lost compare-and-sets")                       \
    X(TRACKER_ERRORS, "tracker_errors_total", "Tracker operations that failed")                    \
    X(AWS_CALLS, "aws_calls_total", "AWS calls sent, retries included")                            \
    X(AWS_RETRIES, "aws_retries_total", "AWS calls sent again")                                    \
    X(AWS_PACED, "aws_paced_total", "AWS calls that waited for a token of their rate")             \
    X(AWS_HELD_BACK, "aws_held_back_total", "AWS calls not sent since their rate was used up")     \
    X(AWS_THROTTLED, "aws_throttled_total", "AWS answers that said throttled")                     \
    X(DYNAMODB_READ_MILLIUNITS, "dynamodb_read_milliunits_total",                                  \
      "Thousandths of read units that DynamoDB charged the tracker")                               \
    X(DYNAMODB_WRITE_MILLIUNITS, "dynamodb_write_milliunits_total",                                \
      "Thousandths of write units that DynamoDB charged the tracker")                              \
    X(CLOCK_SKEWED, "clock_skewed_total", "AWS answers whose Date was over 5 s off")               \
    X(SWEEPS, "sweeps_total", "Passes over what is due")                                           \
    X(SWEEP_CLAIMED, "sweep_claimed_total", "Records claimed by the sweep")                        \
    X(SWEEP_CLAIMS_LOST, "sweep_claims_lost_total", "Due records that another sweep was first at") \
    X(SWEEP_TAKEN_OVER, "sweep_taken_over_total",                                                  \
      "Submits and callbacks that somebody has not finished within the lease")                     \
    X(RECORDS_UNREADABLE, "records_unreadable_total", "Records set aside: no key, or damaged")

enum metric {
#define METRICS_ENUM(symbol, name, help) METRIC_##symbol,
    METRICS_LIST(METRICS_ENUM)
#undef METRICS_ENUM
        METRIC_COUNT
};

void metrics_add(enum metric metric, uint64_t count);
uint64_t metrics_value(enum metric metric);
/* Appends all of them in the Prometheus text format 0.0.4. */
void metrics_print(struct buffer *out);

#endif
