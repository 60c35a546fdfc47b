// What tests/bench/throughput.sh says. One set-up after the other, each with a stand-in, a Redis and daemons
// of its own; the requests wait in the request queue before the daemons start, so that nothing that makes
// requests is in the way.
import { randomBytes } from 'node:crypto';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { trackers } from '../faults/chaos/trackers.mjs';
import { Daemon, StandIn, check, ends, exitStatus, none, post, query, queueIsEmpty, run, sqs, until } from '../support/stack.mjs';

const { values: flags } = parseArgs({ options: {
    invocations: { type: 'string', default: '3000' }, tracker: { type: 'string', default: 'redis' },
    setups: { type: 'string', default: '1+1,2+4' }, 'event-delay-ms': { type: 'string', default: '300-600' },
    check: { type: 'boolean', default: false } } }); // check: half of the requests come over HTTP
const INVOCATIONS = Number(flags.invocations);
const PATIENCE_SECONDS = 300;
const SEND_AT_ONCE = 10; // SendMessageBatch
const TICKS_PER_SECOND = 100; // USER_HZ of Linux

const sum = (list) => list.reduce((total, item) => total + item, 0);

async function cpuSeconds(pid) {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

// ---- One set-up ----

async function makeRequests(standIn) {
    const requests = [];
    for (let n = 0; n < INVOCATIONS; n++) {
        const { taskToken } = (await standIn.control('POST', 'tasks', {})).body;
        requests.push({ sqlStatement: `insert into marks values (${n})`, taskToken,
            executionArn: `arn:aws:states:us-east-1:000000000000:execution:nightly:${Math.floor(n / 5)}` });
    }
    return requests;
}

async function enqueue(standIn, requests) {
    const QueueUrl = standIn.environment.RINGBACK_REQUEST_QUEUE_URL;
    for (let at = 0; at < requests.length; at += SEND_AT_ONCE) {
        const Entries = requests.slice(at, at + SEND_AT_ONCE)
            .map((request, i) => ({ Id: String(i), MessageBody: JSON.stringify(request) }));
        await sqs(standIn, 'SendMessageBatch', { QueueUrl, Entries });
    }
}

const callsOf = async (standIn) => (await standIn.control('GET', 'calls')).body.calls;

async function start(name, folder, before) {
    const standIn = await StandIn.start('--engine', `sqlite:${folder}/warehouse.db`,
        '--faults', `delay-events-ms=${flags['event-delay-ms']}`);
    ends(standIn.child);
    await query(standIn, 'create table marks (n integer)');
    await mkdir(`${folder}/tracker`);
    const tracker = await trackers[flags.tracker](`${folder}/tracker`, standIn.environment);
    await writeFile(`${folder}/keys`, `bench:${randomBytes(32).toString('base64')}\n`);
    const environment = { ...standIn.environment, ...tracker.environment, RINGBACK_TRACKER_URL: tracker.url,
        RINGBACK_KEY_FILE: `${folder}/keys`, RINGBACK_SWEEP_SECONDS: '1' };
    const requests = await makeRequests(standIn);
    await before(standIn, requests);
    const callsBefore = await callsOf(standIn);
    const began = process.hrtime.bigint();
    const [invokers, completers] = name.split('+').map(Number);
    const daemons = [...Array(invokers).fill('invoker'), ...Array(completers).fill('completer')]
        .map((command, i) => new Daemon(command, environment, `${folder}/${command}${i}.log`));
    await until(() => daemons.every((daemon) => daemon.address('admin')));
    return { name, folder, standIn, tracker, environment, daemons, requests, callsBefore, began };
}

const metric = async (stack, name) => sum(await Promise.all(stack.daemons.map((daemon) => daemon.metric(name))));

async function settle(stack) {
    await until(async () => await metric(stack, 'callbacks_delivered_total') >= INVOCATIONS, PATIENCE_SECONDS);
    stack.seconds = Number(process.hrtime.bigint() - stack.began) / 1e9;
    const { RINGBACK_EVENT_QUEUE_URL, RINGBACK_REQUEST_QUEUE_URL } = stack.standIn.environment;
    for (const queue of [RINGBACK_EVENT_QUEUE_URL, RINGBACK_REQUEST_QUEUE_URL]) {
        await until(() => queueIsEmpty(stack.standIn, queue), PATIENCE_SECONDS);
    }
}

// What can be counted once all is quiet.
const METRICS = ['requests_accepted_total', 'statements_submitted_total', 'tracker_conflicts_total', 'tracker_reads_total',
    'tracker_writes_total', 'sweeps_total',
    'sweep_claimed_total', 'sweep_claims_lost_total', 'sweep_taken_over_total', 'events_received_total',
    'events_stale_total', 'endings_by_sweep_total', 'callbacks_delivered_total', 'callbacks_retried_total',
    'callbacks_closed_total', 'aws_calls_total', 'aws_retries_total', 'submits_in_doubt_total'];

async function collect(stack) {
    const get = async (noun) => (await stack.standIn.control('GET', noun)).body;
    const seen = { calls: await callsOf(stack.standIn), tasks: (await get('tasks')).tasks };
    Object.keys(seen.calls).forEach((name) => { seen.calls[name] -= stack.callsBefore[name] ?? 0; });
    seen.statements = (await get('statements')).statements.filter(({ name }) => name?.startsWith('ringback/'));
    seen.marks = await query(stack.standIn, 'select n, count(*) from marks group by n');
    for (const name of METRICS) {
        seen[name.replace(/_total$/, '')] = await metric(stack, name);
    }
    seen.open = JSON.parse((await run(['list', '--open', '--json'], stack.environment)).stdout).Invocations;
    const processes = [...stack.daemons.map(({ command, child }) => [command, child.pid]),
        ['stand-in', stack.standIn.child.pid], ...(stack.tracker.pid ? [['redis-server', stack.tracker.pid()]] : [])];
    seen.cpu = {};
    for (const [name, pid] of processes) {
        (seen.cpu[name] ??= []).push(await cpuSeconds(pid));
    }
    return seen;
}

async function stop(stack) {
    await Promise.all(stack.daemons.map((daemon) => daemon.stop()));
    await stack.tracker.stop();
    await stack.standIn.stop();
}

// ---- What is printed, what must be so ----

function print(stack, seen) {
    const each = (count) => (count / INVOCATIONS).toFixed(3);
    const calls = (name) => seen.calls[name] ?? 0;
    const ownCpu = sum(['invoker', 'completer'].flatMap((command) => seen.cpu[command]));
    const lines = {
        'throughput': `${INVOCATIONS} invocations in ${stack.seconds.toFixed(1)} s: ${(INVOCATIONS / stack.seconds).toFixed(0)}/s`,
        'CPU': Object.entries(seen.cpu).map(([name, list]) => `${name} ${list.map((s) => s.toFixed(2)).join(' + ')} s`).join(', '),
        'CPU for each': `${(1000 * ownCpu / INVOCATIONS).toFixed(2)} ms of ringback's` + (stack.tracker.pid
            ? `, ${(1000 * seen.cpu['redis-server'][0] / INVOCATIONS).toFixed(2)} ms of Redis` : ''),
        'calls for each': `ExecuteStatement ${each(calls('ExecuteStatement'))}, SendTaskSuccess ${each(calls('SendTaskSuccess'))}, ` +
            `DescribeStatement ${each(calls('DescribeStatement'))}, ReceiveMessage ${each(calls('ReceiveMessage'))}, ` +
            `DeleteMessageBatch ${each(calls('DeleteMessageBatch') + calls('DeleteMessage'))}`,
        'ran twice': `${seen.statements.filter(({ runs }) => runs > 1).length} statement names, ` +
            `${seen.marks.filter(([, count]) => count > 1).length} effects`,
        'records for each': `${each(seen.tracker_reads)} read, ${each(seen.tracker_writes)} written`,
        'compare-and-sets': `${seen.tracker_conflicts} lost, ${each(seen.tracker_conflicts)} for each`,
        'sweep': `${seen.sweeps} passes, ${seen.sweep_claimed} claims won, ${seen.sweep_claims_lost} lost, ` +
            `${seen.sweep_taken_over} leases expired, ${seen.endings_by_sweep} endings`,
        'events': `${seen.events_received} received, ${seen.events_stale} stale`,
    };
    console.log(`${stack.name.replace('+', ' invokers, ')} completers:`);
    Object.entries(lines).forEach(([name, line]) => console.log(`    ${name.padEnd(20)}${line}`));
}

function judge(stack, seen) {
    const name = (text) => `${stack.name}: ${text}`;
    const calls = (operation) => seen.calls[operation] ?? 0;
    none(name('every callback was taken once'), seen.tasks.filter(({ accepted, state }) => accepted !== 1 || state !== 'SUCCEEDED'));
    none(name('no callback was refused'), seen.tasks.filter(({ refused }) => refused > 0));
    none(name('no statement name ran twice'), seen.statements.filter(({ runs }) => runs > 1));
    check(name('each statement took effect once'), seen.marks.length === INVOCATIONS && seen.marks.every(([, count]) => count === 1),
        `${seen.marks.length} of ${INVOCATIONS}`);
    check(name('one submit call for each'), calls('ExecuteStatement') === INVOCATIONS, calls('ExecuteStatement'));
    check(name('one callback call for each'), calls('SendTaskSuccess') === INVOCATIONS && seen.callbacks_delivered === INVOCATIONS,
        `${calls('SendTaskSuccess')} calls, ${seen.callbacks_delivered} delivered`);
    check(name('nothing was taken over, looked for or sent again'), seen.sweep_taken_over + seen.endings_by_sweep +
        seen.callbacks_retried + seen.submits_in_doubt === 0, JSON.stringify(seen));
    check(name('each request was accepted once'), seen.requests_accepted === INVOCATIONS, seen.requests_accepted);
    none(name('nothing is left open'), seen.open);
    none(name('no process has ended'), stack.daemons.flatMap(({ accidents }) => accidents));
}

// Half by the queue, half over HTTP to any invoker.
async function postHalf(stack, requests) {
    const invokers = stack.daemons.filter(({ command }) => command === 'invoker');
    for (let at = 0; at < requests.length; at += SEND_AT_ONCE) {
        await Promise.all(requests.slice(at, at + SEND_AT_ONCE).map((request, i) => post(invokers[i % invokers.length], request)));
    }
}

async function measure(name) {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'ringback-throughput-'));
    const split = flags.check ? Math.floor(INVOCATIONS / 2) : 0;
    const stack = await start(name, folder, (standIn, requests) => enqueue(standIn, requests.slice(split)));
    await postHalf(stack, stack.requests.slice(0, split));
    await settle(stack);
    const seen = await collect(stack);
    print(stack, seen);
    judge(stack, seen);
    await stop(stack);
    await rm(folder, { recursive: true });
}

for (const name of flags.setups.split(',')) {
    await measure(name);
}
process.exit(exitStatus());
