/*
 * The kinds of findings, in the order of docs/findings.md: symbol, name, severity, why it matters,
 * what to do. A name, once released, keeps its meaning. Included by findings.h and findings.c with
 * FINDING_ENUM defined; it has no guard.
 */

/* ---- The process ---------------------------------------------------------------------------- */

FINDING_ENUM(CONFIGURATION, "configuration", PROBLEM, "no command starts with it",
             "correct the setting that is named; docs/configuration.md has all of them")
FINDING_ENUM(NO_KEYS, "no-keys", WARNING,
             "whoever can read the tracker can read SQL, task tokens and addresses",
             "set RINGBACK_KEY_FILE; docs/operations.md, Sealing keys, says how")
FINDING_ENUM(CREDENTIALS, "credentials", PROBLEM, "without them nothing can be asked of AWS",
             "give the process a role, a profile, or AWS_ACCESS_KEY_ID and its secret")
FINDING_ENUM(REGION, "region", PROBLEM, "without it no service of AWS has an address",
             "set AWS_REGION to the region of the database")
FINDING_ENUM(CLOCK, "clock", WARNING,
             "it is corrected for, but timers are late by it and AWS refuses what is signed five "
             "minutes off",
             "let NTP (chrony, systemd-timesyncd) set the clock of this machine")
FINDING_ENUM(SERVICE, "service", PROBLEM, "the commands of this machine go there",
             "look at RINGBACK_URL, at the service's log and at its /readyz")

/* ---- Asking AWS ----------------------------------------------------------------------------- */

FINDING_ENUM(NOT_ALLOWED, "not-allowed", PROBLEM,
             "it is among the permissions that ringback itself needs",
             "allow the action that is named; docs/operations.md, IAM, has the whole policy")
FINDING_ENUM(NOT_ANSWERED, "not-answered", PROBLEM, "ringback itself needs this answer",
             "the text says what came instead: an address, a name, the network, or AWS itself")
FINDING_ENUM(
    NOT_LOOKED_AT, "not-looked-at", WARNING,
    "nothing is known to be wrong; this one check could not be made",
    "allow the action that is named to whoever runs doctor; docs/operations.md, IAM, Doctor")

/* ---- Tracker -------------------------------------------------------------------------------- */

FINDING_ENUM(TRACKER, "tracker", PROBLEM, "nothing is accepted and nothing is told without it",
             "look at RINGBACK_TRACKER_URL and at the store; docs/operations.md, Tracker")
FINDING_ENUM(TRACKER_WEAK, "tracker-weak", WARNING,
             "the promises hold as long as the tracker keeps what it has acknowledged",
             "set what is named as it is needed; docs/operations.md, Tracker, says what that means")
FINDING_ENUM(RECORDS, "records", PROBLEM, "these invocations stand still until they can be read",
             "put the key that is named back; docs/operations.md, Records that cannot be read")
FINDING_ENUM(FILE_SYSTEM, "file-system", PROBLEM,
             "SQLite's locks do not hold on file systems of a network, and records are lost",
             "move the file to a disk of this machine, or use Redis or DynamoDB")
FINDING_ENUM(FILE_SYSTEM_PASSING, "file-system-passing", WARNING,
             "what is there goes with the machine or the container, open invocations too",
             "put the file on a volume that stays, or use Redis or DynamoDB")
FINDING_ENUM(TABLE, "table", PROBLEM, "the tracker cannot work on such a table",
             "ringback doctor --create-table makes one; --print-table shows how it has to be")
FINDING_ENUM(TABLE_WEAK, "table-weak", WARNING, "the tracker works, but not as it could",
             "turn expiry by `ttl` on and choose on-demand capacity: docs/operations.md, "
             "The DynamoDB table")
FINDING_ENUM(TABLE_BACKUPS, "table-backups", WARNING,
             "a table deleted or damaged by mistake cannot be had back",
             "turn point-in-time recovery on: aws dynamodb update-continuous-backups")

/* ---- Queues --------------------------------------------------------------------------------- */

FINDING_ENUM(QUEUE_UNSET, "queue-unset", WARNING,
             "every ending waits for the sweep, RINGBACK_OVERDUE_SECONDS and more",
             "set RINGBACK_EVENT_QUEUE_URL; docs/operations.md, The rule and its queue")
FINDING_ENUM(QUEUE_VISIBILITY, "queue-visibility", WARNING,
             "daemons ask for 120 s themselves, any other reader of the queue gets this",
             "set VisibilityTimeout to 120 or more, for a Lambda function to six times its timeout "
             "(--function-timeout)")
FINDING_ENUM(QUEUE_VISIBILITY_LAMBDA, "queue-visibility-lambda", PROBLEM,
             "messages come again while the function still works on them, or has been throttled",
             "set VisibilityTimeout to six times the function's timeout")
FINDING_ENUM(QUEUE_RETENTION, "queue-retention", WARNING,
             "what waits there for longer, while everything is down, is lost",
             "set MessageRetentionPeriod to 1209600, which is 14 days")
FINDING_ENUM(QUEUE_RECEIVES, "queue-receives", WARNING,
             "a tracker that is away for a while costs receipts, and good messages are moved away",
             "set maxReceiveCount of the RedrivePolicy to 20 or more, or take the policy off")
FINDING_ENUM(QUEUE_FIFO, "queue-fifo", WARNING,
             "a message that has to wait holds up those behind it", "use a standard queue")
FINDING_ENUM(QUEUE_KEY, "queue-key", PROBLEM,
             "EventBridge cannot use the key that AWS manages, and its events are lost",
             "use SQS-managed encryption, or a key of your own that events.amazonaws.com may use")
FINDING_ENUM(
    QUEUE_POLICY, "queue-policy", PROBLEM,
    "events do not arrive, and every ending waits for the sweep",
    "allow sqs:SendMessage to events.amazonaws.com for the rule's ARN: docs/operations.md, "
    "The rule and its queue")
FINDING_ENUM(QUEUE_POLICY_OPEN, "queue-policy-open", WARNING,
             "rules of other accounts, or anybody, can write to the queue",
             "put the rule's ARN into the statement as condition ArnEquals aws:SourceArn")
FINDING_ENUM(QUEUE_POLICY_UNCLEAR, "queue-policy-unclear", WARNING,
             "nothing is known to be wrong; it has words that doctor does not judge",
             "run a statement: its event must arrive (endings_by_sweep_total stands still)")
FINDING_ENUM(DEAD_LETTERS, "dead-letters", WARNING,
             "each is a request or an ending that nobody has handled",
             "ringback redrive --dead-letters URL lists them and hands them in again")
FINDING_ENUM(DEAD_LETTER_QUEUE, "dead-letter-queue", PROBLEM,
             "what is moved there can neither be seen nor handed in again, or is lost",
             "make the queue that is named, or change the policy that names it")

/* ---- The rule ------------------------------------------------------------------------------- */

FINDING_ENUM(RULE_MISSING, "rule-missing", PROBLEM,
             "events do not arrive, and every ending waits for the sweep",
             "make the rule: docs/operations.md, The rule and its queue. Events of a database in "
             "another account come from a rule there")
FINDING_ENUM(RULE_DISABLED, "rule-disabled", PROBLEM,
             "events do not arrive, and every ending waits for the sweep",
             "aws events enable-rule --name NAME")
FINDING_ENUM(RULE_PATTERN, "rule-pattern", PROBLEM, "endings that it leaves out wait for the sweep",
             "use the pattern of docs/operations.md with RINGBACK_STATEMENT_PREFIX, and no states")
FINDING_ENUM(
    RULE_PATTERN_WIDE, "rule-pattern-wide", WARNING,
    "endings of other people's statements are read, and paid for, only to be thrown away",
    "let the pattern ask for detail.statementName with RINGBACK_STATEMENT_PREFIX as prefix")
FINDING_ENUM(RULE_PATTERN_UNCLEAR, "rule-pattern-unclear", WARNING,
             "nothing is known to be wrong; it asks for what doctor does not know",
             "run a statement: its event must arrive (endings_by_sweep_total stands still)")
FINDING_ENUM(RULE_FOREIGN, "rule-foreign", WARNING,
             "its events are no endings; they are parked, or thrown away as foreign",
             "take the queue off that rule's targets; requests belong into the request queue")
FINDING_ENUM(RULE_INPUT, "rule-input", PROBLEM, "what arrives is no event any more, and is parked",
             "take Input, InputPath or InputTransformer off the target")
FINDING_ENUM(RULE_DEAD_LETTERS, "rule-dead-letters", WARNING,
             "an event that EventBridge cannot deliver is lost, and nobody sees why",
             "give the target a DeadLetterConfig with a standard queue of this region")

/* ---- State machines ------------------------------------------------------------------------- */

FINDING_ENUM(MACHINE, "machine", PROBLEM, "it cannot be looked at",
             "give a definition in Amazon States Language, or DescribeStateMachine's answer")
FINDING_ENUM(MACHINE_TIMEOUT, "machine-timeout", PROBLEM,
             "a callback that never comes leaves the execution waiting for a year",
             "set TimeoutSeconds, somewhat above the request's timeoutSeconds")
FINDING_ENUM(MACHINE_TIMEOUT_NONE, "machine-timeout-none", WARNING,
             "each heartbeat makes the task live on, and nothing ends it",
             "set TimeoutSeconds beside HeartbeatSeconds")
FINDING_ENUM(MACHINE_DEADLINE, "machine-deadline", WARNING,
             "the task is over before ringback's deadline, whose TIMED_OUT nobody hears",
             "set timeoutSeconds of the request below TimeoutSeconds")
FINDING_ENUM(MACHINE_TOKEN, "machine-token", PROBLEM,
             "nobody can ring back, and the task waits until its time is over",
             "put \"taskToken.$\": \"$$.Task.Token\" into the request, or with JSONata "
             "\"taskToken\": \"{% $states.context.Task.Token %}\"")
FINDING_ENUM(MACHINE_TOKEN_UNASKED, "machine-token-unasked", PROBLEM,
             "there is a token in the context of a .waitForTaskToken task alone; this one fails",
             "end the resource with .waitForTaskToken, or leave the token out")
FINDING_ENUM(MACHINE_KEY, "machine-key", WARNING,
             "a state that is tried again has a new token, and its SQL runs again",
             "set requestKey to the execution's id with the state's name: "
             "States.Format('{}/{}', $$.Execution.Id, $$.State.Name)")
FINDING_ENUM(MACHINE_KEY_SAME, "machine-key-same", PROBLEM,
             "every execution names the same work, and is told the outcome of the first",
             "let requestKey begin with $$.Execution.Id")
FINDING_ENUM(MACHINE_KEY_MAP, "machine-key-map", PROBLEM,
             "all items of the Map name the same work, and are told the outcome of the first",
             "add $$.Map.Item.Index to requestKey")
FINDING_ENUM(MACHINE_KEY_NEW, "machine-key-new", WARNING,
             "it is another one when the state is tried again, so that the SQL runs again",
             "take out of requestKey what changes: a UUID, the time, RetryCount, the token")
FINDING_ENUM(MACHINE_EXECUTION, "machine-execution", WARNING,
             "an execution that is aborted is not noticed, and LATEST does not work",
             "put \"executionArn.$\": \"$$.Execution.Id\" into the request")
FINDING_ENUM(MACHINE_RETRY, "machine-retry", WARNING,
             "a moment's throttling of the invocation fails the execution",
             "add a Retry for the errors of the service that takes the request: docs/examples")
FINDING_ENUM(MACHINE_RETRY_OUTCOME, "machine-retry-outcome", WARNING,
             "requestKey names one work with one outcome: trying again is told the same at once",
             "name errors of the invocation alone in Retry; let the request's retry repeat the SQL")
FINDING_ENUM(
    MACHINE_HEARTBEAT, "machine-heartbeat", WARNING,
    "heartbeats are never sent unasked: the task dies after HeartbeatSeconds",
    "set heartbeatSeconds in the request; where HeartbeatSeconds is meant as a time budget, "
    "catch States.HeartbeatTimeout or set a shorter timeoutSeconds")
FINDING_ENUM(MACHINE_HEARTBEAT_SLOW, "machine-heartbeat-slow", PROBLEM,
             "every heartbeat comes too late, and the task dies",
             "set heartbeatSeconds to a third of HeartbeatSeconds")
