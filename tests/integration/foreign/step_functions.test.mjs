// Task callbacks of `ringback local`, driven by the AWS SDK for JavaScript.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
    SFNClient, SendTaskFailureCommand, SendTaskHeartbeatCommand, SendTaskSuccessCommand,
} from '@aws-sdk/client-sfn';
import { StandIn, refusal, until } from './stand_in.mjs';

let standIn;
let sfn;

before(async () => {
    standIn = await StandIn.start();
    sfn = standIn.client(SFNClient);
});

after(async () => {
    sfn.destroy();
    assert.equal(await standIn.stop(), 0);
});

const newTask = async (options = {}) => (await standIn.control('POST', 'tasks', options)).body;
const task = async (n) => (await standIn.control('GET', 'tasks')).body.tasks.find((found) => found.n === n);
const succeed = (taskToken, output = '{}') => sfn.send(new SendTaskSuccessCommand({ taskToken, output }));
const fail = (taskToken, error, cause) => sfn.send(new SendTaskFailureCommand({ taskToken, error, cause }));
const beat = (taskToken) => sfn.send(new SendTaskHeartbeatCommand({ taskToken }));

describe('a task', () => {
    test('succeeds once', async () => {
        const { n, taskToken } = await newTask();
        await succeed(taskToken, '{"a":1}');
        assert.equal((await refusal(succeed(taskToken))).name, 'TaskTimedOut');
        assert.equal((await refusal(fail(taskToken, 'FAILED'))).name, 'TaskTimedOut');
        const { state, output, accepted, refused } = await task(n);
        assert.deepEqual({ state, output, accepted, refused },
            { state: 'SUCCEEDED', output: '{"a":1}', accepted: 1, refused: 2 });
    });

    test('fails with error and cause', async () => {
        const { n, taskToken } = await newTask();
        await fail(taskToken, 'FAILED', 'because');
        const { state, error, cause } = await task(n);
        assert.deepEqual({ state, error, cause }, { state: 'FAILED', error: 'FAILED', cause: 'because' });
    });

    test('counts heartbeats while it runs', async () => {
        const { n, taskToken } = await newTask({ heartbeatSeconds: 60 });
        await beat(taskToken);
        await beat(taskToken);
        const { state, heartbeats } = await task(n);
        assert.deepEqual({ state, heartbeats }, { state: 'RUNNING', heartbeats: 2 });
    });

    test('times out without heartbeats', async () => {
        const { n, taskToken } = await newTask({ heartbeatSeconds: 1 });
        await until(async () => (await task(n)).state === 'TIMED_OUT');
        assert.equal((await refusal(beat(taskToken))).name, 'TaskTimedOut');
    });

    test('times out by its own limit, heartbeats or not', async () => {
        const { n, taskToken } = await newTask({ heartbeatSeconds: 60, timeoutSeconds: 1 });
        await beat(taskToken);
        await until(async () => (await task(n)).state === 'TIMED_OUT');
    });

    test('can be aborted', async () => {
        const { n, taskToken } = await newTask();
        await standIn.control('DELETE', `tasks/${n}`);
        assert.equal((await task(n)).state, 'ABORTED');
        assert.equal((await refusal(succeed(taskToken))).name, 'TaskTimedOut');
    });
});

describe('refusals', () => {
    test('of a token that is none', async () => {
        const { name, status } = await refusal(succeed('nonsense'));
        assert.deepEqual([name, status], ['InvalidToken', 400]);
    });

    test('of a token that is unknown', async () => {
        const { taskToken } = await newTask();
        const other = taskToken.slice(0, -8) + 'AAAAAAAA';
        assert.equal((await refusal(succeed(other))).name, 'TaskDoesNotExist');
    });

    test('of an output that is no JSON leave the task open', async () => {
        const { n, taskToken } = await newTask();
        assert.equal((await refusal(succeed(taskToken, '{'))).name, 'InvalidOutput');
        assert.equal((await task(n)).state, 'RUNNING');
    });

    test('of what is too long', async () => {
        const { taskToken } = await newTask();
        assert.equal((await refusal(succeed(taskToken, `"${'x'.repeat(262144)}"`))).name, 'ValidationException');
        assert.equal((await refusal(fail(taskToken, 'x'.repeat(257)))).name, 'ValidationException');
        assert.equal((await refusal(fail(taskToken, 'x', 'x'.repeat(32769)))).name, 'ValidationException');
        assert.equal((await refusal(succeed('A'.repeat(2049)))).name, 'ValidationException');
    });

    test('of a task that is not there', async () => {
        assert.equal((await standIn.control('DELETE', 'tasks/999')).status, 404);
    });
});
