// `ringback doctor` on an account that the AWS SDK for JavaScript has set up: queues in the stand-in,
// rules, backups and state machines in tests/support/account.mjs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
    DescribeRuleCommand, EventBridgeClient, ListRuleNamesByTargetCommand, ListTargetsByRuleCommand, PutRuleCommand,
    PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { GetQueueUrlCommand, SendMessageCommand, SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import aslValidator from 'asl-validator';
import { Account } from '../../support/account.mjs';
import { StandIn, binary, cleanEnvironment, run } from './stand_in.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const machines = path.join(root, 'tests/vectors/machines');
const queueArn = (name) => `arn:aws:sqs:us-east-1:000000000000:${name}`;
const machineArn = 'arn:aws:states:us-east-1:000000000000:stateMachine:nightly';
const pattern = {
    source: ['aws.redshift-data'],
    'detail-type': ['Redshift Data Statement Status Change'],
    detail: { statementName: [{ prefix: 'ringback/' }] },
};
// What the machine of the test decides, and not the account.
const ofTheMachine = ['file-system-passing', 'not-looked-at tracker\'s file'];

let folder;
let standIn;
let account;
let sqs;
let events;

before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'doctor-'));
    await writeFile(path.join(folder, 'keys'), `k1:${randomBytes(32).toString('base64')}\n`);
    standIn = await StandIn.start('--queues', 'ringback-events,ringback-requests,rule-dead,spare');
    account = await Account.start(standIn.endpoint, { DynamoDB_20120810: process.env.DYNAMODB_URL });
    const options = { endpoint: account.endpoint };
    sqs = standIn.client(SQSClient, options);
    events = standIn.client(EventBridgeClient, options);
});

after(async () => {
    sqs.destroy();
    events.destroy();
    await account.stop();
    assert.equal(await standIn.stop(), 0);
    await rm(folder, { recursive: true });
});

const urlOf = async (QueueName) => (await sqs.send(new GetQueueUrlCommand({ QueueName }))).QueueUrl;
const setQueue = async (name, Attributes) =>
    sqs.send(new SetQueueAttributesCommand({ QueueUrl: await urlOf(name), Attributes }));
const putRule = (Name, EventPattern, more = {}) =>
    events.send(new PutRuleCommand({ Name, EventPattern: EventPattern && JSON.stringify(EventPattern), ...more }));
const putTarget = (Rule, more = { DeadLetterConfig: { Arn: queueArn('rule-dead') } }) =>
    events.send(new PutTargetsCommand({ Rule, Targets: [{ Id: '1', Arn: queueArn('ringback-events'), ...more }] }));
const policy = (rule) => JSON.stringify({
    Version: '2012-10-17',
    Statement: [{
        Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Action: 'sqs:SendMessage',
        Resource: queueArn('ringback-events'), Condition: { ArnEquals: { 'aws:SourceArn': Account.arn(rule) } },
    }],
});
const redrive = (name, maxReceiveCount) =>
    JSON.stringify({ deadLetterTargetArn: queueArn(`${name}-dead`), maxReceiveCount });

// As docs/operations.md says.
beforeEach(async () => {
    account.denied.clear();
    account.operations.clear();
    account.rules.clear();
    account.skewMs = 0;
    for (const name of ['ringback-events', 'ringback-requests']) {
        await setQueue(`${name}-dead`, { MessageRetentionPeriod: '1209600' });
        await setQueue(name, {
            VisibilityTimeout: '120', MessageRetentionPeriod: '1209600', RedrivePolicy: redrive(name, 20),
        });
    }
    await setQueue('ringback-events', { Policy: policy('ringback') });
    await putRule('ringback', pattern);
    await putTarget('ringback');
});

// Runs doctor; found has "name subject" of each finding that is not fine.
async function doctor(...args) {
    const environment = {
        ...standIn.environment,
        AWS_ENDPOINT_URL: account.endpoint,
        RINGBACK_EVENT_QUEUE_URL: await urlOf('ringback-events'),
        RINGBACK_REQUEST_QUEUE_URL: await urlOf('ringback-requests'),
        RINGBACK_TRACKER_URL: `sqlite:${path.join(folder, 'tracker.db')}`,
        RINGBACK_KEY_FILE: path.join(folder, 'keys'),
    };
    account.operations.clear();
    const { code, stdout, stderr } = await run(['doctor', '--json', ...args], environment);
    assert.equal(stderr, '');
    const report = JSON.parse(stdout);
    const all = report.findings.filter(({ severity }) => severity !== 'ok').map((it) => `${it.finding} ${it.subject}`);
    const found = all.filter((it) => !ofTheMachine.some((other) => it.startsWith(other)));
    assert.equal(report.healthy, code === 0);
    return { code, report, found };
}

const said = ({ report }, subject) => report.findings.filter((it) => it.subject === subject).map(({ what }) => what).join('; ');

describe('an account as the documents say', () => {
    test('is healthy, and everything was looked at', async () => {
        const result = await doctor();
        assert.deepEqual(result.found, []);
        assert.equal(result.code, 0);
        for (const subject of ['identity', 'clock', 'Data API', 'event queue', 'request queue', 'rule ringback',
            "rule ringback's dead letters", "event queue's dead letters"]) {
            assert.notEqual(said(result, subject), '', subject);
        }
        assert.match(said(result, 'identity'), /^arn:aws:iam::000000000000:user\/local, by the environment$/);
    });

    test('is read as the SDK reads it', async () => {
        const { RuleNames } = await events.send(new ListRuleNamesByTargetCommand({ TargetArn: queueArn('ringback-events') }));
        assert.deepEqual(RuleNames, ['ringback']);
        const rule = await events.send(new DescribeRuleCommand({ Name: 'ringback' }));
        assert.deepEqual(JSON.parse(rule.EventPattern), pattern);
        const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule: 'ringback' }));
        assert.equal(Targets[0].DeadLetterConfig.Arn, queueArn('rule-dead'));
    });

    test('is asked only what reads, and what the documents name', async () => {
        const page = await readFile(path.join(root, 'docs/operations.md'), 'utf8');
        const named = new Set([...page.matchAll(/"((?:sqs|events|redshift-data|dynamodb|states):[A-Za-z]+)"/g)].map(([, name]) => name));
        await doctor();
        for (const operation of account.operations) {
            assert.match(operation, /^[a-z-]+:(Describe|List|Get)/);
            assert.ok(operation === 'sts:GetCallerIdentity' || named.has(operation), operation);
        }
        assert.ok(account.operations.size >= 7);
    });
});

describe('what is not allowed', () => {
    for (const [operation, finding, still] of [
        ['sqs:GetQueueAttributes', 'not-allowed', 'Data API'],
        ['redshift-data:DescribeStatement', 'not-allowed', 'event queue'],
        ['redshift-data:ListStatements', 'not-allowed', 'rule ringback'],
        ['events:ListRuleNamesByTarget', 'not-looked-at', 'event queue'],
        ['events:DescribeRule', 'not-looked-at', "event queue's dead letters"],
        ['events:ListTargetsByRule', 'not-looked-at', 'Data API'],
        ['sts:GetCallerIdentity', 'not-looked-at', 'event queue'],
    ]) {
        test(`is named: ${operation}`, async () => {
            account.denied.add(operation);
            const result = await doctor();
            assert.ok(result.found.every((it) => it.startsWith(`${finding} `) || it === 'not-looked-at rules'), `${result.found}`);
            const whats = result.report.findings.filter((it) => it.finding === finding).map(({ what }) => what);
            assert.ok(whats.includes(`${operation} is not allowed`), `${whats}`);
            assert.equal(result.code, finding === 'not-allowed' ? 1 : 0);
            assert.notEqual(said(result, still), '', 'the rest goes on');
        });
    }
});

describe('rules', () => {
    test('that are missing', async () => {
        account.rules.clear();
        const { found, code } = await doctor();
        assert.deepEqual(found, ['rule-missing rules']);
        assert.equal(code, 1);
    });

    test('that are disabled', async () => {
        await putRule('ringback', pattern, { State: 'DISABLED' });
        assert.deepEqual((await doctor()).found, ['rule-disabled rule ringback']);
    });

    test('of another prefix', async () => {
        assert.deepEqual((await doctor('--statement-prefix', 'nightly/')).found, ['rule-pattern rule ringback']);
    });

    test('without a pattern for names', async () => {
        await putRule('ringback', { source: pattern.source });
        assert.deepEqual((await doctor()).found, ['rule-pattern-wide rule ringback']);
    });

    test('that change the event, and have no dead-letter queue', async () => {
        await putTarget('ringback', { InputPath: '$.detail' });
        assert.deepEqual((await doctor()).found, ['rule-input rule ringback', 'rule-dead-letters rule ringback']);
    });

    test('whose dead-letter queue is not there', async () => {
        await putTarget('ringback', { DeadLetterConfig: { Arn: queueArn('nowhere') } });
        assert.deepEqual((await doctor()).found, ["dead-letter-queue rule ringback's dead letters"]);
    });

    test('that the queue does not let write', async () => {
        await setQueue('ringback-events', { Policy: policy('another') });
        assert.deepEqual((await doctor()).found, ['queue-policy event queue']);
    });

    test('beside the one', async () => {
        await putRule('hourly', undefined, { ScheduleExpression: 'rate(1 hour)' });
        await putTarget('hourly');
        await putRule('executions', { source: ['aws.states'], detail: { status: ['ABORTED'] } });
        await putTarget('executions');
        assert.deepEqual((await doctor()).found, ['rule-foreign rule hourly', 'queue-policy event queue']);
    });
});

describe('queues', () => {
    test('as SQS makes them', async () => {
        await setQueue('ringback-requests', {
            VisibilityTimeout: '30', MessageRetentionPeriod: '345600', RedrivePolicy: redrive('ringback-requests', 5),
        });
        const { found, code } = await doctor();
        assert.deepEqual(found, ['queue-visibility request queue', 'queue-retention request queue', 'queue-receives request queue']);
        assert.equal(code, 0);
    });

    test('of a Lambda function', async () => {
        const { found, code } = await doctor('--function-timeout', '30');
        assert.deepEqual(found, ['queue-visibility-lambda event queue', 'queue-visibility-lambda request queue']);
        assert.equal(code, 1);
        assert.deepEqual((await doctor('--function-timeout=20')).found, []);
    });

    test('with dead letters', async () => {
        await putTarget('ringback', { DeadLetterConfig: { Arn: queueArn('spare') } });
        await sqs.send(new SendMessageCommand({ QueueUrl: await urlOf('spare'), MessageBody: 'x' }));
        const result = await doctor();
        assert.deepEqual(result.found, ["dead-letters rule ringback's dead letters"]);
        assert.equal(said(result, "rule ringback's dead letters"), '1 messages');
    });
});

test('a clock that is off is named', async () => {
    account.skewMs = 100_000;
    const result = await doctor();
    assert.ok(result.found.includes('clock clock'), `${result.found}`);
    assert.match(said(result, 'clock'), /^AWS is (99|100|101) s ahead of this machine$/);
});

// Sends one command to the Redis of this test run.
async function redis(command) {
    const { hostname, port } = new URL(process.env.REDIS_URL);
    const socket = connect(Number(port), hostname);
    socket.write(`${command}\r\n`);
    const [reply] = await once(socket, 'data');
    socket.destroy();
    assert.equal(reply.toString(), '+OK\r\n');
}

test('settings of a Redis', { skip: !process.env.REDIS_URL && 'no Redis' }, async () => {
    const tracker = ['--tracker-url', process.env.REDIS_URL];
    assert.deepEqual((await doctor(...tracker)).found, []);
    await redis('CONFIG SET appendfsync everysec');
    try {
        const result = await doctor(...tracker);
        assert.deepEqual(result.found, ['tracker-weak tracker']);
        assert.equal(result.code, 0);
        assert.match(said(result, 'tracker'), /may lose .* \(setting appendfsync, value everysec, needed always\)/);
    } finally {
        await redis('CONFIG SET appendfsync always');
    }
});

test('backups of a table', { skip: !process.env.DYNAMODB_URL && 'no DynamoDB' }, async () => {
    const table = ['--tracker-url', `dynamodb:doctor-${process.pid}-${Date.now()}`];
    const made = await doctor('--create-table', ...table);
    assert.deepEqual(made.found.filter((it) => /table/.test(it)), []);
    assert.equal(said(made, 'backups'), 'point-in-time recovery is ENABLED');
    account.backups = 'DISABLED';
    assert.ok((await doctor(...table)).found.includes('table-backups backups'));
    account.denied.add('dynamodb:DescribeContinuousBackups');
    assert.ok((await doctor(...table)).found.includes('not-looked-at backups'));
});

describe('state machines', () => {
    const fine = path.join(machines, 'fine.path.asl.json');
    const broken = path.join(machines, 'machine-key.path.asl.json');

    test('of the account', async () => {
        account.machines.set(machineArn, await readFile(broken, 'utf8'));
        const { found, code } = await doctor('--state-machine', machineArn);
        assert.deepEqual(found, ['machine-key state Run']);
        assert.equal(code, 0);
        assert.deepEqual([...account.operations], ['states:DescribeStateMachine']);
        assert.deepEqual((await doctor('--state-machine', `${machineArn}-2`)).found, ['not-looked-at state machine']);
        account.denied.add('states:DescribeStateMachine');
        assert.deepEqual((await doctor('--state-machine', machineArn)).found, ['not-looked-at state machine']);
    });

    test('of a file need no AWS', async () => {
        const { code, stdout } = await run(['doctor', '--state-machine', fine]);
        assert.equal(stdout, 'ok       state machine: 1 of its tasks wait for a callback\n');
        assert.equal(code, 0);
        assert.equal((await run(['doctor', '--state-machine', path.join(machines, 'machine-timeout.path.asl.json')])).code, 1);
        const missing = await run(['doctor', '--state-machine', '/nowhere']);
        assert.equal(missing.code, 2);
        assert.match(missing.stderr, /--state-machine: \/nowhere: No such file/);
    });

    test('of stdin', async () => {
        const child = spawn(binary, ['doctor', '--state-machine', '-'], { env: cleanEnvironment({}) });
        child.stdin.end(await readFile(broken));
        const output = child.stdout.toArray();
        assert.equal((await once(child, 'close'))[0], 0);
        assert.match(Buffer.concat(await output).toString(), /^warning {2}state Run: its request has no requestKey\n {9}why: /);
    });

    test('of the cases are such as Step Functions takes', async () => {
        for (const file of (await readdir(machines)).filter((name) => name.endsWith('.asl.json'))) {
            const { isValid, errorsText } = aslValidator(JSON.parse(await readFile(path.join(machines, file), 'utf8')));
            assert.ok(isValid, `${file}: ${errorsText?.()}`);
        }
    });
});
