// What tests/faults/aborted_callers.sh says.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Daemon, StandIn, check, ends, exitStatus, none, post, sleep, sqs, until } from '../support/stack.mjs';
import { newTracker } from '../support/tracker.mjs';

const SWEEP_SECONDS = 1;
const PACE_SECONDS = 3; // the least that is taken: three sweep intervals
const LEAVING = 40;
const STAYING = 5; // of each kind whose statement runs on
const EXECUTIONS = 5; // that are aborted, each with so many statements under way
const BRANCHES = 4;
const SLACK_MS = 2000; // for the work itself, on a machine that does other things too
const PATIENCE_SECONDS = 60;

let standIn;
let daemon;

// Callers whose statements run until they are cancelled; each {n, id, task, how}.
async function call(count, how, extra) {
    const callers = [];
    for (let n = 0; n < count; n++) {
        const { n: task, taskToken } = (await standIn.control('POST', 'tasks', {})).body;
        const key = extra.requestKey ? { requestKey: `${extra.requestKey} ${n}` } : {};
        const id = await post(daemon, { sqlStatement: 'select pg_sleep(3600)', heartbeatSeconds: PACE_SECONDS, taskToken,
            ...extra, ...key });
        callers.push({ n, id, task, how });
    }
    return callers;
}

async function statusOf(id) {
    const { statements } = (await standIn.control('GET', 'statements')).body;
    return statements.filter(({ name }) => name.split('/')[1] === id).map(({ status }) => status).join();
}

const invocation = async (id) => (await fetch(`${daemon.address()}/invocations/${id}`)).json();

// Leaves, and resolves to how long the statement ran on, in milliseconds.
async function leave(caller) {
    await standIn.control('DELETE', `tasks/${caller.task}`);
    const left = Date.now();
    await until(async () => await statusOf(caller.id) === 'ABORTED', PATIENCE_SECONDS);
    return Date.now() - left;
}

// Leaves, and waits until ringback knows it: heartbeats are refused, so the first has been dealt with.
async function leaveKnown({ task }) {
    await standIn.control('DELETE', `tasks/${task}`);
    await until(async () => (await standIn.control('GET', `tasks?n=${task}`)).body.tasks[0].refused > 1, PATIENCE_SECONDS);
}

const arnOf = (n) => `arn:aws:states:us-east-1:000000000000:execution:nightly:${n}`;

// The status event of an execution, put where its rule would put it.
async function abortExecution(n) {
    const MessageBody = JSON.stringify({ version: '0', id: `execution-${n}`, source: 'aws.states', account: '000000000000',
        'detail-type': 'Step Functions Execution Status Change', region: 'us-east-1', resources: [arnOf(n)],
        detail: { executionArn: arnOf(n), stateMachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:nightly',
            name: String(n), status: 'ABORTED', startDate: Date.now() - 60000, stopDate: Date.now() } });
    await sqs(standIn, 'SendMessage', { QueueUrl: standIn.environment.RINGBACK_EVENT_QUEUE_URL, MessageBody });
}

// Aborts an execution as Step Functions does, and resolves to how long its last statement ran on.
async function leaveTogether(n, callers) {
    await Promise.all(callers.map(({ task }) => standIn.control('DELETE', `tasks/${task}`)));
    const left = Date.now();
    await abortExecution(n);
    await until(async () => (await Promise.all(callers.map(({ id }) => statusOf(id)))).every((status) => status === 'ABORTED'),
        PATIENCE_SECONDS);
    return Date.now() - left;
}

// At moments spread over one pace, so that every part of it is met.
const spread = (callers, act) => Promise.all(callers.map(async (caller, i) => {
    await sleep(PACE_SECONDS * 1000 * (i / callers.length));
    return act(caller);
}));

const folder = await mkdtemp(path.join(os.tmpdir(), 'ringback-aborted-'));
standIn = await StandIn.start();
ends(standIn.child);
daemon = new Daemon('serve', { ...standIn.environment, ...await newTracker(standIn.environment, folder),
    RINGBACK_SWEEP_SECONDS: String(SWEEP_SECONDS) }, `${folder}/serve.log`);
await until(() => daemon.address('admin'));
const leaving = await call(LEAVING, 'leaves', {});
const kept = [...await call(STAYING, 'keepRunning', { keepRunning: true }),
    ...await call(STAYING, 'requestKey', { requestKey: 'work' })];
const executions = [];
for (let n = 0; n < EXECUTIONS; n++) {
    executions.push(await call(BRANCHES, 'execution', { heartbeatSeconds: undefined, executionArn: arnOf(n),
        requestKey: `execution ${n}` }));
}
const untouched = [...await call(1, 'another execution', { heartbeatSeconds: undefined, executionArn: arnOf('other') }),
    ...await call(1, 'keepRunning in an execution', { heartbeatSeconds: undefined, executionArn: arnOf(0), keepRunning: true })];
const everybody = [...leaving, ...kept, ...executions.flat(), ...untouched];
await until(async () => (await Promise.all(everybody.map(({ id }) => statusOf(id))))
    .every((status) => status === 'STARTED'));

const [times] = await Promise.all([spread(leaving, leave), spread(kept, leaveKnown)]);
times.sort((a, b) => a - b);
const longest = times.at(-1);
console.log(`    ${LEAVING} callers left: cancelled after p50 ${times[LEAVING / 2]} ms, max ${longest} ms ` +
    `(pace ${PACE_SECONDS} s, sweep ${SWEEP_SECONDS} s)`);
check('a statement that nobody waits for is cancelled within one pace and one sweep',
    longest <= (PACE_SECONDS + SWEEP_SECONDS) * 1000 + SLACK_MS, `${longest} ms`);
const cancelled = await standIn.calls('CancelStatement');
check('each is cancelled once', cancelled === LEAVING, cancelled);

const together = (await Promise.all(executions.map((callers, n) => leaveTogether(n, callers)))).sort((a, b) => a - b);
console.log(`    ${EXECUTIONS} executions of ${BRANCHES} statements were aborted: all cancelled after ` +
    `p50 ${together[Math.floor(EXECUTIONS / 2)]} ms, max ${together.at(-1)} ms`);
check('what an aborted execution has handed over is cancelled at once', together.at(-1) <= SLACK_MS, `${together.at(-1)} ms`);
const again = await standIn.calls('CancelStatement') - cancelled;
check('each of them is cancelled once', again === EXECUTIONS * BRANCHES, again);
const disturbed = await Promise.all(untouched.map(async (caller) => ({ ...caller, status: await statusOf(caller.id) })));
none('others run on', disturbed.filter(({ status }) => status !== 'STARTED'));

const waiting = new Set(untouched.map(({ task }) => task));
const told = (await standIn.control('GET', 'tasks')).body.tasks;
none('nobody who left is told', told.filter(({ n, state, accepted }) => !waiting.has(n) && (state !== 'ABORTED' || accepted !== 0)));
for (const how of ['keepRunning', 'requestKey']) {
    const stopped = [];
    for (const caller of kept.filter((one) => one.how === how)) {
        const status = await statusOf(caller.id);
        stopped.push(...(status === 'STARTED' ? [] : [{ ...caller, status }]));
    }
    none(`with ${how} the statement runs on`, stopped);
}
// Of the token nothing more is wanted, so that this is settled too, a moment later.
const isSettled = ({ Statement, Outcome, Callback }) => Statement === 'ended' && Outcome === 'ABORTED' && Callback === 'closed';
const settled = await until(async () => (await Promise.all(leaving.map(({ id }) => invocation(id)))).every(isSettled),
    PATIENCE_SECONDS).catch(() => false);
check('what was cancelled is ABORTED and settled', settled);
await daemon.stop();
await standIn.stop();
none('nothing ended by itself', daemon.accidents);
await rm(folder, { recursive: true });
process.exit(exitStatus());
