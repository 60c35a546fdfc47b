// fauxqs, an SQS that was not written here, on a free port of 127.0.0.1 (its own command binds all
// interfaces). node fauxqs.mjs NAME... makes each queue and its dead-letter queue NAME-dead
// (maxReceiveCount 3), prints one line {"endpoint":"http://127.0.0.1:port","queues":{NAME:URL}} and
// ends when its standard input is closed, so that it never outlives its test.
import { buildApp } from 'fauxqs';

const app = buildApp({ logger: false });
const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });

async function call(operation, input) {
    const answer = await fetch(endpoint, {
        method: 'POST',
        headers: {
            'content-type': 'application/x-amz-json-1.0',
            'x-amz-target': `AmazonSQS.${operation}`,
        },
        body: JSON.stringify(input),
    });
    if (!answer.ok) {
        throw new Error(`${operation}: ${answer.status} ${await answer.text()}`);
    }
    return answer.json();
}

async function create(name, attributes) {
    const { QueueUrl } = await call('CreateQueue', { QueueName: name, Attributes: attributes });
    const { Attributes } = await call('GetQueueAttributes', { QueueUrl, AttributeNames: ['QueueArn'] });
    return { url: QueueUrl, arn: Attributes.QueueArn };
}

const queues = {};
for (const name of process.argv.slice(2)) {
    const dead = await create(`${name}-dead`, {});
    const redrive = { deadLetterTargetArn: dead.arn, maxReceiveCount: '3' };
    const queue = await create(name, { RedrivePolicy: JSON.stringify(redrive) });
    queues[name] = queue.url;
    queues[`${name}-dead`] = dead.url;
}

process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
console.log(JSON.stringify({ endpoint, queues }));
