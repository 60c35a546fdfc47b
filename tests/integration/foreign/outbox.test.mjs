// What `ringback local` receives and keeps: SNS, EventBridge, CloudFormation's responses; and STS.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SNSClient, PublishCommand } from '@aws-sdk/client-sns';
import { SQSClient, GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import {
    STSClient, AssumeRoleCommand, AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand,
} from '@aws-sdk/client-sts';
import { StandIn, refusal } from './stand_in.mjs';

const topic = 'arn:aws:sns:us-east-1:000000000000:topic';
const role = 'arn:aws:iam::000000000000:role/reader';

let standIn;
let events;
let sns;
let sts;

before(async () => {
    standIn = await StandIn.start();
    events = standIn.client(EventBridgeClient);
    sns = standIn.client(SNSClient);
    sts = standIn.client(STSClient);
});

after(async () => {
    [events, sns, sts].forEach((client) => client.destroy());
    assert.equal(await standIn.stop(), 0);
});

const published = async () => (await standIn.control('GET', 'published')).body.published;
const publish = (input) => sns.send(new PublishCommand({ TopicArn: topic, ...input }));

describe('SNS', () => {
    test('keeps what is published', async () => {
        const Message = 'größer & "quoted" = 100%\n+';
        const { MessageId } = await publish({ Message, Subject: 'a subject', MessageAttributes: {
            outcome: { DataType: 'String', StringValue: 'FINISHED' } } });
        assert.match(MessageId, /^[0-9a-f-]{36}$/);
        const last = (await published()).at(-1);
        assert.equal(last.service, 'sns');
        assert.equal(last.target, topic);
        assert.equal(last.body, Message);
        assert.equal(last.attributes.outcome, 'FINISHED');
    });

    test('numbers messages of a FIFO topic', async () => {
        const { SequenceNumber } = await publish({ TopicArn: `${topic}.fifo`, Message: 'x',
            MessageGroupId: 'g', MessageDeduplicationId: 'd' });
        assert.match(SequenceNumber, /^\d+$/);
        assert.equal((await published()).at(-1).attributes.MessageDeduplicationId, 'd');
    });

    test('refuses an empty message and one without target', async () => {
        assert.equal((await refusal(publish({ Message: '' }))).name, 'InvalidParameterException');
        const { name, status } = await refusal(publish({ TopicArn: undefined, Message: 'x' }));
        assert.deepEqual([name, status], ['InvalidParameterException', 400]);
    });

    test('refuses a FIFO message without group', async () => {
        assert.equal((await refusal(publish({ TopicArn: `${topic}.fifo`, Message: 'x' }))).name,
            'InvalidParameterException');
    });
});

describe('EventBridge', () => {
    const entry = { Source: 'ringback', DetailType: 'Outcome', Detail: '{"a":1}', EventBusName: 'bus' };
    const put = (...Entries) => events.send(new PutEventsCommand({ Entries }));

    test('keeps good entries and names the bad ones', async () => {
        const answer = await put(entry, { ...entry, Detail: 'no JSON' }, { ...entry, Source: 'aws.redshift-data' });
        assert.equal(answer.FailedEntryCount, 2);
        assert.deepEqual(answer.Entries.map((result) => result.ErrorCode),
            [undefined, 'MalformedDetail', 'NotAuthorizedForSourceException']);
        const last = (await published()).at(-1);
        assert.deepEqual([last.service, last.target, last.body], ['events', 'bus', '{"a":1}']);
    });

    test('refuses none and more than ten', async () => {
        assert.equal((await refusal(put())).name, 'ValidationException');
        assert.equal((await refusal(put(...Array(11).fill(entry)))).name, 'ValidationException');
    });
});

describe('CloudFormation responses', () => {
    const responses = async () => (await standIn.control('GET', 'responses')).body.responses;

    test('are kept byte by byte', async () => {
        const { n, url } = (await standIn.control('POST', 'responses')).body;
        const body = '{"Status":"SUCCESS"}';
        const answer = await fetch(url, { method: 'PUT', body: new TextEncoder().encode(body) });
        assert.equal(answer.status, 200);
        const { puts } = (await responses()).find((response) => response.n === n);
        assert.equal(puts.length, 1);
        assert.equal(puts[0].body, body);
        assert.equal(puts[0].status, 200);
    });

    test('are refused when the URL was changed', async () => {
        const { url } = (await standIn.control('POST', 'responses')).body;
        const changed = url.includes('?') ? `${url}x` : `${url}999`;
        const answer = await fetch(changed, { method: 'PUT', body: '{}' });
        assert.ok(answer.status === 403 || answer.status === 404);
    });
});

describe('STS', () => {
    const assume = () => sts.send(new AssumeRoleCommand({ RoleArn: role, RoleSessionName: 'session' }));
    const queueUrl = async (credentials) => {
        const sqs = standIn.client(SQSClient, { credentials });
        try {
            return (await sqs.send(new GetQueueUrlCommand({ QueueName: 'ringback-events' }))).QueueUrl;
        } finally {
            sqs.destroy();
        }
    };
    const asCredentials = ({ AccessKeyId, SecretAccessKey, SessionToken }) =>
        ({ accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken });

    test('tells who calls', async () => {
        assert.equal((await sts.send(new GetCallerIdentityCommand({}))).Account, '000000000000');
    });

    test('gives out credentials that work', async () => {
        const { Credentials, AssumedRoleUser } = await assume();
        assert.match(AssumedRoleUser.Arn, /assumed-role\/reader\/session$/);
        assert.ok(Credentials.Expiration > Date.now());
        assert.ok(await queueUrl(asCredentials(Credentials)));
    });

    test('gives them for a web identity, without a signature', async () => {
        const { Credentials } = await sts.send(new AssumeRoleWithWebIdentityCommand({
            RoleArn: role, RoleSessionName: 'session', WebIdentityToken: 'a.web.token' }));
        assert.ok(await queueUrl(asCredentials(Credentials)));
    });

    test('gives credentials that do not work without their token', async () => {
        const { Credentials } = await assume();
        const { sessionToken, ...others } = asCredentials(Credentials);
        assert.ok(sessionToken);
        const { name, status } = await refusal(queueUrl(others));
        assert.deepEqual([name, status], ['UnrecognizedClientException', 403]);
        const wrong = await refusal(queueUrl({ ...others, sessionToken: 'another' }));
        assert.equal(wrong.name, 'UnrecognizedClientException');
    });

    test('refuses a role that is none', async () => {
        const { status } = await refusal(sts.send(new AssumeRoleCommand({
            RoleArn: 'nonsense', RoleSessionName: 'session' })));
        assert.equal(status, 400);
    });
});
