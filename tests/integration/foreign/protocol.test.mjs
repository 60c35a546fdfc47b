// What every service of `ringback local` has in common: unknown operations, broken bodies, ids.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { RedshiftDataClient, DescribeStatementCommand } from '@aws-sdk/client-redshift-data';
import { SFNClient, SendTaskHeartbeatCommand } from '@aws-sdk/client-sfn';
import { SQSClient, ListQueuesCommand } from '@aws-sdk/client-sqs';
import { StandIn, refusal } from './stand_in.mjs';

const services = {
    RedshiftData: [RedshiftDataClient, new DescribeStatementCommand({ Id: '00000000-0000-4000-8000-000000000000' })],
    AmazonSQS: [SQSClient, new ListQueuesCommand({})],
    AWSStepFunctions: [SFNClient, new SendTaskHeartbeatCommand({ taskToken: 'token' })],
    AWSEvents: [EventBridgeClient, new PutEventsCommand({ Entries: [{}] })],
};

let standIn;

before(async () => {
    standIn = await StandIn.start();
});

after(async () => {
    assert.equal(await standIn.stop(), 0);
});

// Sends the service's command with a request that was changed before it was signed.
async function refusedAfter(service, change) {
    const [Class, command] = services[service];
    const client = standIn.client(Class);
    client.middlewareStack.add((next) => (args) => {
        change(args.request);
        args.request.headers['content-length'] = `${args.request.body.length}`;
        return next(args);
    }, { step: 'build', priority: 'low', name: 'change' });
    try {
        return await refusal(client.send(command));
    } finally {
        client.destroy();
    }
}

for (const service of Object.keys(services)) {
    describe(service, () => {
        test('refuses an operation that it has not', async () => {
            const { name, status } = await refusedAfter(service, (request) => {
                request.headers['x-amz-target'] = `${service}.Nonsense`;
            });
            assert.match(name, /UnknownOperationException|InvalidAction/);
            assert.equal(status, 400);
        });

        test('refuses a body that is no JSON object', async () => {
            for (const body of ['{', '[]', '', '"x"', '{"a":"\\u0000"}']) {
                const { name, status } = await refusedAfter(service, (request) => {
                    request.body = body;
                });
                assert.equal(name, 'SerializationException');
                assert.equal(status, 400);
            }
        });

        test('gives every answer an id', async () => {
            const [Class, command] = services[service];
            const client = standIn.client(Class);
            const answer = await client.send(command).catch((error) => error);
            assert.match(answer.$metadata.requestId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
            client.destroy();
        });
    });
}

test('a target that is not served is refused', async () => {
    const answer = await fetch(standIn.endpoint, {
        method: 'POST', headers: { 'X-Amz-Target': 'DynamoDB_20120810.ListTables' }, body: '{}' });
    assert.equal(answer.status, 400);
    assert.equal((await answer.json()).__type, 'UnknownOperationException');
});

test('an action that is not served is refused', async () => {
    const answer = await fetch(standIn.endpoint, {
        method: 'POST', body: new URLSearchParams({ Action: 'SendMessage', Version: '2012-11-05' }) });
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /<Code>InvalidAction<\/Code>/);
});

test('a body of more than 34 MiB is refused', async () => {
    const answer = await fetch(`${standIn.endpoint}/bucket/key`, {
        method: 'PUT', body: new Uint8Array(35 * 1024 * 1024) });
    assert.equal(answer.status, 413);
});
