// Every signature is verified: what the AWS SDK for JavaScript signs wrongly is refused.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RedshiftDataClient, ListDatabasesCommand } from '@aws-sdk/client-redshift-data';
import { S3Client, HeadBucketCommand, GetObjectCommand } from '@aws-sdk/client-s3';
import { SFNClient, SendTaskHeartbeatCommand } from '@aws-sdk/client-sfn';
import { SNSClient, PublishCommand } from '@aws-sdk/client-sns';
import { SQSClient, ListQueuesCommand } from '@aws-sdk/client-sqs';
import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { StandIn, refusal } from './stand_in.mjs';

const clients = {
    'Redshift Data': [RedshiftDataClient, new ListDatabasesCommand({ ClusterIdentifier: 'local', Database: 'dev' })],
    SQS: [SQSClient, new ListQueuesCommand({})],
    'Step Functions': [SFNClient, new SendTaskHeartbeatCommand({ taskToken: 'token' })],
    SNS: [SNSClient, new PublishCommand({ TopicArn: 'arn:aws:sns:us-east-1:000000000000:t', Message: 'x' })],
    STS: [STSClient, new GetCallerIdentityCommand({})],
    S3: [S3Client, new GetObjectCommand({ Bucket: 'bucket', Key: 'key' })],
};
// What each protocol calls it.
const names = (service) => ({
    SNS: { key: /InvalidClientTokenId/, signature: /SignatureDoesNotMatch/, time: /SignatureDoesNotMatch/ },
    STS: { key: /InvalidClientTokenId/, signature: /SignatureDoesNotMatch/, time: /SignatureDoesNotMatch/ },
    S3: { key: /InvalidAccessKeyId/, signature: /SignatureDoesNotMatch/, time: /RequestTimeTooSkewed/ },
}[service] ?? { key: /UnrecognizedClientException/, signature: /InvalidSignatureException/, time: /InvalidSignatureException/ });

let standIn;

before(async () => {
    standIn = await StandIn.start('--credentials', "AKIDOTHER:it's/a+secret=");
});

after(async () => {
    assert.equal(await standIn.stop(), 0);
});

const credentials = { accessKeyId: 'AKIDOTHER', secretAccessKey: "it's/a+secret=" };

async function refusedWith(service, options) {
    const [Class, command] = clients[service];
    const client = standIn.client(Class, { credentials, forcePathStyle: true, ...options });
    try {
        return await refusal(client.send(command));
    } finally {
        client.destroy();
    }
}

test('the exports are quoted for a shell', () => {
    assert.equal(standIn.environment.AWS_ACCESS_KEY_ID, 'AKIDOTHER');
    assert.equal(standIn.environment.AWS_SECRET_ACCESS_KEY, `'it'\\''s/a+secret='`);
});

test('the given key is accepted', async () => {
    const sts = standIn.client(STSClient, { credentials });
    assert.ok((await sts.send(new GetCallerIdentityCommand({}))).Arn);
    sts.destroy();
});

for (const service of Object.keys(clients)) {
    describe(service, () => {
        test('refuses an unknown key', async () => {
            const { name, status } = await refusedWith(service, {
                credentials: { ...credentials, accessKeyId: 'AKIDLOCAL' } });
            assert.match(name, names(service).key);
            assert.equal(status, 403);
        });

        test('refuses a wrong secret', async () => {
            const { name, status } = await refusedWith(service, {
                credentials: { ...credentials, secretAccessKey: 'wrong' } });
            assert.match(name, names(service).signature);
            assert.equal(status, 403);
        });

        test('refuses a signature of long ago and of the future', async () => {
            for (const systemClockOffset of [-6 * 60000, 6 * 60000]) {
                const { name, message } = await refusedWith(service, { systemClockOffset });
                assert.match(name, names(service).time);
                assert.match(message, /Signature (expired|not yet current): \d{8}T\d{6}Z is/);
            }
        });

        test('takes a signature four minutes off', async () => {
            const [Class, command] = clients[service];
            for (const systemClockOffset of [-4 * 60000, 4 * 60000]) {
                const client = standIn.client(Class, { credentials, forcePathStyle: true, systemClockOffset });
                const name = await client.send(command).then(() => 'accepted', (error) => error.name);
                assert.doesNotMatch(name, /Signature|Unrecognized|InvalidClient|AccessKey|Skewed|AccessDenied/);
                client.destroy();
            }
        });
    });
}

test('another service in the scope is refused', async () => {
    let seen;
    const sns = standIn.client(SNSClient, { credentials });
    sns.middlewareStack.add((next) => (args) => {
        args.request.headers['x-amz-target'] = 'AmazonSQS.ListQueues';
        args.request.headers['content-length'] = '2';
        args.request.body = '{}';
        return next(args);
    }, { step: 'build', priority: 'low', name: 'otherService' });
    sns.middlewareStack.add((next) => async (args) => {
        const answer = await next(args);
        seen = answer.response;
        return answer;
    }, { step: 'deserialize', priority: 'low', name: 'look' });
    await refusal(sns.send(new PublishCommand({ TopicArn: 'arn:aws:sns:us-east-1:000000000000:t', Message: 'x' })));
    assert.equal(seen.statusCode, 403);
    assert.equal(seen.headers['x-amzn-errortype'], 'InvalidSignatureException');
    sns.destroy();
});

test('a body that was changed on the way is refused', async () => {
    const sqs = standIn.client(SQSClient, { credentials });
    sqs.middlewareStack.add((next) => (args) => {
        args.request.body = '{"QueueNamePrefix":"a"}';
        args.request.headers['content-length'] = `${args.request.body.length}`;
        return next(args);
    }, { step: 'finalizeRequest', priority: 'low', name: 'changeBody' });
    assert.equal((await refusal(sqs.send(new ListQueuesCommand({})))).name, 'InvalidSignatureException');
    sqs.destroy();
});

test('a request without signature is refused', async () => {
    const answer = await fetch(standIn.endpoint, {
        method: 'POST', headers: { 'X-Amz-Target': 'AmazonSQS.ListQueues' }, body: '{}' });
    assert.equal(answer.status, 403);
    assert.equal((await answer.json()).__type, 'MissingAuthenticationToken');
});

test('a HEAD without signature is refused', async () => {
    const s3 = standIn.client(S3Client, { credentials: { ...credentials, secretAccessKey: 'wrong' }, forcePathStyle: true });
    assert.equal((await refusal(s3.send(new HeadBucketCommand({ Bucket: 'bucket' })))).status, 403);
    s3.destroy();
});
