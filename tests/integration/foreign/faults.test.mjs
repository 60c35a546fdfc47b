// Faults of `ringback local`, seen through the AWS SDK for JavaScript; and the counts of calls.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { RedshiftDataClient, DescribeStatementCommand, ExecuteStatementCommand } from '@aws-sdk/client-redshift-data';
import { S3Client, CreateBucketCommand } from '@aws-sdk/client-s3';
import { SNSClient, PublishCommand } from '@aws-sdk/client-sns';
import { SQSClient, DeleteMessageCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { StandIn, refusal, unique, until } from './stand_in.mjs';

let standIn;
let data;
let s3;
let sns;
let sqs;

before(async () => {
    standIn = await StandIn.start('--faults', 'seed=7,throttle.SendMessage=1');
    data = standIn.client(RedshiftDataClient);
    s3 = standIn.client(S3Client, { forcePathStyle: true });
    sns = standIn.client(SNSClient);
    sqs = standIn.client(SQSClient);
});

after(async () => {
    [data, s3, sns, sqs].forEach((client) => client.destroy());
    assert.equal(await standIn.stop(), 0);
});

const setFaults = async (faults) => assert.equal((await standIn.control('PUT', 'faults', faults)).status, 200);
const queue = () => standIn.environment.RINGBACK_REQUEST_QUEUE_URL;
const send = (client = sqs) => client.send(new SendMessageCommand({ QueueUrl: queue(), MessageBody: 'x' }));
const run = (input) => data.send(new ExecuteStatementCommand({
    Sql: 'SELECT 1', ClusterIdentifier: 'local', Database: 'dev', WaitTimeSeconds: 30, ...input }));

async function waiting(QueueUrl) {
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    return Number(Attributes.ApproximateNumberOfMessages);
}

test('the flag is in force from the start', async () => {
    const { name, status } = await refusal(send());
    assert.deepEqual([name, status], ['ThrottlingException', 400]);
});

describe('calls', () => {
    beforeEach(() => setFaults({}));

    test('are counted by operation', async () => {
        const before = await standIn.calls('SendMessage');
        await send();
        await send();
        assert.equal(await standIn.calls('SendMessage'), before + 2);
        assert.equal(await standIn.calls('NeverCalled'), 0);
    });

    test('are throttled in every protocol, and nothing is done', async () => {
        const before = await waiting(queue());
        await setFaults({ throttle: 1, 'throttle.GetQueueAttributes': 0 });
        assert.equal((await refusal(run())).name, 'ThrottlingException');
        assert.equal((await refusal(send())).name, 'ThrottlingException');
        assert.match((await refusal(sns.send(new PublishCommand({
            TopicArn: 'arn:aws:sns:us-east-1:000000000000:t', Message: 'x' })))).name, /Throttl/);
        assert.equal((await refusal(s3.send(new CreateBucketCommand({ Bucket: unique('b').replace('_', '-') })))).name,
            'SlowDown');
        assert.equal(await waiting(queue()), before);
    });

    test('fail before or after the work', async () => {
        const before = await waiting(queue());
        await setFaults({ seed: 3, '5xx.SendMessage': 1 });
        for (let i = 0; i < 40; i++) {
            const { name, status } = await refusal(send());
            assert.deepEqual([name, status], ['InternalServerException', 500]);
        }
        const done = (await waiting(queue())) - before;
        assert.ok(done > 5 && done < 35, `${done} of 40`);
    });

    test('are cut off before or after the work', async () => {
        const before = await waiting(queue());
        await setFaults({ seed: 4, 'reset.SendMessage': 1 });
        for (let i = 0; i < 40; i++) {
            const { name, status, message } = await refusal(send());
            assert.equal(status, undefined, `${name} ${message}`);
        }
        const done = (await waiting(queue())) - before;
        assert.ok(done > 5 && done < 35, `${done} of 40`);
    });

    test('are delayed', async () => {
        await setFaults({ 'delay-ms.SendMessage': '300-400' });
        const began = Date.now();
        await send();
        assert.ok(Date.now() - began >= 290);
    });

    test('come through by the retries of the SDK', async () => {
        await setFaults({ seed: 5, 'throttle.SendMessage': 0.2, '5xx.SendMessage': 0.2, 'reset.SendMessage': 0.2 });
        const patient = standIn.client(SQSClient, { maxAttempts: 20, retryStrategy: undefined });
        const before = await standIn.calls('SendMessage');
        for (let i = 0; i < 10; i++) {
            await send(patient);
        }
        assert.ok((await standIn.calls('SendMessage')) > before + 10);
        patient.destroy();
    });

    test('of ResponseURLs fail too', async () => {
        await setFaults({ '5xx.ResponsePut': 1 });
        const { url } = (await standIn.control('POST', 'responses')).body;
        assert.equal((await fetch(url, { method: 'PUT', body: '{}' })).status, 500);
    });

    test('repeat for the same seed', async () => {
        const draw = async () => {
            await setFaults({ seed: 11, 'throttle.DescribeStatement': 0.5 });
            const names = [];
            for (let i = 0; i < 20; i++) {
                names.push((await refusal(data.send(new DescribeStatementCommand({
                    Id: '00000000-0000-4000-8000-000000000000' })))).name);
            }
            return names;
        };
        const first = await draw();
        assert.deepEqual(await draw(), first);
        assert.deepEqual([...new Set(first)].sort(), ['ResourceNotFoundException', 'ThrottlingException']);
    });
});

describe('completion events', () => {
    const events = () => standIn.environment.RINGBACK_EVENT_QUEUE_URL;

    // Events for this name until they stay away for a second.
    async function eventsOf(name) {
        let count = 0;
        for (;;) {
            const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({
                QueueUrl: events(), MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }));
            if (Messages.length === 0) {
                return count;
            }
            for (const { Body, ReceiptHandle } of Messages) {
                count += JSON.parse(Body).detail.statementName === name;
                await sqs.send(new DeleteMessageCommand({ QueueUrl: events(), ReceiptHandle }));
            }
        }
    }

    async function runNamed() {
        const StatementName = unique('faults');
        const { Id } = await run({ WithEvent: true, StatementName });
        await until(async () => (await data.send(new DescribeStatementCommand({ Id }))).Status === 'FINISHED');
        return StatementName;
    }

    test('are dropped', async () => {
        await setFaults({ 'drop-events': 1 });
        assert.equal(await eventsOf(await runNamed()), 0);
    });

    test('are duplicated', async () => {
        await setFaults({ 'duplicate-events': 1 });
        assert.equal(await eventsOf(await runNamed()), 2);
    });

    test('are delayed', async () => {
        await setFaults({ 'delay-events-ms': '1500' });
        const began = Date.now();
        const name = await runNamed();
        let seen = 0;
        await until(async () => (seen += await eventsOf(name)));
        await setFaults({});
        assert.ok(Date.now() - began >= 1500);
        assert.equal(seen, 1);
    });
});

describe('refusals', () => {
    test('of a fault that is none', async () => {
        const { status, body } = await standIn.control('PUT', 'faults', { throtle: 1 });
        assert.equal(status, 400);
        assert.match(body.message, /throtle: unknown fault/);
    });

    test('of a control that is none', async () => {
        assert.equal((await standIn.control('GET', 'nonsense')).status, 404);
    });
});
