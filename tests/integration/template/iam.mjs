// The rights that the template and docs/operations.md give, against what the program calls (rights.mjs) and what AWS's own
// services need to do for it: exactly these, on nothing but the resources of the feature.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { check } from './cases.mjs'
import { actions, builders } from './rights.mjs'
import { evaluate, read, settings } from './template.mjs'

const template = read('ringback.yaml')
const list = (value) => [value].flat()
const sorted = (values) => [...new Set(values)].sort()
const statementsOf = (document) => list(document.Statement)
const allowed = (statements) => sorted(statements.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => list(Action)))

// All statements that the role has, wherever they stand.
function statements(resources, role) {
    return Object.entries(resources).flatMap(([id, { Type, Properties }]) => {
        if (id === role) {
            return (Properties.Policies ?? []).flatMap(({ PolicyDocument }) => statementsOf(PolicyDocument))
        }
        return (Type === 'AWS::IAM::RolePolicy' && Properties.RoleName === role) ||
            (Type === 'AWS::IAM::ManagedPolicy' && Properties.Roles.includes(role)) ? statementsOf(Properties.PolicyDocument) : []
    })
}

// ---- What the program calls -------------------------------------------------------------------

// Each function is one of the fronts' two handlers, the sweep after it, and what a process has once.
const process = ['completer_sweep', 'service_open', 'worker_init', 'worker_ready']
const called = { InvokerRole: actions('invoker_handle', ...process), CompleterRole: actions('completer_handle', ...process) }
const ofStatements = (action) => action.startsWith('redshift-data:')

// ---- What AWS does for it ---------------------------------------------------------------------

const mapping = ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'] // an event source mapping
const logs = ['logs:CreateLogStream', 'logs:PutLogEvents']
const ofQueuesAndSecrets = ['kms:Decrypt', 'kms:GenerateDataKey']
const ofTable = ['kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*']
const network = ['AssignPrivateIpAddresses', 'CreateNetworkInterface', 'DeleteNetworkInterface', 'DescribeNetworkInterfaces',
    'DescribeSubnets', 'UnassignPrivateIpAddresses'].map((name) => `ec2:${name}`)
const byAws = { InvokerRole: [...mapping, 'sqs:SendMessage'], CompleterRole: mapping } // SendMessage: the dead letters

// What a feature that is off takes away.
function without(parameters) {
    const off = [
        [!parameters.ScriptObjects, /^s3:GetObject/], [!parameters.ResultObjects, /^s3:PutObject$/],
        [!parameters.ReplyToArns, /^(sqs:SendMessage|events:PutEvents)$/],
        [!parameters.ReplyToArns && !(parameters.ScheduleSql && parameters.AlarmTopicArn), /^sns:Publish$/],
        [parameters.RedisUrl, /^dynamodb:/],
    ]
    return (action) => !ofStatements(action) && !off.some(([isOff, names]) => isOff && names.test(action))
}

function expected(role, parameters) {
    return sorted([
        ...called[role].filter(without(parameters)), ...byAws[role], ...logs, ...ofQueuesAndSecrets,
        ...(parameters.RedisUrl ? [] : ofTable), ...(parameters.SubnetIds ? network : []),
    ])
}

const logIn = ({ SecretArn, DbUser, ClusterIdentifier }) => (SecretArn ? 'secretsmanager:GetSecretValue'
    : DbUser ? 'redshift:GetClusterCredentials'
        : ClusterIdentifier ? 'redshift:GetClusterCredentialsWithIAM' : 'redshift-serverless:GetCredentials')

// ---- Cases ------------------------------------------------------------------------------------

await check('every call of infra/aws names its operation', () => {
    for (const [name, { service, operations }] of Object.entries(builders)) {
        assert.ok(service && operations.length > 0, name)
    }
    assert.ok(Object.keys(builders).length > 20)
})
await check('the invoker alone reads scripts', () => {
    assert.deepEqual(called.InvokerRole.filter((action) => !called.CompleterRole.includes(action)),
        ['s3:GetObject', 's3:GetObjectVersion'])
    assert.deepEqual(called.CompleterRole.filter((action) => !called.InvokerRole.includes(action)), [])
})
await check('no function makes a table or reads a queue', () =>
    assert.ok(!called.InvokerRole.some((action) => /Table|TimeToLive|ReceiveMessage/.test(action))))

for (const [name, parameters] of Object.entries(settings)) {
    const { Resources } = evaluate(template, parameters)
    for (const role of ['InvokerRole', 'CompleterRole']) {
        await check(`${name}: ${role} may do what it does, and no more`, () =>
            assert.deepEqual(allowed(statements(Resources, role)), expected(role, parameters)))
    }
    await check(`${name}: StatementRole may run statements, and no more`, () =>
        assert.deepEqual(allowed(statements(Resources, 'StatementRole')),
            sorted([...called.CompleterRole.filter(ofStatements), logIn(parameters)])))
    await check(`${name}: no other role, and none for everything`, () => {
        const roles = Object.entries(Resources).filter(([, { Type }]) => Type === 'AWS::IAM::Role').map(([id]) => id)
        const schedule = parameters.ScheduleSql ? ['ScheduleRole'] : []
        assert.deepEqual(roles.sort(), ['CompleterRole', 'InvokerRole', ...schedule, 'StatementRole'])
        if (parameters.ScheduleSql) {
            assert.deepEqual(allowed(statements(Resources, 'ScheduleRole')), [...ofQueuesAndSecrets, 'sqs:SendMessage'])
        }
    })
    await check(`${name}: rights on everything are those that know no resources`, () => {
        const wide = ['InvokerRole', 'CompleterRole', 'StatementRole'].flatMap((role) => statements(Resources, role))
            .filter(({ Effect, Resource }) => Effect === 'Allow' && list(Resource).includes('*')).flatMap(({ Action }) => list(Action))
        const given = parameters.StateMachineArns ? /^(redshift-data|ec2):/ : /^(redshift-data|ec2|states):/
        assert.deepEqual(wide.filter((action) => !given.test(action)), [])
        assert.ok(!wide.some((action) => /ExecuteStatement$/.test(action)))
    })
}

await check('a reader may look and neither run nor cancel', () => {
    const { Resources } = evaluate(template, settings.everything)
    const reader = { 'aws:userid': '*:results' }
    const closed = statements(Resources, 'StatementRole').filter(({ Condition }) =>
        JSON.stringify(Condition?.StringNotLike) === JSON.stringify(reader))
    assert.deepEqual(allowed(statements(Resources, 'StatementRole').filter((one) => !closed.includes(one))),
        ['redshift-data:DescribeStatement', 'redshift-data:GetStatementResult', 'redshift-data:ListStatements'])
    const trust = Resources.StatementRole.Properties.AssumeRolePolicyDocument.Statement
        .find(({ Principal }) => list(Principal.AWS).includes(settings.everything.ResultsPrincipals))
    assert.deepEqual(trust.Condition, { StringEquals: { 'sts:RoleSessionName': 'results' } })
})
await check("ringback's own session is no reader's", () =>
    assert.match(readFileSync(new URL('../../../infra/aws/credentials_sts.c', import.meta.url), 'utf8'),
        /#define DEFAULT_SESSION "(?!results")/))
await check('the key is used through services alone, and decides nothing by itself', () => {
    const { KeyPolicy } = evaluate(template, settings.everything).Resources.Key.Properties
    for (const { Sid, Principal, Action, Condition } of KeyPolicy.Statement) {
        const uses = list(Action).filter((action) => /Encrypt|Decrypt|DataKey|\*$/.test(action) && !/^kms:(Create|Describe|Enable|List|Put|Update|Revoke|Disable|Get|Delete)\*$/.test(action))
        assert.ok(uses.length === 0 || Condition?.StringEquals, Sid)
        assert.ok(!JSON.stringify(Principal).includes('"*"'), Sid)
    }
})

// The policies of the page, by the Sid of their first statement.
function policiesOfPage(page) {
    return Object.fromEntries([...page.matchAll(/<!-- policy -->\n```json\n(.*?)```/gs)]
        .map(([, text]) => JSON.parse(text)).map((policy) => [policy.Statement[0].Sid, allowed(policy.Statement)]))
}

await check('docs/operations.md: its policies are what the service calls, and what doctor calls besides', () => {
    const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
    const policies = policiesOfPage(page)
    const logIns = ['redshift:GetClusterCredentials', 'redshift:GetClusterCredentialsWithIAM', 'redshift-serverless:GetCredentials',
        'secretsmanager:GetSecretValue']
    const told = ['dynamodb:CreateTable', 'dynamodb:UpdateTimeToLive', 'sts:AssumeRole'] // in the text below them
    for (const action of told) {
        assert.ok(page.includes(`\`${action}\``), action)
    }
    const free = ['sts:GetCallerIdentity'] // needs no right
    const byMapping = ['sqs:GetQueueAttributes'] // of the service's rights, Lambda's mappings need this one
    const all = actions('main').filter((action) => !told.includes(action) && !free.includes(action))
    const doctors = actions('cmd_doctor').filter((action) => !told.includes(action) && !free.includes(action))
    assert.deepEqual(sorted([...policies.Statements, ...policies.Doctor]), sorted([...all, ...logIns]))
    assert.deepEqual(policies.Doctor.filter((action) => !doctors.includes(action)), [])
    const service = actions('invoker_handle', 'completer_handle', 'completer_sweep', 'service_open', 'daemon_run')
    assert.deepEqual(policies.Doctor.filter((action) => service.includes(action)), [])
    assert.deepEqual(policies.Statements.filter((action) => policies.Doctor.includes(action)), byMapping)
})
