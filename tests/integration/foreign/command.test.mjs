// The command `ringback local` itself: flags, engines that last, queues elsewhere, the end.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RedshiftDataClient, ExecuteStatementCommand, GetStatementResultCommand } from '@aws-sdk/client-redshift-data';
import { S3Client, CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { SQSClient, CreateQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { buildApp } from 'fauxqs';
import { StandIn, postgres, run, unique, until } from './stand_in.mjs';

let folder;

before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'ringback-command-'));
});

after(async () => {
    await rm(folder, { recursive: true });
});

async function execute(standIn, input) {
    const data = standIn.client(RedshiftDataClient);
    try {
        const answer = await data.send(new ExecuteStatementCommand({
            ClusterIdentifier: 'local', Database: 'dev', WaitTimeSeconds: 30, ...input }));
        const { Records } = answer.HasResultSet
            ? await data.send(new GetStatementResultCommand({ Id: answer.Id })) : {};
        return { ...answer, Records };
    } finally {
        data.destroy();
    }
}

// The events that arrive in this queue, until there are `count`.
async function eventsIn(sqs, QueueUrl, count) {
    const events = [];
    await until(async () => {
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({
            QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }));
        events.push(...Messages.map(({ Body }) => JSON.parse(Body)));
        return events.length >= count;
    });
    return events;
}

describe('events for a queue elsewhere', () => {
    test('reach another server', async () => {
        const other = buildApp({ logger: false });
        const address = await other.listen({ port: 0, host: '127.0.0.1' });
        const sqs = new SQSClient({ endpoint: address, region: 'us-east-1',
            credentials: { accessKeyId: 'a', secretAccessKey: 'b' } });
        await sqs.send(new CreateQueueCommand({ QueueName: 'events' }));
        const url = `${address}/000000000000/events`;
        const standIn = await StandIn.start('--event-queue-url', url);
        assert.equal(standIn.environment.RINGBACK_EVENT_QUEUE_URL, url);
        const names = [1, 2, 3].map(() => unique('elsewhere'));
        for (const StatementName of names) {
            await execute(standIn, { Sql: 'SELECT 1', WithEvent: true, StatementName });
        }
        const events = await eventsIn(sqs, url, 3);
        assert.deepEqual(events.map((event) => event.detail.statementName).sort(), names.sort());
        assert.equal(await standIn.stop(), 0);
        sqs.destroy();
        await other.close();
    });

    test('are sent again until the queue takes them', async () => {
        const receiver = await StandIn.start();
        const sqs = receiver.client(SQSClient);
        const url = receiver.environment.RINGBACK_EVENT_QUEUE_URL;
        await receiver.control('PUT', 'faults', { seed: 2, 'throttle.SendMessage': 0.4, 'reset.SendMessage': 0.4 });
        const sender = await StandIn.start('--event-queue-url', url);
        await Promise.all(Array.from({ length: 5 }, (_, i) =>
            execute(sender, { Sql: 'SELECT 1', WithEvent: true, StatementName: `again/${i}` })));
        const seen = new Set();
        await until(async () => {
            (await eventsIn(sqs, url, 1)).forEach((event) => seen.add(event.detail.statementName));
            return seen.size === 5;
        });
        assert.ok((await receiver.calls('SendMessage')) > 5);
        assert.equal(await sender.stop(), 0);
        assert.equal(await receiver.stop(), 0);
        sqs.destroy();
    });

    test('do not hold up the end when nobody takes them', async () => {
        const standIn = await StandIn.start('--event-queue-url', 'http://127.0.0.1:1/000000000000/nobody');
        await execute(standIn, { Sql: 'SELECT 1', WithEvent: true, StatementName: 'lost' });
        const began = Date.now();
        assert.equal(await standIn.stop(), 0);
        assert.ok(Date.now() - began < 10000);
    });
});

describe('what it keeps', () => {
    test('objects, in the folder of --s3', async () => {
        const standIn = await StandIn.start('--s3', folder);
        const s3 = standIn.client(S3Client, { forcePathStyle: true });
        await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
        await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'a/b.sql', Body: 'SELECT 1' }));
        s3.destroy();
        assert.equal(await standIn.stop(), 0);
        assert.equal(await readFile(path.join(folder, 'bucket/a/b.sql'), 'utf8'), 'SELECT 1');
    });

    test('tables, in the file of --engine', { skip: postgres && 'an engine of its own' }, async () => {
        const engine = `sqlite:${path.join(folder, 'engine.db')}`;
        let standIn = await StandIn.start('--engine', engine);
        await execute(standIn, { Sql: 'CREATE TABLE kept AS SELECT 41 + 1 AS answer' });
        assert.equal(await standIn.stop(), 0);
        standIn = await StandIn.start('--engine', engine);
        const { Records } = await execute(standIn, { Sql: 'SELECT answer FROM kept' });
        assert.equal(Records[0][0].longValue, 42);
        assert.equal(await standIn.stop(), 0);
    });
});

describe('the end', () => {
    test('comes at once, whatever is under way', async () => {
        const standIn = await StandIn.start();
        const sqs = standIn.client(SQSClient);
        const data = standIn.client(RedshiftDataClient);
        const poll = sqs.send(new ReceiveMessageCommand({
            QueueUrl: standIn.environment.RINGBACK_REQUEST_QUEUE_URL, WaitTimeSeconds: 20 })).catch(() => {});
        const statement = data.send(new ExecuteStatementCommand({
            Sql: 'SELECT pg_sleep(60)', ClusterIdentifier: 'local', Database: 'dev', WaitTimeSeconds: 30 })).catch(() => {});
        await until(async () => (await standIn.calls('ReceiveMessage')) && (await standIn.calls('ExecuteStatement')));
        const began = Date.now();
        assert.equal(await standIn.stop(), 0);
        assert.ok(Date.now() - began < 10000, `${Date.now() - began} ms`);
        await Promise.all([poll, statement]);
        sqs.destroy();
        data.destroy();
    });
});

describe('usage', () => {
    const refused = {
        'an unknown flag': [['--nonsense'], /--nonsense: unknown flag/],
        'a flag without value': [['--engine'], /--engine: needs a value/],
        'an argument': [['more'], /more: unexpected/],
        'an engine that is none': [['--engine', 'oracle:x'], /engine/],
        'an address that is none': [['--listen', 'nonsense'], /nonsense/],
        'a folder that is not there': [['--s3', '/does/not/exist'], /s3: /],
        'a queue name that is none': [['--queues', 'a b'], /queues: /],
        'no queue': [['--queues', ''], /queues: must name at least one/],
        'credentials without secret': [['--credentials', 'AKID'], /credentials: /],
        'a fault that is none': [['--faults', 'rain=1'], /faults: rain: unknown fault/],
        'an event queue that is no URL': [['--event-queue-url', 'events'], /event-queue-url: /],
    };
    for (const [what, [args, text]] of Object.entries(refused)) {
        test(`refuses ${what} and says so`, async () => {
            const { code, stdout, stderr } = await run(['local', '--listen', '127.0.0.1:0', ...args]);
            assert.match(stderr, text);
            assert.equal(code, 2);
            assert.equal(stdout, '');
        });
    }

    test('is told', async () => {
        const all = await run(['help']);
        assert.match(all.stdout, /^ {2}local {2,}\S/m);
        assert.equal(all.code, 0);
        const one = await run(['help', 'local']);
        for (const flag of ['listen', 'engine', 's3', 'queues', 'event-queue-url', 'credentials', 'faults']) {
            assert.match(one.stdout, new RegExp(`--${flag} `));
        }
        assert.match((await run(['--version'])).stdout, /^ringback \d+\.\d+\.\d+\n$/);
    });

    test('is an error without command or with an unknown one', async () => {
        assert.equal((await run([])).code, 2);
        const { code, stderr } = await run(['nonsense']);
        assert.equal(code, 2);
        assert.match(stderr, /nonsense: unknown command/);
        assert.equal((await run(['help', 'nonsense'])).code, 2);
    });
});
