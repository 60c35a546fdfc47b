// What tests/integration/capacity.sh says: counts what one invocation costs, and holds the table of
// docs/capacity.md against it.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { trackers } from '../faults/chaos/trackers.mjs';
import { Daemon, StandIn, check, ends, exitStatus, post, queueIsEmpty, sqs, until } from '../support/stack.mjs';

const INVOCATIONS = 20;
const TOKEN_BYTES = 1000; // the stand-in's tokens are shorter: SQL makes up for it
// What is no invocation's: long polls that begin and bring nothing, a connection's first commands; and with
// DynamoDB the counters, which each thread writes once a second.
const IDLE = 0.45;
const IDLE_DYNAMODB = 1.2;
const AWS = ['ExecuteStatement', 'DescribeStatement', 'SendTaskSuccess', 'ReceiveMessage', 'DeleteMessageBatch'];
const METRICS = { 'records read': ['tracker_reads_total', 1], 'records written': ['tracker_writes_total', 1],
    'DynamoDB: read units': ['dynamodb_read_milliunits_total', 1000],
    'DynamoDB: write units': ['dynamodb_write_milliunits_total', 1000] };

// The rows behind <!-- measured: NAME -->: [call, over HTTP, through the request queue].
async function tableOf(name) {
    const page = await readFile('docs/capacity.md', 'utf8');
    const [, rows] = page.match(new RegExp(`<!-- measured: ${name} -->\\n((?:\\|.*\\n)+)`));
    return rows.trim().split('\n').slice(2).map((row) => row.split('|').slice(1, 4).map((cell) => cell.trim()));
}

// ---- One service on one tracker ----

async function start(name, folder) {
    const standIn = await StandIn.start();
    ends(standIn.child);
    await mkdir(folder);
    const tracker = await trackers[name](folder, standIn.environment);
    await writeFile(`${folder}/keys`, `test:${randomBytes(32).toString('base64')}\n`);
    const daemon = new Daemon('serve', { ...standIn.environment, ...tracker.environment, RINGBACK_TRACKER_URL: tracker.url,
        RINGBACK_KEY_FILE: `${folder}/keys`, RINGBACK_SWEEP_SECONDS: '3600' }, `${folder}/serve.log`);
    await until(() => daemon.address('http') && daemon.address('admin'));
    await until(() => daemon.metric('sweeps_total'));
    return { name, standIn, tracker, daemon };
}

async function stop(stack) {
    await stack.daemon.stop();
    await stack.tracker.stop();
    await stack.standIn.stop();
}

// Commands as they are sent: those that a script calls are counted by Redis, too.
async function redisCommands(url) {
    const { stdout } = await promisify(execFile)('redis-cli', ['-u', url, 'info', 'commandstats']);
    const calls = (name) => Number(stdout.match(new RegExp(`cmdstat_${name}:calls=(\\d+)`))?.[1] ?? 0);
    return { 'Redis: EVALSHA': calls('evalsha'), 'Redis: GET': calls('get') - calls('evalsha') };
}

async function counts({ name, standIn, tracker, daemon }) {
    const calls = (await standIn.control('GET', 'calls')).body.calls;
    const seen = Object.fromEntries(AWS.map((operation) => [operation, calls[operation] ?? 0]));
    for (const [what, [metric, unit]] of Object.entries(METRICS)) {
        seen[what] = await daemon.metric(metric) / unit;
    }
    seen['DynamoDB: calls'] = await daemon.metric('aws_calls_total') -
        AWS.reduce((total, operation) => total + seen[operation], 0);
    return { ...seen, ...(name === 'redis' ? await redisCommands(tracker.url) : {}) };
}

// ---- Invocations, one after the other ----

// They last long enough that a submit is recorded before the event comes, as in real life.
function requestOf(taskToken, n) {
    const remark = randomBytes(TOKEN_BYTES).toString('base64').slice(0, TOKEN_BYTES - taskToken.length);
    return { sqlStatement: `select pg_sleep(0.05), 'insert into fact_sales select * from staging' -- ${remark}`, taskToken,
        executionArn: `arn:aws:states:us-east-1:000000000000:execution:nightly-load:${n}` };
}

// Each is told and settled and its messages are gone before the next one comes. What each cost.
async function costs(stack, send) {
    const { standIn } = stack;
    const queues = ['EVENT', 'REQUEST'].map((kind) => standIn.environment[`RINGBACK_${kind}_QUEUE_URL`]);
    const before = await counts(stack);
    for (let i = 0; i < INVOCATIONS; i++) {
        const { taskToken, n } = (await standIn.control('POST', 'tasks', {})).body;
        await send(requestOf(taskToken, n));
        await until(async () => (await standIn.control('GET', 'tasks')).body.tasks[n - 1].state === 'SUCCEEDED');
        for (const queue of queues) {
            await until(() => queueIsEmpty(standIn, queue));
        }
    }
    const after = await counts(stack);
    return Object.fromEntries(Object.entries(after).map(([what, value]) => [what, (value - before[what]) / INVOCATIONS]));
}

function compare(stack, way, column, table, seen) {
    for (const row of table) {
        const [store] = row[0].split(':');
        const isOthers = row[0].includes(':') && store.toLowerCase() !== stack.name;
        if (!isOthers) {
            const measured = seen[row[0]];
            const slack = store === 'DynamoDB' ? IDLE_DYNAMODB : IDLE;
            console.log(`    ${stack.name.padEnd(9)} ${row[0].padEnd(22)} ${way}: ${measured?.toFixed(2)}`);
            check(`${stack.name}: ${row[0]} ${way} is ${row[column]}, as docs/capacity.md says`,
                Math.abs(measured - Number(row[column])) <= slack, measured);
        }
    }
}

async function measure(name, folder, table) {
    const stack = await start(name, `${folder}/${name}`);
    const QueueUrl = stack.standIn.environment.RINGBACK_REQUEST_QUEUE_URL;
    const posted = await costs(stack, (request) => post(stack.daemon, request));
    compare(stack, 'over HTTP', 1, table, posted);
    const queued = await costs(stack, (request) => sqs(stack.standIn, 'SendMessage', { QueueUrl,
        MessageBody: JSON.stringify(request) }));
    compare(stack, 'through the queue', 2, table, queued);
    await stop(stack);
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'ringback-capacity-'));
const table = await tableOf('calls');
for (const name of ['sqlite', 'redis', 'dynamodb']) {
    await measure(name, folder, table);
}
await rm(folder, { recursive: true });
process.exit(exitStatus());
