// What the fault tests in Node share: `ringback local`, daemons beside it that may be killed, signed
// calls of AWS, and cases as tests/support/script.sh prints them. Needs nothing but node.
import { spawn } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import readline from 'node:readline';
import { StandIn, binary, cleanEnvironment, run, until } from '../integration/foreign/stand_in.mjs';

export { StandIn, cleanEnvironment, run, until };
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- Processes ----

const children = new Set();

// The process ends with this one, however this one ends.
export function ends(child) {
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
}

process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
['SIGINT', 'SIGTERM'].forEach((signal) => process.on(signal, () => process.exit(1)));

// ---- Cases ----

let failed = 0;

// The case passes when this is true; the reason, one line, is told otherwise.
export function check(name, passed, why = '') {
    failed += passed ? 0 : 1;
    console.log(passed ? `ok ${name}` : `not ok ${name}: ${String(why).replaceAll('\n', ' ').slice(0, 2000)}`);
}

// The case passes when the list is empty; some of it is told otherwise.
export function none(name, list) {
    const told = list.slice(0, 5).map((item) => JSON.stringify(item)).join(', ');
    check(name, list.length === 0, `${list.length}: ${told}`);
}

export const exitStatus = () => (failed > 0 ? 1 : 0);

// ---- AWS ----

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();

// One call of a JSON service, not repeated: {status, body}. It is the caller's to say what a lost
// connection means.
export async function awsCall(standIn, service, target, input) {
    const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = standIn.environment;
    const url = new URL(standIn.endpoint);
    const body = JSON.stringify(input);
    const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const scope = `${time.slice(0, 8)}/${AWS_REGION}/${service}/aws4_request`;
    const signed = { host: url.host, 'x-amz-date': time, 'x-amz-target': target };
    const names = Object.keys(signed).join(';');
    const lines = Object.entries(signed).map(([name, value]) => `${name}:${value}\n`).join('');
    const canonical = `POST\n/\n\n${lines}\n${names}\n${sha256(body)}`;
    const key = scope.split('/').reduce(hmac, `AWS4${AWS_SECRET_ACCESS_KEY}`);
    const signature = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`).toString('hex');
    const response = await fetch(url, {
        method: 'POST',
        body,
        headers: {
            'content-type': 'application/x-amz-json-1.0',
            'x-amz-date': time,
            'x-amz-target': target,
            authorization: `AWS4-HMAC-SHA256 Credential=${AWS_ACCESS_KEY_ID}/${scope}, ` +
                `SignedHeaders=${names}, Signature=${signature}`,
        },
    });
    return { status: response.status, body: await response.json() };
}

// An SQS call that is repeated until it is taken, as a client would; so what it does may be done twice.
export async function sqs(standIn, operation, input) {
    return (await until(async () => {
        try {
            const reply = await awsCall(standIn, 'sqs', `AmazonSQS.${operation}`, input);
            return reply.status === 200 && reply;
        } catch {
            return false;
        }
    })).body;
}

// Nothing waits, is in flight or comes later.
export async function queueIsEmpty(standIn, QueueUrl) {
    const { Attributes } = await sqs(standIn, 'GetQueueAttributes', { QueueUrl, AttributeNames: ['All'] });
    return ['', 'NotVisible', 'Delayed'].every((which) => Attributes[`ApproximateNumberOfMessages${which}`] === '0');
}

// The rows that a query finds, each an array of values, asked of the stand-in's Data API itself.
export async function query(standIn, Sql) {
    const call = async (operation, input) => {
        const { status, body } = await awsCall(standIn, 'redshift-data', `RedshiftData.${operation}`, input);
        if (status !== 200) {
            throw new Error(`${operation}: ${JSON.stringify(body)}`);
        }
        return body;
    };
    const { Id, Status } = await call('ExecuteStatement',
        { Sql, ClusterIdentifier: 'local', Database: 'dev', DbUser: 'awsuser', WaitTimeSeconds: 30 });
    if (Status !== 'FINISHED') {
        throw new Error(`${Status}: ${Sql}`);
    }
    const { HasResultSet } = await call('DescribeStatement', { Id });
    const rows = [];
    let page = HasResultSet ? await call('GetStatementResult', { Id }) : { Records: [] };
    rows.push(...page.Records);
    while (page.NextToken) {
        page = await call('GetStatementResult', { Id, NextToken: page.NextToken });
        rows.push(...page.Records);
    }
    return rows.map((row) => row.map((field) => Object.values(field)[0]));
}

// ---- Daemons ----

// A process of ringback on free ports that is started again, at once, whenever it ends, until stop().
// deaths counts its kills; what else ended it is in accidents. lifeOf, when given, makes the settings of
// one life: what is in SEAM_KILL kills it at a seam (tests/support/seam_kill.c).
export class Daemon {
    constructor(command, environment, log, lifeOf = () => ({})) {
        Object.assign(this, { command, environment, lifeOf, deaths: 0, accidents: [], stopping: false });
        this.log = createWriteStream(log, { flags: 'a' });
        this.#start();
    }

    #start() {
        const life = this.lifeOf();
        const child = ends(spawn(life.SEAM_KILL ? `${binary}_seams` : binary, [this.command], {
            env: cleanEnvironment({ ...this.environment, ...life,
                RINGBACK_HTTP_LISTEN: '127.0.0.1:0', RINGBACK_ADMIN_LISTEN: '127.0.0.1:0' }),
            stdio: ['ignore', 'ignore', 'pipe'],
        }));
        this.child = child;
        this.asked = false; // to stop
        this.addresses = {};
        readline.createInterface({ input: child.stderr }).on('line', (line) => this.#read(child, line));
        this.closed = once(child, 'close').then(([code, signal]) => this.#ended(code, signal));
    }

    #read(child, line) {
        this.log.write(`${line}\n`);
        const [, name, address] = line.match(/"message":"listening".*"name":"([a-z]+)".*"address":"([^"]+)"/) ?? [];
        if (name && child === this.child) {
            this.addresses[name] = `http://${address}`;
        }
    }

    #ended(code, signal) {
        this.deaths += signal === 'SIGKILL' ? 1 : 0;
        if (signal !== 'SIGKILL' && !(this.asked && code === 0)) {
            this.accidents.push(`${this.command} ended with ${signal ?? code}`);
        }
        if (!this.stopping) {
            this.#start();
        }
        return signal ?? code;
    }

    // Its address ("http", "admin"), or undefined while it is not there.
    address(name = 'http') {
        return this.addresses[name];
    }

    kill() {
        this.child.kill('SIGKILL');
    }

    // Asks it to stop; resolves to how it ended, when it is being started again.
    restart() {
        this.asked = true;
        this.child.kill('SIGTERM');
        return this.closed;
    }

    async stop() {
        this.stopping = true;
        await this.restart();
        this.log.end();
    }

    // A counter of /metrics, without "ringback_".
    async metric(name) {
        const text = await (await fetch(`${this.address('admin')}/metrics`)).text();
        return Number(text.match(new RegExp(`^ringback_${name} (.*)$`, 'm'))?.[1] ?? 0);
    }
}

// Posts a request that must be accepted; resolves to the invocation's id.
export async function post(daemon, request) {
    const response = await fetch(`${daemon.address()}/invocations`, { method: 'POST', body: JSON.stringify(request) });
    const text = await response.text();
    if (response.status !== 202) {
        throw new Error(`a request was answered ${response.status}: ${text}`);
    }
    return JSON.parse(text).InvocationId;
}
