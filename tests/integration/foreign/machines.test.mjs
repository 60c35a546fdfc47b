// The state machines of docs/examples, executed as they are.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { Service } from './service.mjs';
import { until } from './stand_in.mjs';
import { StepFunctions, listExamples, readExample, taskStates } from './state_machines.mjs';

const patience = 120;
let service;
let stepFunctions;

const machines = Object.fromEntries([
    'all-pages', 'cancelling', 'polling', 'single-failure', 'single-success', 'success-and-fail',
].map((name) => [name, `tasker-machines/${name}.asl.json`]));

before(async () => {
    service = await Service.start();
    const user2 = await service.addInvoker({ DB_USER: 'user2' });
    stepFunctions = new StepFunctions({
        standIn: service.standIn,
        functions: { ringback: service.serve, 'ringback-user2': user2 },
        machines,
    });
});

after(async () => {
    assert.deepEqual(await service.stop(), [0, 0, 0]);
});

// Runs the machine; it must succeed.
async function succeeds(name, input) {
    const execution = await stepFunctions.execute(name, input);
    assert.equal(execution.status, 'SUCCEEDED', `${execution.error}: ${execution.cause} ${execution.entered}`);
    return execution;
}

// The statements of the stand-in whose names belong to these invocations.
async function statementsOf(replies) {
    const { body: { statements } } = await service.standIn.control('GET', 'statements');
    return replies.map(({ Id }) => statements.find(({ id }) => id === Id));
}

// Nothing is left on the event queue, seen or unseen, nor in its dead-letter queue.
async function eventsAreDrained() {
    const sqs = service.standIn.client(SQSClient);
    const url = service.environment.RINGBACK_EVENT_QUEUE_URL;
    for (const QueueUrl of [url, `${url}-dead`]) {
        await until(async () => {
            const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
            return Attributes.ApproximateNumberOfMessages === '0'
                && Attributes.ApproximateNumberOfMessagesNotVisible === '0';
        }, patience);
    }
    sqs.destroy();
}

describe('the machines of the tasker', { concurrency: true }, () => {
    test('cancelling: the heartbeat is the budget, LATEST is the slow statement', async () => {
        const execution = await succeeds('cancelling');
        const [setup] = execution.repliesOf('provideUdfSlowExecution');
        const [slow] = execution.repliesOf('startSlowQuery');
        assert.notEqual(slow.Id, setup.Id);
        assert.equal(execution.left('startSlowQuery').error.Error, 'States.Timeout');
        assert.deepEqual(execution.repliesOf('cancelSlowQuery'), [{ Status: true }]);
        const described = execution.repliesOf('describeCanceledSlowQuery').at(-1);
        assert.deepEqual([described.Id, described.Status], [slow.Id, 'ABORTED']);
    });

    test('polling: describe has the names of the API', async () => {
        const execution = await succeeds('polling');
        const [started] = execution.repliesOf('executeBeforePolling');
        const described = execution.repliesOf('checkExecutionStateRSTask');
        assert.ok(described.length > 1);
        assert.ok(described.every(({ Id }) => Id === started.Id));
        assert.equal(described.at(-1).Status, 'FINISHED');
        assert.equal(described.at(-1).HasResultSet, true);
        assert.match(described.at(-1).CreatedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    });

    test('success-and-fail: the output is the event, the error is exactly FAILED', async () => {
        const execution = await succeeds('success-and-fail');
        const { detail, source } = execution.left('StartRedshiftStatementAndWaitForCallback').executionDetails;
        assert.deepEqual([source, detail.state], ['aws.redshift-data', 'FINISHED']);
        const { Error, Cause } = execution.left('StartInvalidRedshiftStatementAndWaitForCallback').error;
        assert.equal(Error, 'FAILED');
        assert.equal(JSON.parse(Cause).detail.state, 'FAILED');
        assert.match(JSON.parse(Cause).detail.error, /get_date/);
    });

    test('single-success: the rows by LATEST', async () => {
        const execution = await succeeds('single-success');
        const { Records, TotalNumRows } = execution.left('simpleSuccessfullRsTaskGetResult').executionResult;
        assert.deepEqual([Records.length, TotalNumRows], [1, 1]);
    });

    test('single-failure: a second invoker, the same completer', async () => {
        const execution = await succeeds('single-failure');
        const { Status, DbUser, Error } = execution.left('simpleFailureDescribeTaskProcedure').executionDetails;
        assert.deepEqual([Status, DbUser], ['FAILED', 'user2']);
        assert.match(Error, /get_date/);
    });

    test('all-pages: every page is another', async () => {
        const execution = await succeeds('all-pages');
        const pages = [...execution.repliesOf('getFirstPage'), ...execution.repliesOf('getNextPage')];
        assert.ok(pages.length > 1);
        const numbers = pages.flatMap(({ Records }) => Records.map(([field]) => field.longValue));
        assert.deepEqual(numbers, Array.from({ length: 2500 }, (_, i) => i + 1));
    });
});

describe('the files', () => {
    test('are all executed here', async () => {
        assert.deepEqual(await listExamples(), Object.values(machines).sort());
    });

    test('name every work and bound every wait', async () => {
        for (const file of Object.values(machines)) {
            for (const [name, state] of Object.entries(taskStates(await readExample(file)))) {
                const request = state.Parameters.Payload ?? state.Parameters;
                const says = `${file}, ${name}`;
                assert.ok(state.TimeoutSeconds > (state.HeartbeatSeconds ?? 0), says);
                assert.equal('taskToken.$' in request, state.Resource.endsWith('.waitForTaskToken'), says);
                if ('sqlStatement' in request || 'taskToken.$' in request) {
                    assert.match(request['requestKey.$'], /\$\$\.Execution\.Id.*\$\$\.State\.Name/, says);
                }
            }
        }
    });
});

describe('after all of them', () => {
    test('the late event of the cancelled statement has harmed nothing', async () => {
        await eventsAreDrained();
        assert.equal(await service.serve.metric('events_parked_total'), 0);
        const cancelled = (await service.standIn.control('GET', 'tasks')).body.tasks
            .filter(({ state }) => state === 'TIMED_OUT');
        assert.deepEqual(cancelled.map(({ accepted }) => accepted), [0]);
    });

    test('every statement has run once', async () => {
        const { body: { statements } } = await service.standIn.control('GET', 'statements');
        assert.deepEqual(statements.filter(({ submits, runs }) => submits !== 1 || runs !== 1), []);
    });
});
