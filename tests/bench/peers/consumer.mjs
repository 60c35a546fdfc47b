// A consumer as it is usually written today with the AWS SDK for JavaScript v3: receive ten events,
// call back each of them, delete them. It remembers nothing: no store, every token is known to it.
//
//     consumer.mjs ENDPOINT     reads from stdin, a line each: completion BATCH COUNT; answers "done"
import readline from 'node:readline';
import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { SendTaskSuccessCommand, SFNClient } from '@aws-sdk/client-sfn';

const endpoint = process.argv[2];
const QueueUrl = `${endpoint}/000000000000/events`;
const sqs = new SQSClient({ endpoint });
const states = new SFNClient({ endpoint });
const taskToken = 'A'.repeat(700);

async function turn() {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({
        QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20, VisibilityTimeout: 120,
    }));
    await Promise.all(Messages.map(({ Body }) => {
        const event = JSON.parse(Body);
        if (event.detail.state !== 'FINISHED') throw new Error(`not expected: ${event.detail.state}`);
        return states.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(event) }));
    }));
    await sqs.send(new DeleteMessageBatchCommand({
        QueueUrl, Entries: Messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle })),
    }));
    return Messages.length;
}

console.log('ready');
if (!process.env.BENCH_START_ONLY) {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const count = Number(line.split(' ')[2]);
        for (let done = 0; done < count;) done += await turn();
        console.log('done');
    }
}
