// The Redshift Data API of `ringback local`, driven by the AWS SDK for JavaScript.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
    RedshiftDataClient, BatchExecuteStatementCommand, CancelStatementCommand,
    DescribeStatementCommand, DescribeTableCommand, ExecuteStatementCommand,
    GetStatementResultCommand, GetStatementResultV2Command, ListDatabasesCommand,
    ListSchemasCommand, ListSessionsCommand, ListStatementsCommand, ListTablesCommand,
} from '@aws-sdk/client-redshift-data';
import { SQSClient, DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { StandIn, postgres, refusal, unique, until } from './stand_in.mjs';

const target = { ClusterIdentifier: 'local', Database: 'dev', DbUser: 'awsuser' };
const unknownId = '00000000-0000-4000-8000-000000000000';
const schema = 'public';
const table = unique('orders');

let standIn;
let data;
let sqs;

before(async () => {
    standIn = await StandIn.start();
    data = standIn.client(RedshiftDataClient);
    sqs = standIn.client(SQSClient);
    await finish({ Sql: `CREATE TABLE ${table} (id INTEGER NOT NULL, name VARCHAR(20))` });
});

after(async () => {
    await finish({ Sql: `DROP TABLE ${table}` });
    data.destroy();
    sqs.destroy();
    assert.equal(await standIn.stop(), 0);
});

const execute = (input) => data.send(new ExecuteStatementCommand({ ...target, ...input }));
const batch = (input) => data.send(new BatchExecuteStatementCommand({ ...target, ...input }));
const describeStatement = (Id, more = {}) => data.send(new DescribeStatementCommand({ Id, ...more }));

async function ended(Id) {
    const answer = await describeStatement(Id, { WaitTimeSeconds: 30 });
    assert.match(answer.Status, /FINISHED|FAILED|ABORTED/);
    return answer;
}

async function finish(input) {
    const { Id } = await execute(input);
    const answer = await ended(Id);
    assert.equal(answer.Status, 'FINISHED', answer.Error);
    return answer;
}

async function finishBatch(input) {
    return ended((await batch(input)).Id);
}

async function count(where) {
    const { Id } = await finish({ Sql: `SELECT count(*) FROM ${table} WHERE ${where}` });
    const { Records } = await data.send(new GetStatementResultCommand({ Id }));
    return Records[0][0].longValue;
}

// The completion event of this statement from the event queue.
async function eventOf(id) {
    return until(async () => {
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({
            QueueUrl: standIn.environment.RINGBACK_EVENT_QUEUE_URL, MaxNumberOfMessages: 10,
            WaitTimeSeconds: 5,
        }));
        let found;
        for (const message of Messages) {
            const event = JSON.parse(message.Body);
            found = event.detail.statementId === id ? event : found;
            await sqs.send(new DeleteMessageCommand({
                QueueUrl: standIn.environment.RINGBACK_EVENT_QUEUE_URL,
                ReceiptHandle: message.ReceiptHandle,
            }));
        }
        return found;
    });
}

describe('ExecuteStatement', () => {
    test('answers with what was asked', async () => {
        const answer = await execute({ Sql: 'SELECT 1' });
        assert.match(answer.Id, /^[a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}$/);
        assert.equal(answer.ClusterIdentifier, 'local');
        assert.equal(answer.Database, 'dev');
        assert.equal(answer.DbUser, 'awsuser');
        assert.ok(Math.abs(answer.CreatedAt - Date.now()) < 60000);
    });

    test('waits for the ending when told to', async () => {
        const answer = await execute({ Sql: 'SELECT 1', WaitTimeSeconds: 30 });
        assert.equal(answer.Status, 'FINISHED');
        assert.equal(answer.HasResultSet, true);
    });

    test('stops waiting when the time is over', async () => {
        const answer = await execute({ Sql: 'SELECT pg_sleep(20)', WaitTimeSeconds: 1 });
        assert.match(answer.Status, /SUBMITTED|PICKED|STARTED/);
        await data.send(new CancelStatementCommand({ Id: answer.Id }));
    });

    test('runs once for one client token', async () => {
        const input = {
            Sql: `INSERT INTO ${table} VALUES (100, 'token')`, ClientToken: randomUUID(),
            StatementName: unique('token'),
        };
        const first = await execute(input);
        const second = await execute(input);
        assert.equal(second.Id, first.Id);
        await ended(first.Id);
        assert.equal(await count('id = 100'), 1);
        const { body } = await standIn.control('GET', 'statements');
        const told = body.statements.find((statement) => statement.id === first.Id);
        assert.deepEqual([told.name, told.clientToken, told.submits, told.runs, told.status],
            [input.StatementName, input.ClientToken, 2, 1, 'FINISHED']);
    });

    test('takes a workgroup or a secret as well', async () => {
        const workgroup = await data.send(new ExecuteStatementCommand({
            Sql: 'SELECT 1', WorkgroupName: 'group', Database: 'dev' }));
        assert.equal(workgroup.WorkgroupName, 'group');
        const secret = await data.send(new ExecuteStatementCommand({
            Sql: 'SELECT 1', ClusterIdentifier: 'local', Database: 'dev', SecretArn: 'arn:aws:secretsmanager:x' }));
        assert.equal(secret.SecretArn, 'arn:aws:secretsmanager:x');
    });

    test('fills in parameters', async () => {
        const { Id } = await finish({
            Sql: "SELECT :a AS a, ':a' AS quoted, :b AS b", Parameters: [
                { name: 'a', value: "it's" }, { name: 'b', value: 'null' }] });
        const { Records } = await data.send(new GetStatementResultCommand({ Id }));
        assert.deepEqual(Records[0].map((field) => field.stringValue), ["it's", ':a', 'null']);
    });

    const refused = {
        'no target': { Sql: 'SELECT 1', ClusterIdentifier: undefined },
        'two targets': { Sql: 'SELECT 1', WorkgroupName: 'group' },
        'no SQL': {},
        'an empty SQL': { Sql: '' },
        'no database': { Sql: 'SELECT 1', Database: undefined },
        'a wait that is too long': { Sql: 'SELECT 1', WaitTimeSeconds: 31 },
        'a client token that is too long': { Sql: 'SELECT 1', ClientToken: 'x'.repeat(65) },
        'a statement name that is too long': { Sql: 'SELECT 1', StatementName: 'x'.repeat(2049) },
        'SQL of more than 200 KB': { Sql: `SELECT '${'x'.repeat(200 * 1024)}'` },
        'an unused parameter': { Sql: 'SELECT 1', Parameters: [{ name: 'a', value: '1' }] },
        'several statements': { Sql: 'SELECT 1; SELECT 2' },
    };
    for (const [what, input] of Object.entries(refused)) {
        test(`refuses ${what}`, async () => {
            const { name, status } = await refusal(execute(input));
            assert.equal(name, 'ValidationException');
            assert.equal(status, 400);
        });
    }
});

describe('DescribeStatement', () => {
    test('tells all about a finished one', async () => {
        await finish({ Sql: `DELETE FROM ${table} WHERE id = 7` });
        const answer = await finish({ Sql: `INSERT INTO ${table} VALUES (7, 'seven'), (7, 'again')` });
        assert.equal(answer.HasResultSet, false);
        assert.equal(answer.ResultRows, 2);
        assert.ok(answer.Duration > 0);
        assert.ok(answer.UpdatedAt >= answer.CreatedAt);
        assert.match(answer.QueryString, /^INSERT INTO/);
    });

    test('has the text of the database when it failed', async () => {
        const { Id } = await execute({ Sql: `SELECT nonsense FROM ${table}` });
        const answer = await ended(Id);
        assert.equal(answer.Status, 'FAILED');
        assert.match(answer.Error, /nonsense/);
        assert.equal(answer.HasResultSet, false);
    });

    test('knows no foreign id', async () => {
        const { name, status } = await refusal(describeStatement(unknownId));
        assert.deepEqual([name, status], ['ResourceNotFoundException', 400]);
    });

    test('refuses what is no id', async () => {
        assert.equal((await refusal(describeStatement('no id'))).name, 'ValidationException');
    });
});

describe('results', () => {
    test('come as typed fields', async () => {
        const { Id, HasResultSet, ResultRows } = await finish({
            Sql: "SELECT 42 AS whole, 1.5E0 AS real, 'text' AS text, NULL AS missing" +
                (postgres ? ', true AS yes, 12.50::numeric(5,2) AS exact' : '') });
        assert.equal(HasResultSet, true);
        assert.equal(ResultRows, 1);
        const answer = await data.send(new GetStatementResultCommand({ Id }));
        assert.deepEqual(answer.ColumnMetadata.slice(0, 4).map((column) => column.name),
            ['whole', 'real', 'text', 'missing']);
        assert.equal(answer.TotalNumRows, 1);
        const [row] = answer.Records;
        assert.equal(row[0].longValue, 42);
        assert.equal(row[1].doubleValue ?? Number(row[1].stringValue), 1.5);
        assert.equal(row[2].stringValue, 'text');
        assert.equal(row[3].isNull, true);
        if (postgres) {
            assert.equal(row[4].booleanValue, true);
            assert.equal(row[5].stringValue, '12.50');
        }
    });

    test('come in pages', async () => {
        const { Id, ResultRows } = await finish({
            Sql: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
                  SELECT i, '${'x'.repeat(400)}' FROM n` });
        assert.equal(ResultRows, 5000);
        const seen = [];
        let pages = 0;
        let NextToken;
        do {
            const answer = await data.send(new GetStatementResultCommand({ Id, NextToken }));
            seen.push(...answer.Records.map(([i]) => i.longValue));
            NextToken = answer.NextToken;
            pages++;
        } while (NextToken);
        assert.ok(pages > 1);
        assert.deepEqual(seen, Array.from({ length: 5000 }, (_, i) => i + 1));
    });

    test('come as CSV when asked for', async () => {
        const { Id, ResultFormat } = await finish({
            Sql: `SELECT 1 AS a, 'b,"c' AS b UNION ALL SELECT 2, 'd' ORDER BY 1`, ResultFormat: 'CSV' });
        assert.equal(ResultFormat.toUpperCase(), 'CSV');
        const answer = await data.send(new GetStatementResultV2Command({ Id }));
        assert.equal(answer.Records.map((part) => part.CSVRecords).join(''),
            'a,b\r\n1,"b,""c"\r\n2,d\r\n');
        assert.equal(answer.TotalNumRows, 2);
    });

    test('are not had in the other format', async () => {
        const { Id } = await finish({ Sql: 'SELECT 1', ResultFormat: 'CSV' });
        assert.equal((await refusal(data.send(new GetStatementResultCommand({ Id })))).name,
            'ValidationException');
    });

    test('are not there without a result set', async () => {
        const { Id } = await finish({ Sql: `DELETE FROM ${table} WHERE id = -1` });
        assert.equal((await refusal(data.send(new GetStatementResultCommand({ Id })))).name,
            'ResourceNotFoundException');
        assert.equal((await refusal(data.send(new GetStatementResultV2Command({ Id })))).name,
            'ResourceNotFoundException');
    });
});

describe('BatchExecuteStatement', () => {
    test('runs all in one transaction', async () => {
        const answer = await finishBatch({
            Sqls: [`INSERT INTO ${table} VALUES (200, 'a')`, `SELECT count(*) FROM ${table} WHERE id = 200`] });
        assert.equal(answer.Status, 'FINISHED');
        assert.deepEqual(answer.SubStatements.map((sub) => sub.Status), ['FINISHED', 'FINISHED']);
        assert.deepEqual(answer.SubStatements.map((sub) => sub.Id), [`${answer.Id}:1`, `${answer.Id}:2`]);
        const { Records } = await data.send(new GetStatementResultCommand({ Id: `${answer.Id}:2` }));
        assert.equal(Records[0][0].longValue, 1);
        const one = await describeStatement(`${answer.Id}:2`);
        assert.equal(one.SubStatements.length, 1);
        assert.equal(one.SubStatements[0].HasResultSet, true);
    });

    test('takes all back when one fails', async () => {
        const answer = await finishBatch({
            Sqls: [`INSERT INTO ${table} VALUES (201, 'a')`, 'SELECT nonsense', 'SELECT 1'] });
        assert.equal(answer.Status, 'FAILED');
        assert.match(answer.Error, /nonsense/);
        assert.equal(answer.SubStatements[1].Status, 'FAILED');
        assert.equal(await count('id = 201'), 0);
    });

    test('keeps what worked when each is committed', async () => {
        const answer = await finishBatch({
            ExecutionMode: 'AUTO_COMMIT',
            Sqls: [`INSERT INTO ${table} VALUES (202, 'a')`, 'SELECT nonsense',
                `INSERT INTO ${table} VALUES (202, 'b')`] });
        assert.equal(answer.Status, 'FAILED');
        assert.equal(answer.ExecutionMode, 'AUTO_COMMIT');
        assert.deepEqual(answer.SubStatements.map((sub) => sub.Status),
            ['FINISHED', 'FAILED', 'FINISHED']);
        assert.equal(await count('id = 202'), 2);
    });

    test('shares its parameters', async () => {
        const answer = await finishBatch({
            Sqls: [`INSERT INTO ${table} VALUES (203, :name)`, `DELETE FROM ${table} WHERE name = :name`],
            Parameters: [{ name: 'name', value: 'shared' }] });
        assert.equal(answer.Status, 'FINISHED', answer.Error);
        assert.equal(answer.SubStatements[1].ResultRows, 1);
    });

    test('refuses none and more than 40', async () => {
        assert.equal((await refusal(batch({ Sqls: [] }))).name, 'ValidationException');
        assert.equal((await refusal(batch({ Sqls: Array(41).fill('SELECT 1') }))).name,
            'ValidationException');
    });
});

describe('CancelStatement', () => {
    test('aborts what runs', async () => {
        const { Id } = await execute({ Sql: 'SELECT pg_sleep(60)', WithEvent: true,
            StatementName: unique('cancel') });
        await until(async () => (await describeStatement(Id)).Status === 'STARTED');
        const { Status } = await data.send(new CancelStatementCommand({ Id }));
        assert.equal(Status, true);
        assert.equal((await ended(Id)).Status, 'ABORTED');
        assert.equal((await eventOf(Id)).detail.state, 'ABORTED');
    });

    test('refuses what has ended', async () => {
        const { Id } = await finish({ Sql: 'SELECT 1' });
        assert.equal((await refusal(data.send(new CancelStatementCommand({ Id })))).name,
            'ValidationException');
    });

    test('knows no foreign id', async () => {
        assert.equal((await refusal(data.send(new CancelStatementCommand({ Id: unknownId })))).name,
            'ResourceNotFoundException');
    });
});

describe('completion events', () => {
    test('tell of a finished statement', async () => {
        const StatementName = unique('event');
        const { Id } = await execute({ Sql: 'SELECT 1', WithEvent: true, StatementName });
        const event = await eventOf(Id);
        assert.equal(event.source, 'aws.redshift-data');
        assert.equal(event['detail-type'], 'Redshift Data Statement Status Change');
        assert.equal(event.account, '000000000000');
        assert.equal(event.detail.statementName, StatementName);
        assert.equal(event.detail.state, 'FINISHED');
        assert.equal(event.detail.rows, 1);
    });

    test('tell of a failed one, and not why', async () => {
        const { Id } = await execute({ Sql: 'SELECT nonsense', WithEvent: true, StatementName: unique('event') });
        const event = await eventOf(Id);
        assert.equal(event.detail.state, 'FAILED');
        assert.doesNotMatch(JSON.stringify(event), /nonsense/);
    });

    test('tell once of a batch', async () => {
        const { Id } = await batch({ Sqls: ['SELECT 1', 'SELECT 2'], WithEvent: true, StatementName: unique('event') });
        assert.equal((await eventOf(Id)).detail.state, 'FINISHED');
    });
});

describe('ListStatements', () => {
    test('finds by prefix and status', async () => {
        const prefix = unique('listed');
        const good = await finish({ Sql: 'SELECT 1', StatementName: `${prefix}/a` });
        const bad = await ended((await execute({ Sql: 'SELECT nonsense', StatementName: `${prefix}/b` })).Id);
        const list = async (input) => (await data.send(new ListStatementsCommand({ StatementName: prefix, ...input })))
            .Statements.map((statement) => statement.Id).sort();
        assert.deepEqual(await list({}), [good.Id]);
        assert.deepEqual(await list({ Status: 'FAILED' }), [bad.Id]);
        assert.deepEqual(await list({ Status: 'ALL' }), [good.Id, bad.Id].sort());
        assert.deepEqual(await list({ Status: 'ALL', StatementName: `${prefix}/a` }), [good.Id]);
        assert.deepEqual(await list({ Status: 'ALL', StatementName: prefix.toUpperCase() }), []);
    });

    test('comes in pages', async () => {
        const prefix = unique('paged');
        for (let i = 0; i < 5; i++) {
            await finish({ Sql: 'SELECT 1', StatementName: `${prefix}/${i}` });
        }
        const names = [];
        let NextToken;
        do {
            const answer = await data.send(new ListStatementsCommand({
                StatementName: prefix, MaxResults: 2, NextToken }));
            assert.ok(answer.Statements.length <= 2);
            names.push(...answer.Statements.map((statement) => statement.StatementName));
            NextToken = answer.NextToken;
        } while (NextToken);
        assert.deepEqual(names.sort(), [0, 1, 2, 3, 4].map((i) => `${prefix}/${i}`));
    });

    test('refuses more than 100 at once', async () => {
        assert.equal((await refusal(data.send(new ListStatementsCommand({ MaxResults: 101 })))).name,
            'ValidationException');
    });
});

describe('sessions', () => {
    test('keep what a statement left behind', async () => {
        const opened = await execute({ Sql: 'CREATE TEMP TABLE kept (i INTEGER)', SessionKeepAliveSeconds: 60 });
        assert.ok(opened.SessionId);
        assert.equal((await ended(opened.Id)).Status, 'FINISHED');
        const { SessionId } = opened;
        const { Id } = await data.send(new ExecuteStatementCommand({ Sql: 'SELECT count(*) FROM kept', SessionId }));
        const answer = await ended(Id);
        assert.equal(answer.Status, 'FINISHED', answer.Error);
        assert.equal(answer.SessionId, SessionId);
        const { Sessions } = await data.send(new ListSessionsCommand({ SessionId }));
        assert.equal(Sessions.length, 1);
        assert.equal(Sessions[0].Status, 'AVAILABLE');
        const elsewhere = await ended((await execute({ Sql: 'SELECT count(*) FROM kept' })).Id);
        assert.equal(elsewhere.Status, 'FAILED');
    });

    test('run one statement at a time', async () => {
        const { SessionId, Id } = await execute({ Sql: 'SELECT pg_sleep(60)', SessionKeepAliveSeconds: 60 });
        await until(async () => (await describeStatement(Id)).Status === 'STARTED');
        const { Sessions } = await data.send(new ListSessionsCommand({ Status: 'BUSY' }));
        assert.ok(Sessions.some((session) => session.SessionId === SessionId && session.CurrentStatementId === Id));
        const second = await refusal(data.send(new ExecuteStatementCommand({ Sql: 'SELECT 1', SessionId })));
        assert.match(second.name, /ValidationException|ActiveStatementsExceededException/);
        await data.send(new CancelStatementCommand({ Id }));
        assert.equal((await ended(Id)).Status, 'ABORTED');
    });

    test('refuse to be told the database again', async () => {
        const { SessionId, Id } = await execute({ Sql: 'SELECT 1', SessionKeepAliveSeconds: 60 });
        await ended(Id);
        assert.equal((await refusal(execute({ Sql: 'SELECT 1', SessionId }))).name, 'ValidationException');
    });

    test('are not found when there is none', async () => {
        const { name } = await refusal(data.send(new ExecuteStatementCommand({ Sql: 'SELECT 1', SessionId: unknownId })));
        assert.match(name, /ValidationException|ResourceNotFoundException/);
    });
});

describe('the catalogue', () => {
    test('lists databases, schemas and tables', async () => {
        const { Databases } = await data.send(new ListDatabasesCommand(target));
        assert.ok(Databases.length > 0);
        const { Schemas } = await data.send(new ListSchemasCommand(target));
        assert.ok(Schemas.includes(schema), Schemas.join());
        const { Tables } = await data.send(new ListTablesCommand({ ...target, TablePattern: table }));
        assert.deepEqual(Tables.map((found) => [found.name, found.schema, found.type]),
            [[table, schema, 'TABLE']]);
    });

    test('describes a table', async () => {
        const { TableName, ColumnList } = await data.send(new DescribeTableCommand({
            ...target, Table: table, Schema: schema }));
        assert.equal(TableName, table);
        assert.deepEqual(ColumnList.map((column) => [column.name, column.nullable]), [['id', 0], ['name', 1]]);
        assert.match(ColumnList[1].typeName, /varchar/i);
    });

    test('refuses two targets', async () => {
        assert.equal((await refusal(data.send(new ListDatabasesCommand({ ...target, WorkgroupName: 'group' })))).name,
            'ValidationException');
    });
});
