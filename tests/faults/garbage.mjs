// What tests/faults/garbage.sh says.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Daemon, StandIn, check, ends, exitStatus, post, queueIsEmpty, run, sqs, until } from '../support/stack.mjs';
import { newTracker } from '../support/tracker.mjs';

const EVENTS = 10000;
const WANTED_EVENTS = 100;
const REQUESTS = 1000;
const WANTED_REQUESTS = 20;
const BATCH = 10;
const PATIENCE_SECONDS = 300;
const HUGE_BYTES = 1000 * 1000; // a message may have 1 MiB
const HUGE_EVERY = 1000;

// ---- Garbage ------------------------------------------------------------------------------------

const ID = 'a'.repeat(32);
const NAME = `ringback/${ID}/1.1`;
const event = (n, detail, envelope = {}) => JSON.stringify({ version: '0', id: `garbage-${n}`, source: 'aws.redshift-data',
    'detail-type': 'Redshift Data Statement Status Change', detail: { state: 'FINISHED', statementId: `s-${n}`, ...detail },
    ...envelope });
const unprintable = () => Array.from(randomBytes(200), (byte) => String.fromCharCode(byte < 32 ? byte + 256 : byte)).join('');

// Nobody's business here: forgotten.
const foreign = [
    (n) => event(n, { statementName: NAME }, { source: 'aws.ec2' }),
    (n) => event(n, { statementName: NAME }, { 'detail-type': 'Redshift Data Something Else' }),
    (n) => event(n, { statementName: `other/${ID}/1.1` }),
    (n) => event(n, { statementName: undefined }),
    (n) => event(n, { statementName: NAME, statementId: `s-${n}:1` }), // a part of a batch
];
// Somebody made a mistake, or somebody waits: kept for a person. The last one is an orphan.
const strange = [
    (n) => `this is no JSON ${n}`,
    (n) => `${n} ${unprintable()}`,
    (n) => event(n, { statementName: NAME }).slice(0, -10),
    (n) => `${'['.repeat(5000)}${n}${']'.repeat(5000)}`,
    (n) => `{"hello": ${n}}`,
    (n) => String(n),
    (n) => event(n, { statementName: `ringback/no-id-${n}/1.1` }),
    (n) => event(n, { statementName: `ringback/${ID}/0.${n}` }),
    (n) => event(n, { statementName: NAME, state: 'EXPLODED' }),
    (n) => event(n, { statementName: NAME }),
];
const noRequests = [(n) => `no request ${n}`, (n) => `{"sqlStatement": ${n}}`, (n) => `{"hello": "world ${n}"}`, () => '[]'];
const huge = (n) => `${n} ${'x'.repeat(HUGE_BYTES)}`;

// So many messages of these kinds in turn; every tenth repeats the one before it, and some are huge.
function garbageOf(count, kinds) {
    const messages = [];
    for (let n = 0; n < count; n++) {
        const kind = n % HUGE_EVERY === HUGE_EVERY / 2 ? huge : kinds[n % kinds.length];
        messages.push(n % 10 === 9 ? messages[n - 1] : { body: kind(n), kept: !foreign.includes(kind) });
    }
    return messages;
}

// A message is kept once, however often it comes.
const keptOf = (messages) => new Set(messages.filter(({ kept }) => kept).map(({ body }) => body)).size;

// ---- The queues ---------------------------------------------------------------------------------

const folder = await mkdtemp(path.join(os.tmpdir(), 'ringback-garbage-'));
const standIn = await StandIn.start();
ends(standIn.child);
const { RINGBACK_EVENT_QUEUE_URL: events, RINGBACK_REQUEST_QUEUE_URL: requests } = standIn.environment;
// Only events tell: the sweep does not look within this test.
const environment = { ...standIn.environment, ...await newTracker(standIn.environment, folder),
    RINGBACK_OVERDUE_SECONDS: '3600' };

const newTask = async () => (await standIn.control('POST', 'tasks', {})).body.taskToken;
const tasks = async () => (await standIn.control('GET', 'tasks')).body.tasks;

async function send(QueueUrl, bodies) {
    const { Failed = [] } = await sqs(standIn, 'SendMessageBatch',
        { QueueUrl, Entries: bodies.map((MessageBody, i) => ({ Id: String(i), MessageBody })) });
    if (Failed.length > 0) {
        throw new Error(`not sent: ${JSON.stringify(Failed[0])}`);
    }
}

// The garbage in batches, and a wanted one after every so many; a huge message is a batch of its own.
async function mix(QueueUrl, messages, wanted, putWanted) {
    const batch = [];
    for (const [n, { body }] of messages.entries()) {
        if (body.length > HUGE_BYTES) {
            await send(QueueUrl, [body]);
        } else if (batch.push(body) === BATCH) {
            await send(QueueUrl, batch.splice(0));
        }
        if (n % (messages.length / wanted) === 0) {
            await putWanted();
        }
    }
    if (batch.length > 0) {
        await send(QueueUrl, batch);
    }
}

// Starts this daemon on what is there and waits until the queue is empty; resolves to it and to the
// seconds.
async function drain(command, queue) {
    const began = Date.now();
    const daemon = new Daemon(command, environment, `${folder}/${command}.log`);
    await until(() => daemon.address('admin'));
    await until(() => queueIsEmpty(standIn, queue), PATIENCE_SECONDS);
    return { daemon, seconds: (Date.now() - began) / 1000 };
}

// How many messages of this queue are parked.
async function parkedOf(queue) {
    const { stdout } = await run(['redrive'], environment);
    return stdout.split('\n').filter((line) => /^[a-z2-7]{32} /.test(line) && line.includes(` queue:${queue} `)).length;
}

// ---- Requests -----------------------------------------------------------------------------------

const garbageRequests = garbageOf(REQUESTS, noRequests);
await mix(requests, garbageRequests, WANTED_REQUESTS, async () =>
    send(requests, [JSON.stringify({ sqlStatement: 'select 1', taskToken: await newTask() })]));
const { daemon: invoker, seconds: invoking } = await drain('invoker', requests);
const accepted = await invoker.metric('requests_accepted_total');
const parkedRequests = await parkedOf('ringback-requests');
console.log(`    ${REQUESTS + WANTED_REQUESTS} requests in ${invoking.toFixed(1)} s`);
check('every request that is wanted is taken', accepted === WANTED_REQUESTS, accepted);
check('every other request is parked', parkedRequests === keptOf(garbageRequests),
    `${parkedRequests}, not ${keptOf(garbageRequests)}`);

// ---- Events -------------------------------------------------------------------------------------

// Nobody reads them yet: the events of the first requests wait too.
const garbageEvents = garbageOf(EVENTS, [...foreign, ...strange]);
await mix(events, garbageEvents, WANTED_EVENTS - WANTED_REQUESTS, async () =>
    post(invoker, { sqlStatement: 'select 1', taskToken: await newTask() }));
check('nobody is told before anybody reads', (await tasks()).every((task) => task.accepted === 0));
const { daemon: completer, seconds: completing } = await drain('completer', events);
const answered = await tasks();
const metric = (what) => completer.metric(`events_${what}_total`);
const parkedEvents = await parkedOf('ringback-events');
const kept = keptOf(garbageEvents);
const forgotten = garbageEvents.filter((message) => !message.kept).length;
console.log(`    ${EVENTS + WANTED_EVENTS} events in ${completing.toFixed(1)} s, ` +
    `${Math.round((EVENTS + WANTED_EVENTS) / completing)}/s: ${await metric('applied')} applied, ` +
    `${await metric('foreign')} foreign, ${await metric('parked')} parked`);
check('every caller is rung back once, by its event', answered.length === WANTED_EVENTS && answered.every(
    (task) => task.accepted === 1 && JSON.parse(task.output).ringback.learnedFrom === 'event'),
`${answered.filter((task) => task.accepted === 1).length} of ${answered.length}`);
check('every event that is wanted is applied when it is first received', await metric('applied') === WANTED_EVENTS &&
    await metric('stale') === 0, await metric('applied'));
check('nothing is received twice', await metric('received') === EVENTS + WANTED_EVENTS, await metric('received'));
check('what is foreign is forgotten', await metric('foreign') === forgotten, `${await metric('foreign')}, not ${forgotten}`);
check('what is strange is parked', parkedEvents === kept, `${parkedEvents}, not ${kept}`);
for (const queue of ['events', 'requests']) {
    check(`nothing has gone to the dead letters of the ${queue}`,
        await queueIsEmpty(standIn, `${standIn.environment[`RINGBACK_${queue.toUpperCase().slice(0, -1)}_QUEUE_URL`]}-dead`));
}
await invoker.stop();
await completer.stop();
await standIn.stop();
check('nothing ended by itself', [...invoker.accidents, ...completer.accidents].length === 0);
await rm(folder, { recursive: true });
process.exit(exitStatus());
