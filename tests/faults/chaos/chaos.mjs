// One run of the chaos test: node chaos.mjs TRACKER. What it does and promises is said in ../chaos.sh.
import { randomBytes } from 'node:crypto';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Daemon, StandIn, ends, exitStatus, query, queueIsEmpty, sleep, sqs, until } from '../../support/stack.mjs';
import { Callers } from './callers.mjs';
import { judge, openRecords } from './judge.mjs';
import { trackers } from './trackers.mjs';

const invocations = Number(process.env.CHAOS_INVOCATIONS ?? 300);
const seconds = Number(process.env.CHAOS_SECONDS ?? 60);
const SETTLE_SECONDS = 420; // three leases and a margin; the wait ends when all is there
const killEveryMs = Number(process.env.CHAOS_KILL_MS ?? 1000);
const SEAM_WITHIN = 60; // passages: a life ends there at the latest
const DISTURBANCES_PER_MINUTE = 4;

const faults = () => ({
    seed: randomBytes(4).readUInt32LE(), 'drop-events': 0.1, 'duplicate-events': 0.2, 'delay-events-ms': '0-1500',
    throttle: 0.05, '5xx': 0.02, reset: 0.01, 'delay-ms': '0-40',
});

// While it rages, a life also ends at one of the two seams "committed, not yet acted" and "acted, not yet
// settled", where moments of chance seldom fall.
const lifeOf = (stack) => () => (stack.raging
    ? { SEAM_KILL: `${Math.random() < 0.5 ? 'committed' : 'acted'}:${1 + Math.floor(Math.random() * SEAM_WITHIN)}` } : {});

// Around every so many milliseconds, until told to stop.
function often(everyMs, act) {
    let running = true;
    const loop = (async () => {
        for (;;) {
            await sleep(everyMs * (0.5 + Math.random()));
            if (!running) {
                return;
            }
            await act();
        }
    })();
    return () => ((running = false), loop);
}

// As docs/operations.md wants it: messages go back while the tracker is away.
async function allowManyReceives(standIn) {
    for (const queue of ['EVENT', 'REQUEST'].map((kind) => standIn.environment[`RINGBACK_${kind}_QUEUE_URL`])) {
        const deadLetterTargetArn = `arn:aws:sqs:us-east-1:000000000000:${queue.split('/').at(-1)}-dead`;
        await sqs(standIn, 'SetQueueAttributes', { QueueUrl: queue, Attributes: {
            RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1000 }) } });
    }
}

async function start(name, folder) {
    const stack = { name, folder, daemons: [], raging: false };
    stack.standIn = await StandIn.start('--engine', `sqlite:${folder}/warehouse.db`);
    ends(stack.standIn.child);
    await query(stack.standIn, 'create table marks (n integer, part integer)');
    await query(stack.standIn, 'create table holders (turn varchar(10), n integer)');
    await allowManyReceives(stack.standIn);
    stack.replies = (await sqs(stack.standIn, 'CreateQueue', { QueueName: 'chaos-replies' })).QueueUrl;
    await mkdir(`${folder}/tracker`);
    stack.tracker = await trackers[name](`${folder}/tracker`, stack.standIn.environment);
    await writeFile(`${folder}/keys`, `chaos:${randomBytes(32).toString('base64')}\n`);
    stack.environment = {
        ...stack.standIn.environment, ...stack.tracker.environment, RINGBACK_TRACKER_URL: stack.tracker.url,
        RINGBACK_KEY_FILE: `${folder}/keys`, RINGBACK_SWEEP_SECONDS: '1', RINGBACK_OVERDUE_SECONDS: '3' };
    for (const [i, command] of ['invoker', 'invoker', 'completer', 'completer'].entries()) {
        stack.daemons.push(new Daemon(command, stack.environment, `${folder}/${command}${i}.log`, lifeOf(stack)));
    }
    await until(() => stack.daemons.every((daemon) => daemon.address('admin')));
    return stack;
}

// All the evil, for so long as the callers come.
async function rage(stack, callers) {
    const random = (list) => list[Math.floor(Math.random() * list.length)];
    await stack.standIn.control('PUT', 'faults', faults());
    stack.raging = true;
    stack.daemons.forEach((daemon) => daemon.kill());
    const stops = [often(killEveryMs, () => random(stack.daemons).kill())];
    if (stack.tracker.disturb) {
        stops.push(often(60000 / DISTURBANCES_PER_MINUTE, () => stack.tracker.disturb()));
    }
    await callers.come(invocations, seconds * 1000);
    await Promise.all(stops.map((stop) => stop()));
    stack.raging = false;
    stack.daemons.forEach((daemon) => daemon.kill());
    await stack.standIn.control('PUT', 'faults', {});
}

async function isQuiet(stack, callers) {
    const { RINGBACK_EVENT_QUEUE_URL, RINGBACK_REQUEST_QUEUE_URL } = stack.standIn.environment;
    return await callers.allTold() && await queueIsEmpty(stack.standIn, RINGBACK_EVENT_QUEUE_URL) &&
        await queueIsEmpty(stack.standIn, RINGBACK_REQUEST_QUEUE_URL) && (await openRecords(stack)).open.length === 0;
}

// What is still open when the wait is over is for the judge to see.
async function settle(stack, callers) {
    const deadline = Date.now() + SETTLE_SECONDS * 1000;
    while (Date.now() < deadline && !await isQuiet(stack, callers)) {
        await sleep(1000);
    }
}

async function stop(stack) {
    await Promise.all(stack.daemons.map((daemon) => daemon.stop()));
    await stack.tracker?.stop();
    await stack.standIn.stop();
}

const name = process.argv[2];
const folder = await mkdtemp(path.join(process.env.CHAOS_FOLDER ?? os.tmpdir(), `ringback-chaos-${name}-`));
const began = Date.now();
const stack = await start(name, folder);
const callers = new Callers(stack);
await rage(stack, callers);
const calmed = Date.now();
await settle(stack, callers);
await judge(stack, callers, { faultSeconds: Math.round((calmed - began) / 1000),
    settleSeconds: Math.round((Date.now() - calmed) / 1000) });
callers.leave();
await stop(stack);
if (exitStatus() === 0) {
    await rm(folder, { recursive: true });
} else {
    console.error(`${name}: what the daemons said is in ${folder}`);
}
process.exit(exitStatus());
