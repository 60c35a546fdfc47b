// SQS of `ringback local`, driven by the AWS SDK for JavaScript (which checks MD5s on its own).
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
    SQSClient, ChangeMessageVisibilityBatchCommand, ChangeMessageVisibilityCommand,
    CreateQueueCommand, DeleteMessageBatchCommand, DeleteMessageCommand, DeleteQueueCommand,
    GetQueueAttributesCommand, GetQueueUrlCommand, ListQueuesCommand, PurgeQueueCommand,
    ReceiveMessageCommand, SendMessageBatchCommand, SendMessageCommand, SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import { StandIn, refusal, unique, until } from './stand_in.mjs';

let standIn;
let sqs;

before(async () => {
    standIn = await StandIn.start('--queues', 'ringback-events,ringback-requests,spare');
    sqs = standIn.client(SQSClient);
});

after(async () => {
    sqs.destroy();
    assert.equal(await standIn.stop(), 0);
});

async function makeQueue(Attributes) {
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: unique('queue'), Attributes }));
    return QueueUrl;
}

const send = (QueueUrl, MessageBody, more = {}) =>
    sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...more }));

async function receive(QueueUrl, more = {}) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({
        QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'], ...more }));
    return Messages;
}

async function attribute(QueueUrl, name) {
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    return Attributes[name];
}

describe('queues', () => {
    test('of the flag are there with their dead-letter queues', async () => {
        for (const QueueName of ['ringback-events', 'ringback-requests-dead', 'spare', 'spare-dead']) {
            const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
            assert.equal(QueueUrl, `${standIn.endpoint}/000000000000/${QueueName}`);
        }
        const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'spare' }));
        const policy = JSON.parse(await attribute(QueueUrl, 'RedrivePolicy'));
        assert.equal(Number(policy.maxReceiveCount), 5);
        assert.match(policy.deadLetterTargetArn, /:000000000000:spare-dead$/);
    });

    test('are made, listed and deleted', async () => {
        const QueueUrl = await makeQueue({ VisibilityTimeout: '7' });
        assert.equal(await attribute(QueueUrl, 'VisibilityTimeout'), '7');
        await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { VisibilityTimeout: '9' } }));
        assert.equal(await attribute(QueueUrl, 'VisibilityTimeout'), '9');
        const listed = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: QueueUrl.split('/').pop() }));
        assert.deepEqual(listed.QueueUrls, [QueueUrl]);
        await sqs.send(new DeleteQueueCommand({ QueueUrl }));
        assert.equal((await refusal(send(QueueUrl, 'x'))).name, 'QueueDoesNotExist');
    });

    test('that are not there are named in both spellings', async () => {
        const { error, status } = await refusal(sqs.send(new GetQueueUrlCommand({ QueueName: 'nowhere' })));
        assert.equal(error.name, 'QueueDoesNotExist');
        assert.equal(status, 400);
        assert.equal(error.Code ?? error.Error?.Code, 'AWS.SimpleQueueService.NonExistentQueue');
    });

    test('are emptied', async () => {
        const QueueUrl = await makeQueue();
        await send(QueueUrl, 'x');
        await sqs.send(new PurgeQueueCommand({ QueueUrl }));
        assert.deepEqual(await receive(QueueUrl), []);
    });
});

describe('messages', () => {
    test('come back as they were sent', async () => {
        const QueueUrl = await makeQueue();
        const body = 'häll\u{1F600}\n"<&>';
        const sent = await send(QueueUrl, body, { MessageAttributes: {
            text: { DataType: 'String', StringValue: 'a value' },
            bytes: { DataType: 'Binary', BinaryValue: Uint8Array.of(0, 1, 255) } } });
        assert.equal(sent.MD5OfMessageBody, createHash('md5').update(body).digest('hex'));
        const [message] = await receive(QueueUrl);
        assert.equal(message.MessageId, sent.MessageId);
        assert.equal(message.Body, body);
        assert.equal(message.MessageAttributes.text.StringValue, 'a value');
        assert.deepEqual([...message.MessageAttributes.bytes.BinaryValue], [0, 1, 255]);
        assert.equal(message.MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
        assert.equal(message.Attributes.ApproximateReceiveCount, '1');
        assert.ok(Math.abs(Number(message.Attributes.SentTimestamp) - Date.now()) < 60000);
    });

    test('are gone once deleted, and hidden until then', async () => {
        const QueueUrl = await makeQueue();
        await send(QueueUrl, 'x');
        const [message] = await receive(QueueUrl);
        assert.deepEqual(await receive(QueueUrl), []);
        assert.equal(await attribute(QueueUrl, 'ApproximateNumberOfMessagesNotVisible'), '1');
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
        assert.equal(await attribute(QueueUrl, 'ApproximateNumberOfMessagesNotVisible'), '0');
    });

    test('are given back by a visibility of 0', async () => {
        const QueueUrl = await makeQueue();
        await send(QueueUrl, 'x');
        const [first] = await receive(QueueUrl);
        await sqs.send(new ChangeMessageVisibilityCommand({
            QueueUrl, ReceiptHandle: first.ReceiptHandle, VisibilityTimeout: 0 }));
        const [second] = await receive(QueueUrl);
        assert.equal(second.MessageId, first.MessageId);
        assert.equal(second.Attributes.ApproximateReceiveCount, '2');
        assert.notEqual(second.ReceiptHandle, first.ReceiptHandle);
    });

    test('go to the dead-letter queue after five receives', async () => {
        const QueueUrl = `${standIn.endpoint}/000000000000/spare`;
        await send(QueueUrl, 'poison');
        for (let i = 0; i < 5; i++) {
            assert.equal((await receive(QueueUrl, { VisibilityTimeout: 0 })).length, 1);
        }
        assert.deepEqual(await receive(QueueUrl), []);
        const [dead] = await receive(`${QueueUrl}-dead`);
        assert.equal(dead.Body, 'poison');
        assert.match(dead.Attributes.DeadLetterQueueSourceArn, /:spare$/);
    });

    test('wait for their delay', async () => {
        const QueueUrl = await makeQueue();
        await send(QueueUrl, 'later', { DelaySeconds: 1 });
        assert.deepEqual(await receive(QueueUrl), []);
        assert.equal((await receive(QueueUrl, { WaitTimeSeconds: 10 })).length, 1);
    });

    test('wake a long poll', async () => {
        const QueueUrl = await makeQueue();
        const before = await standIn.calls('ReceiveMessage');
        const waiting = receive(QueueUrl, { WaitTimeSeconds: 20 });
        await until(async () => (await standIn.calls('ReceiveMessage')) > before);
        const began = Date.now();
        await send(QueueUrl, 'now');
        assert.equal((await waiting).length, 1);
        assert.ok(Date.now() - began < 5000);
    });

    test('may have a mebibyte and not more', async () => {
        const QueueUrl = await makeQueue();
        const body = 'x'.repeat(1048576);
        await send(QueueUrl, body);
        assert.equal((await receive(QueueUrl))[0].Body.length, body.length);
        assert.match((await refusal(send(QueueUrl, `${body}x`))).name, /InvalidParameterValue|InvalidMessageContents/);
    });

    test('are refused with characters that XML cannot hold', async () => {
        const QueueUrl = await makeQueue();
        assert.equal((await refusal(send(QueueUrl, 'a\u0001b'))).name, 'InvalidMessageContents');
    });
});

describe('batches', () => {
    test('answer each entry on its own', async () => {
        const QueueUrl = await makeQueue();
        const sent = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: [
            { Id: 'a', MessageBody: 'one' }, { Id: 'b', MessageBody: 'two', DelaySeconds: 0 },
            { Id: 'c', MessageBody: 'a\u0001b' }] }));
        assert.deepEqual(sent.Successful.map((entry) => entry.Id), ['a', 'b']);
        assert.deepEqual(sent.Failed.map((entry) => [entry.Id, entry.SenderFault]), [['c', true]]);
        const messages = await receive(QueueUrl);
        const shown = await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries: [
            { Id: '0', ReceiptHandle: messages[0].ReceiptHandle, VisibilityTimeout: 0 },
            { Id: '1', ReceiptHandle: 'nonsense', VisibilityTimeout: 0 }] }));
        assert.deepEqual(shown.Successful.map((entry) => entry.Id), ['0']);
        assert.deepEqual(shown.Failed.map((entry) => [entry.Id, entry.Code]), [['1', 'ReceiptHandleIsInvalid']]);
        const [again] = await receive(QueueUrl);
        const deleted = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: [
            { Id: '0', ReceiptHandle: again.ReceiptHandle },
            { Id: '1', ReceiptHandle: messages[1].ReceiptHandle },
            { Id: '2', ReceiptHandle: 'nonsense' }] }));
        assert.deepEqual(deleted.Successful.map((entry) => entry.Id), ['0', '1']);
        assert.deepEqual(deleted.Failed.map((entry) => entry.Code), ['ReceiptHandleIsInvalid']);
        assert.equal(await attribute(QueueUrl, 'ApproximateNumberOfMessages'), '0');
    });

    test('are refused as a whole when they are none', async () => {
        const QueueUrl = await makeQueue();
        const entry = (Id) => ({ Id, MessageBody: 'x' });
        const refused = async (Entries) =>
            (await refusal(sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries })))).name;
        assert.equal(await refused([]), 'EmptyBatchRequest');
        assert.equal(await refused([entry('a'), entry('a')]), 'BatchEntryIdsNotDistinct');
        assert.equal(await refused([entry('a b')]), 'InvalidBatchEntryId');
        assert.equal(await refused(Array.from({ length: 11 }, (_, i) => entry(`${i}`))),
            'TooManyEntriesInBatchRequest');
        assert.equal(await refused([{ Id: 'a', MessageBody: 'x'.repeat(600000) },
            { Id: 'b', MessageBody: 'x'.repeat(600000) }]), 'BatchRequestTooLong');
    });
});

describe('FIFO queues', () => {
    test('keep order and drop repeats', async () => {
        const { QueueUrl } = await sqs.send(new CreateQueueCommand({
            QueueName: `${unique('queue')}.fifo`, Attributes: { FifoQueue: 'true' } }));
        for (const i of [1, 2, 2, 3]) {
            await send(QueueUrl, `${i}`, { MessageGroupId: 'g', MessageDeduplicationId: `${i}` });
        }
        const messages = await receive(QueueUrl);
        assert.deepEqual(messages.map((message) => message.Body), ['1', '2', '3']);
        assert.equal(messages[0].Attributes.MessageGroupId, 'g');
        assert.equal((await refusal(send(QueueUrl, 'x'))).status, 400);
    });
});

describe('refusals', () => {
    const receiveRefused = (more) => async () =>
        (await refusal(receive(await makeQueue(), more))).status;
    test('of a wait over 20 s', async () => {
        assert.equal(await receiveRefused({ WaitTimeSeconds: 21 })(), 400);
    });
    test('of more than ten messages', async () => {
        assert.equal(await receiveRefused({ MaxNumberOfMessages: 11 })(), 400);
    });
    test('of a visibility over 12 h', async () => {
        assert.equal(await receiveRefused({ VisibilityTimeout: 43201 })(), 400);
    });
    test('of a delay over 15 min', async () => {
        assert.equal((await refusal(send(await makeQueue(), 'x', { DelaySeconds: 901 }))).status, 400);
    });
    test('of a nonsense receipt handle', async () => {
        const { name } = await refusal(sqs.send(new DeleteMessageCommand({
            QueueUrl: await makeQueue(), ReceiptHandle: 'nonsense' })));
        assert.equal(name, 'ReceiptHandleIsInvalid');
    });
});
