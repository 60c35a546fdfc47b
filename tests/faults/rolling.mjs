// What tests/faults/rolling.sh says.
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Daemon, StandIn, check, ends, exitStatus, none, queueIsEmpty, run, sleep, sqs, until } from '../support/stack.mjs';
import { newTracker } from '../support/tracker.mjs';

const ROUNDS = Number(process.env.ROLLING_ROUNDS ?? 3);
const EVERY_MS = 60; // a request
const SLOW_EVERY_MS = 400; // while AWS is slow: no more than gets done
const STOP_BOUND_SECONDS = 150; // docs/operations.md
const SOON_SECONDS = 60; // half a lease or visibility timeout, many times what anything takes
const PATIENCE_SECONDS = 300;
const usual = { seed: randomBytes(4).readUInt32LE(), 'duplicate-events': 0.3, 'delay-ms': '0-50' };
const slow = { ...usual, 'delay-ms': '1000-3000' };
const BATCH_MAX = 10; // messages
const statements = ['select 1', 'select rs_divide_by_zero()', 'select pg_sleep(0.5)'];

const folder = await mkdtemp(path.join(os.tmpdir(), 'ringback-rolling-'));
const standIn = await StandIn.start();
ends(standIn.child);
const { RINGBACK_EVENT_QUEUE_URL: events, RINGBACK_REQUEST_QUEUE_URL: requests } = standIn.environment;
// Only events tell: the sweep does not look within this test.
const environment = { ...standIn.environment, ...await newTracker(standIn.environment, folder),
    RINGBACK_SWEEP_SECONDS: '1', RINGBACK_OVERDUE_SECONDS: '3600' };
const daemons = ['invoker', 'completer', 'invoker', 'completer'].map((command, i) =>
    new Daemon(command, environment, `${folder}/${command}${i}.log`));
const invokers = daemons.filter(({ command }) => command === 'invoker');
const isUp = (daemon) => daemon.address(daemon.command === 'invoker' ? 'http' : 'admin');

// ---- The callers --------------------------------------------------------------------------------

const begins = new Map(); // task -> ms
const harmed = []; // callers to whom something else happened
let postponed = 0;
let queueOnly = false;
let broken = 0; // connections

// One exchange on a connection of its own; resolves to the status, 503 when nobody listens. A connection that is broken
// off leaves in doubt whether the request was taken, so that it is repeated as well: its token makes it the same one. A
// stopping invoker breaks off one whose request takes longer than a moment to come.
function exchange(address, body) {
    return new Promise((resolve, reject) => {
        const asked = http.request(`${address}/invocations`, { method: 'POST', agent: false }, (answer) => {
            let text = '';
            answer.on('data', (part) => { text += part; });
            answer.on('end', () => resolve({ status: answer.statusCode, text }));
            answer.on('error', reject);
        });
        asked.on('error', (error) => {
            broken += error.code !== 'ECONNREFUSED';
            return ['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(error.code) ? resolve({ status: 503 }) : reject(error);
        });
        asked.end(body);
    });
}

// To one invoker, to the other one when that refuses, and so on.
async function post(n, body) {
    for (let turn = n; ; turn++) {
        const address = invokers[turn % 2].address();
        const { status, text } = address ? await exchange(address, body) : { status: 503 };
        if (status !== 503) {
            return [200, 202].includes(status) || harmed.push(`${status} ${text}`);
        }
        postponed++;
        await sleep(20);
    }
}

// Three over HTTP, three by the queue, and so on; or all by the queue.
async function bring(n) {
    const { n: task, taskToken } = (await standIn.control('POST', 'tasks', {})).body;
    begins.set(task, Date.now());
    const body = JSON.stringify({ sqlStatement: statements[n % statements.length], taskToken });
    if (!queueOnly && Math.floor(n / statements.length) % 2 === 0) {
        await post(Math.floor(n / 6), body).catch((error) => harmed.push(String(error.code ?? error)));
    } else {
        await sqs(standIn, 'SendMessage', { QueueUrl: requests, MessageBody: body });
    }
}

// Brings requests until told to leave; that resolves to how many.
function callers() {
    let coming = true;
    let everyMs = EVERY_MS;
    const brought = [];
    const loop = (async () => {
        for (; coming; await sleep(everyMs)) {
            brought.push(bring(brought.length));
        }
        await Promise.all(brought);
        return brought.length;
    })();
    return { slowDown: () => { everyMs = SLOW_EVERY_MS; }, leave: () => ((coming = false), loop) };
}

// ---- The restarts -------------------------------------------------------------------------------

const stops = [];

async function restartEach() {
    for (const daemon of daemons) {
        await sleep(300);
        const began = Date.now();
        const status = await daemon.restart();
        stops.push({ command: daemon.command, status, seconds: (Date.now() - began) / 1000 });
        await until(() => isUp(daemon));
    }
}

// How long AWS takes is known to who has settled a batch of messages since then. Whoever has not may close a
// connection on which messages are just coming, and those wait for their visibility timeout.
async function allKnowThatItIsSlow() {
    const taken = (daemon) => daemon.metric(daemon.command === 'invoker' ? 'requests_accepted_total' : 'events_received_total');
    queueOnly = true;
    for (const daemon of daemons) {
        const before = await taken(daemon);
        await until(async () => await taken(daemon) > before + BATCH_MAX, PATIENCE_SECONDS);
    }
    queueOnly = false;
}

const longest = (some) => Math.max(...some.map(({ seconds }) => seconds)).toFixed(2);

// ---- The run ------------------------------------------------------------------------------------

await until(() => daemons.every(isUp));
await standIn.control('PUT', 'faults', usual);
const stream = callers();
for (let round = 0; round < ROUNDS; round++) {
    await restartEach();
}
const usually = stops.length;
const tasksOf = async () => (await standIn.control('GET', 'tasks')).body.tasks;
stream.slowDown();
await standIn.control('PUT', 'faults', slow);
await allKnowThatItIsSlow();
await restartEach();
const brought = await stream.leave();
await standIn.control('PUT', 'faults', usual);

const left = async () => JSON.parse((await run(['list', '--open', '--json', '--limit', '1000'], environment)).stdout).Invocations;
const isOver = async () => (await tasksOf()).every(({ state }) => state !== 'RUNNING') && (await left()).length === 0 &&
    await queueIsEmpty(standIn, events) && await queueIsEmpty(standIn, requests);
const over = await until(isOver, PATIENCE_SECONDS).catch(() => false);
const tasks = await tasksOf();
const waits = tasks.map(({ n, closedAt }) => (closedAt - begins.get(n)) / 1000).sort((a, b) => a - b);
const { statements: ran } = (await standIn.control('GET', 'statements')).body;
console.log(`    ${brought} requests, ${postponed} times refused, ${broken} times broken off; ${usually} restarts, at most ${longest(stops.slice(0, usually))} s; ` +
    `${stops.length - usually} with a slow AWS, at most ${longest(stops.slice(usually))} s; callbacks after ` +
    `p50 ${waits[Math.floor(waits.length / 2)]} s, p100 ${waits.at(-1)} s`);
check('all of it ends', over, JSON.stringify(await left()).slice(0, 500));
none('nothing happened to a caller but that he was sent to the other invoker', harmed);
none('every stop ended with status 0', stops.filter(({ status }) => status !== 0));
none('every stop ended within its bound', stops.filter(({ seconds }) => seconds > STOP_BOUND_SECONDS));
none('every task has one effective callback', tasks.filter(({ state, accepted }) => state === 'RUNNING' || accepted !== 1)
    .map(({ n, state, accepted }) => ({ n, state, accepted })));
none('nobody waited for a lease or a visibility timeout', waits.filter((seconds) => !(seconds < SOON_SECONDS)));
check('each request is one statement, run once', ran.length === brought && ran.every(({ runs }) => runs === 1),
    `${ran.length} of ${brought}, ${JSON.stringify(ran.find(({ runs }) => runs !== 1))}`);
check('nothing is a dead letter', await queueIsEmpty(standIn, `${events}-dead`) && await queueIsEmpty(standIn, `${requests}-dead`));
none('nothing is parked', (await run(['redrive'], environment)).stdout.trim().split('\n').slice(2));
await Promise.all(daemons.map((daemon) => daemon.stop()));
none('nothing ended by itself', daemons.flatMap(({ accidents }) => accidents));
await standIn.stop();
await rm(folder, { recursive: true });
process.exit(exitStatus());
