// The state machines of docs/examples, executed as they are.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { Service } from './service.mjs';
import { until } from './stand_in.mjs';
import { StepFunctions, listExamples, readExample, readText, taskStates } from './state_machines.mjs';

const patience = 120;
const topics = 'arn:aws:sns:us-east-1:123456789012';
let service;
let stepFunctions;
let s3;
let sqs;

const machines = {
    ...Object.fromEntries([
        'all-pages', 'cancelling', 'chained', 'parallel-no-concurrency', 'polling', 'single-failure',
        'single-success', 'success-and-fail',
    ].map((name) => [name, `tasker-machines/${name}.asl.json`])),
    'sales-pipeline': 'sales-pipeline/sales-pipeline.asl.json',
    'sales-pipeline-polling': 'sales-pipeline/polling.asl.json',
    'query-list': 'query-list/query-list.asl.json',
    'query-and-notify': 'query-and-notify/query-and-notify.asl.json',
    'unload': 'unload-on-schedule/unload.asl.json',
};

before(async () => {
    service = await Service.start();
    stepFunctions = new StepFunctions({
        standIn: service.standIn,
        functions: {
            ringback: await service.addFunction({}),
            'ringback-user2': await service.addFunction({ DB_USER: 'user2' }),
        },
        queues: { 'ringback-requests': service.environment.RINGBACK_REQUEST_QUEUE_URL },
        machines,
    });
    sqs = service.standIn.client(SQSClient);
    s3 = service.standIn.client(S3Client, { forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: 'ringback-examples' }));
});

after(async () => {
    stepFunctions.close();
    sqs.destroy();
    s3.destroy();
    assert.deepEqual(await service.stop(), [0, 0]);
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

// Nothing is left on the queues, seen or unseen, nor in their dead-letter queues.
async function queuesAreDrained() {
    const { RINGBACK_EVENT_QUEUE_URL: events, RINGBACK_REQUEST_QUEUE_URL: requests } = service.environment;
    for (const QueueUrl of [events, `${events}-dead`, requests, `${requests}-dead`]) {
        await until(async () => {
            const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
            return Attributes.ApproximateNumberOfMessages === '0'
                && Attributes.ApproximateNumberOfMessagesNotVisible === '0';
        }, patience);
    }
}

// Runs the statements, which must finish.
async function runs(...sqlStatements) {
    const { body } = await service.serve.post({ sqlStatements });
    await until(async () => (await service.serve.invocation(body.InvocationId)).Outcome === 'FINISHED', patience);
}

// The rows of a query.
async function rowsOf(sqlStatement) {
    const { body: { InvocationId, Id } } = await service.serve.post({ sqlStatement });
    await until(async () => (await service.serve.invocation(InvocationId)).Outcome === 'FINISHED', patience);
    const { body: { Records } } = await service.serve.post({ action: 'getStatementResult', statementId: Id });
    return Records.map((row) => row.map(({ longValue, stringValue }) => longValue ?? stringValue ?? null));
}

// What the topic was told so far.
async function everythingPublished(topic) {
    const { body: { published } } = await service.standIn.control('GET', 'published');
    return published.filter(({ target }) => target === `${topics}:${topic}`).map(({ body }) => JSON.parse(body));
}

// The first that the topic is told.
const published = (topic) => until(async () => (await everythingPublished(topic))[0], patience);

async function objectOf(Key) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'ringback-examples', Key }));
    return Body.transformToString();
}

// What EventBridge does with the rule at this time.
async function schedule(time) {
    const rule = await readExample('unload-on-schedule/schedule.json');
    const { InputPathsMap, InputTemplate } = rule.Properties.Targets[0].InputTransformer;
    assert.deepEqual(InputPathsMap, { time: '$.time' });
    await sqs.send(new SendMessageCommand({
        QueueUrl: service.environment.RINGBACK_REQUEST_QUEUE_URL,
        MessageBody: InputTemplate.replaceAll('<time>', time),
    }));
}

describe('the machines', { concurrency: true }, () => {
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

    describe('sales-pipeline', { concurrency: 1 }, () => {
        const input = { scripts: 's3://ringback-examples/sales-pipeline/', job_run_date: '2026-11-20' };
        const loaded = [['2026-11-20', 'north', 2], ['2026-11-20', 'south', 1]];
        const drop = () => runs('drop table if exists pipeline_sales', 'drop table if exists pipeline_daily_sales');

        async function upload(name, text) {
            const Body = text ?? await readText(`sales-pipeline/scripts/${name}`);
            await s3.send(new PutObjectCommand({ Bucket: 'ringback-examples', Key: `sales-pipeline/${name}`, Body }));
        }

        // What the pipeline has loaded.
        const daily = () => rowsOf('select sold_on, region, sales from pipeline_daily_sales order by region');

        before(async () => {
            await drop();
            await upload('setup_sales_data_pipeline.sql');
            await upload('run_sales_data_pipeline.sql');
        });
        after(drop);

        test('scripts run as transactions, and again', async () => {
            const execution = await succeeds('sales-pipeline', input);
            assert.deepEqual(await daily(), loaded);
            assert.equal(execution.output.validation.detail.rows, 2);
            await succeeds('sales-pipeline', input);
            assert.deepEqual(await daily(), loaded);
            assert.deepEqual(await rowsOf('select note from pipeline_sales order by sale_id'),
                [['paid; sent'], ['{"coupon": 7}'], [null]]);
        });

        test('a day without sales does not pass the validation', async () => {
            await upload('run_sales_data_pipeline.sql',
                "delete from pipeline_daily_sales where sold_on = '{job_run_date}';");
            const execution = await stepFunctions.execute('sales-pipeline', input);
            await upload('run_sales_data_pipeline.sql');
            assert.deepEqual([execution.status, execution.error], ['FAILED', 'FAILED']);
            assert.ok(execution.passed('validate_sales_data_pipeline'));
            assert.match(JSON.parse(execution.cause).detail.error, /minRows/);
        });

        test('polling: the requests of the original', async () => {
            const execution = await succeeds('sales-pipeline-polling', input);
            assert.ok(execution.passed('sales_data_pipeline_success'));
            assert.deepEqual(Object.keys(execution.repliesOf('setup_sales_data_pipeline_status_check')[0]), ['status']);
            assert.deepEqual(await daily(), loaded);
        });

        test('polling: the failure state is reached', async () => {
            await upload('run_sales_data_pipeline.sql', 'select * from example_nowhere;');
            const execution = await stepFunctions.execute('sales-pipeline-polling', input);
            await upload('run_sales_data_pipeline.sql');
            assert.ok(execution.passed('sales_data_pipeline_failure'));
            assert.deepEqual([execution.error, execution.cause], ['Error', 'Failure on Sales Data Pipeline']);
            assert.deepEqual(execution.repliesOf('run_sales_data_pipeline_status_check').at(-1), { status: 'FAILED' });
        });
    });

    describe('query-and-notify', { concurrency: 1 }, () => {
        test('the rows are in the output, the topic for successes is told', async () => {
            const { output } = await succeeds('query-and-notify',
                { sqlStatement: "select 1 as id, 'one' as name union all select 2, 'two' order by 1" });
            const { NumRows, Result } = output.GetStatementResult;
            assert.equal(NumRows, 2);
            assert.deepEqual(Result.columns, ['id', 'name']);
            assert.deepEqual(Result.rows, [[1, 'one'], [2, 'two']]);
            assert.deepEqual([Result.totalRows, Result.truncated], [2, false]);
            const told = await published('statement-succeeded');
            assert.equal(told.output.detail.statementId, output.ExecuteStatement.detail.statementId);
        });

        test('a statement without rows is a success', async () => {
            const sqlStatement = 'create table if not exists example_nothing (n integer)';
            const { output } = await succeeds('query-and-notify', { sqlStatement });
            assert.equal(output.GetStatementResult.NumRows, 0);
            await runs('drop table if exists example_nothing');
        });

        test('a failure fails the execution, the topic for failures is told', async () => {
            const execution = await stepFunctions.execute('query-and-notify',
                { sqlStatement: 'select * from example_nowhere' });
            assert.deepEqual([execution.status, execution.error], ['FAILED', 'FAILED']);
            assert.match(JSON.parse(execution.cause).detail.error, /example_nowhere/);
            const told = await published('statement-failed');
            assert.deepEqual([told.outcome, told.cause], ['FAILED', JSON.parse(execution.cause)]);
        });
    });

    // The ten singletons run here alone: they are the same work wherever they are started.
    describe('chained', { concurrency: 1 }, () => {
        let execution;

        test('all of them, one after the other', async () => {
            execution = await succeeds('chained');
            assert.deepEqual(Object.keys(execution.nested), [
                'cancelling', 'polling', 'success-and-fail', 'parallel-no-concurrency', 'single-success',
                'single-failure',
            ]);
        });

        test('parallel-no-concurrency: one of ten runs, the others are told at once', () => {
            const { entered, output, replies } = execution.nested['parallel-no-concurrency'];
            assert.equal(entered.filter((state) => state.startsWith('successParallel')).length, 1);
            assert.equal(entered.filter((state) => state.startsWith('successAlreadyRunning')).length, 9);
            assert.equal(output.results.filter(({ ran }) => ran).length, 1);
            assert.equal(replies.filter(({ reply }) => reply.errorType === 'ConcurrentExecution').length, 9);
            assert.equal(replies.filter(({ reply }) => reply.Id).length, 1);
        });
    });

    describe('unload-on-schedule', { concurrency: 1 }, () => {
        const rows = 'id|region|amount\n1|north|10\n2|south|20\n';

        before(() => runs('drop table if exists example_sales',
            'create table example_sales (id integer, region varchar(20), amount integer)',
            "insert into example_sales values (1, 'north', 10), (2, 'south', 20)"));
        after(() => runs('drop table if exists example_sales'));

        test('unload: the object is there when the task ends', async () => {
            const execution = await succeeds('unload');
            assert.equal(execution.output.StartUnload.detail.state, 'FINISHED');
            assert.equal(await objectOf('sales/000'), rows);
        });

        test('schedule: one hour is one unload, whose outcome is told', async () => {
            await schedule('2026-11-21T15:00:00Z');
            await schedule('2026-11-21T15:00:00Z');
            const told = await published('unload-succeeded');
            assert.equal(told.outcome, 'FINISHED');
            assert.equal(await objectOf('sales/000'), rows);
            await queuesAreDrained();
            assert.equal((await everythingPublished('unload-succeeded')).length, 1);
        });

        test('schedule: an hour is skipped while the last one is under way', async () => {
            const { body: { InvocationId } } = await service.serve.post(
                { sqlStatement: 'select pg_sleep(5)', singleton: { key: 'unload-sales' } });
            await schedule('2026-11-21T16:00:00Z');
            const told = await until(async () => (await everythingPublished('unload-succeeded'))[1], patience);
            assert.deepEqual([told.outcome, told.output.ringback.skipped, told.output.ringback.holder],
                ['FINISHED', true, InvocationId]);
            await until(async () => (await service.serve.invocation(InvocationId)).Outcome === 'FINISHED', patience);
        });

        test('a failure has the text of the database', async () => {
            await runs('drop table example_sales');
            const execution = await stepFunctions.execute('unload');
            assert.deepEqual([execution.status, execution.error], ['FAILED', 'UNLOADFailed']);
            assert.match(JSON.parse(execution.cause).detail.error, /example_sales/);
            await schedule('2026-11-21T17:00:00Z');
            const told = await published('unload-failed');
            assert.deepEqual([told.outcome, told.error], ['FAILED', 'FAILED']);
            assert.match(told.cause.detail.error, /example_sales/);
        });
    });

    describe('query-list', { concurrency: 1 }, () => {
        const sql = (Sql) => ({ ExecuteStatementParameters: { Sql }, MaxRetries: 0 });

        before(() => runs('drop table if exists example_steps', 'create table example_steps (n integer)'));
        after(() => runs('drop table if exists example_steps'));

        test('texts, objects and a statement that runs already', async () => {
            const { body: { Id } } = await service.serve.post({ sqlStatement: 'select pg_sleep(1)' });
            const { output: { results } } = await succeeds('query-list', {
                queries: [
                    'insert into example_steps values (1)',
                    { StatementId: Id },
                    sql('insert into example_steps select n + 1 from example_steps'),
                    { ...sql('select n from example_steps order by n'), Note: 'told again' },
                ],
            });
            assert.deepEqual(results.map(({ Decision, Retries }) => [Decision, Retries]),
                Array(4).fill(['SUCCEED', 0]));
            assert.equal(results[1].StatementId, Id);
            assert.deepEqual([results[3].Note, results[3].Result.Status, results[3].Result.ResultRows],
                ['told again', 'FINISHED', 2]);
        });

        test('stops at the first that fails, and says why', async () => {
            const execution = await stepFunctions.execute('query-list', {
                queries: [
                    'delete from example_steps',
                    sql('select * from example_nowhere'),
                    'insert into example_steps values (9)',
                ],
            });
            assert.deepEqual([execution.status, execution.error], ['FAILED', 'FAILED']);
            assert.match(JSON.parse(execution.cause).detail.error, /example_nowhere/);
            const { output: { results } } = await succeeds('query-list', { queries: ['select n from example_steps'] });
            assert.equal(results[0].Result.ResultRows, 0);
        });
    });
});

describe('the files', () => {
    test('are all executed here', async () => {
        assert.deepEqual(await listExamples(), Object.values(machines).sort());
    });

    test('name every work and bound every wait', async () => {
        const asks = ['describeStatement', 'cancelStatement', 'getStatementResult', 'get_sql_status'];
        for (const file of Object.values(machines)) {
            for (const [name, state] of Object.entries(taskStates(await readExample(file)))) {
                const { Payload, MessageBody, StateMachineArn } = state.Parameters;
                const request = Payload ?? MessageBody ?? state.Parameters;
                const says = `${file}, ${name}`;
                assert.ok(state.TimeoutSeconds > (state.HeartbeatSeconds ?? 0), says);
                assert.equal('taskToken.$' in request, state.Resource.endsWith('.waitForTaskToken'), says);
                if (!StateMachineArn && !asks.includes((request.Input ?? request).action)) {
                    assert.match(request['requestKey.$'], /\$\$\.Execution\.Id.*\$\$\.State\.Name/, says);
                }
            }
        }
    });
});

describe('after all of them', () => {
    test('the late event of the cancelled statement has harmed nothing', async () => {
        await queuesAreDrained();
        assert.equal(await service.serve.metric('events_parked_total'), 0);
        const cancelled = (await service.standIn.control('GET', 'tasks')).body.tasks
            .filter(({ state }) => state === 'TIMED_OUT');
        assert.deepEqual(cancelled.map(({ accepted }) => accepted), [0, 0]);
    });

    test('every statement has run once', async () => {
        const { body: { statements } } = await service.standIn.control('GET', 'statements');
        assert.deepEqual(statements.filter(({ submits, runs }) => submits !== 1 || runs !== 1), []);
    });
});
