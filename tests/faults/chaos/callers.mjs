// The callers of the chaos test: each brings its piece of work, again and again until it is taken (a
// caller's own retry), does what its kind does then (cancels, leaves, comes with a second token), and
// keeps what it is told.
import { sleep, sqs } from '../../support/stack.mjs';
import { workOf } from './work.mjs';

const AGAIN_MS = 200;
const CALL_TIMEOUT_MS = 20000;
const POLL_SECONDS = 5;

export class Callers {
    works = [];
    requests = 0; // sent, repeats included
    taken = 0;
    queueReplies = new Map(); // invocation id -> bodies, copies included
    #present = true;

    constructor(stack) {
        this.stack = stack;
        this.reading = this.#readReplies();
    }

    // Brings so many pieces of work, spread over this time.
    async come(count, overMs) {
        const coming = [];
        for (let n = 0; n < count; n++) {
            coming.push(this.#bring(workOf(n)));
            await sleep(overMs / count);
        }
        await Promise.all(coming);
    }

    async #bring(work) {
        this.works.push(work);
        work.tasks = [];
        const body = { ...work.request, ...await this.#address(work) };
        await this.#submit(work, body);
        this.taken++;
        if (work.cancelAfterMs) {
            await sleep(work.cancelAfterMs);
            await this.#post(`/invocations/${work.id}/cancel`, '', [200, 202]);
        }
        if (work.abortAfterMs) {
            await sleep(work.abortAfterMs);
            await this.stack.standIn.control('DELETE', `tasks/${work.tasks[0]}`);
        }
        if (work.secondTokenAfterMs) {
            await sleep(Math.random() * work.secondTokenAfterMs);
            await this.#submit(work, { ...work.request, ...await this.#address(work) });
        }
    }

    // Where this piece of work is answered, as members of its request.
    async #address(work) {
        const { standIn } = this.stack;
        if (work.address === 'queue') {
            return { replyTo: { queueUrl: this.stack.replies } };
        }
        if (work.address === 'response') {
            const { n, url } = (await standIn.control('POST', 'responses')).body;
            work.response = n;
            return { ResponseURL: url };
        }
        const { n, taskToken } = (await standIn.control('POST', 'tasks', {})).body;
        work.tasks.push(n);
        return { taskToken };
    }

    async #submit(work, body) {
        if (work.channel === 'http') {
            work.id = (await this.#post('/invocations', JSON.stringify(body), [200, 202])).InvocationId;
            return;
        }
        const { RINGBACK_REQUEST_QUEUE_URL: QueueUrl } = this.stack.standIn.environment;
        this.requests++;
        await sqs(this.stack.standIn, 'SendMessage', { QueueUrl, MessageBody: JSON.stringify(body) });
    }

    // To either invoker, until one of these codes is the answer.
    async #post(target, body, codes) {
        const invokers = this.stack.daemons.filter((daemon) => daemon.command === 'invoker');
        for (;;) {
            const { answer, text } = await this.#tryPost(invokers[Math.floor(Math.random() * 2)].address(), target, body);
            if (codes.includes(answer)) {
                return JSON.parse(text);
            }
            if (answer >= 400 && answer < 500 && answer !== 429 && answer !== 404) {
                throw new Error(`${target} was answered ${answer}: ${text}`);
            }
            await sleep(AGAIN_MS);
        }
    }

    // answer is 0 when there was none.
    async #tryPost(address, target, body) {
        if (!address) {
            return { answer: 0 };
        }
        this.requests++;
        try {
            const response = await fetch(address + target, { method: 'POST', body,
                headers: { 'content-type': 'application/json' }, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
            return { answer: response.status, text: await response.text() };
        } catch {
            return { answer: 0 };
        }
    }

    async #readReplies() {
        while (this.#present) {
            const { Messages = [] } = await sqs(this.stack.standIn, 'ReceiveMessage', { QueueUrl: this.stack.replies,
                MaxNumberOfMessages: 10, WaitTimeSeconds: POLL_SECONDS, MessageAttributeNames: ['All'] });
            for (const { Body, ReceiptHandle } of Messages) {
                const { invocationId } = JSON.parse(Body);
                const bodies = this.queueReplies.get(invocationId) ?? [];
                this.queueReplies.set(invocationId, [...bodies, Body]);
                await sqs(this.stack.standIn, 'DeleteMessage', { QueueUrl: this.stack.replies, ReceiptHandle });
            }
        }
    }

    async allTold() {
        const { tasks } = (await this.stack.standIn.control('GET', 'tasks')).body;
        const { responses } = (await this.stack.standIn.control('GET', 'responses')).body;
        return tasks.every(({ state }) => state !== 'RUNNING') &&
            responses.every(({ puts }) => puts.some(({ status }) => status === 200)) &&
            this.queueReplies.size >= this.works.filter(({ address }) => address === 'queue').length;
    }

    leave() {
        this.#present = false;
    }
}
