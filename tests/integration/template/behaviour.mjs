// What the template's parts do: bad parameters are refused with a reason, rules let through the events that they should and no
// other, alarms count lines that the program writes, timeouts fit each other, what is kept stays.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { check } from './cases.mjs'
import { evaluate, read, settings } from './template.mjs'

const root = new URL('../../../', import.meta.url).pathname
const template = read('ringback.yaml')
const workgroup = settings['a workgroup']
const { everything } = settings
const resources = evaluate(template, everything).Resources
const ofType = (type, all = resources) => Object.entries(all).filter(([, { Type }]) => Type === type)
    .map(([id, { Properties }]) => ({ id, ...Properties }))

// ---- Parameters -------------------------------------------------------------------------------

// As CloudFormation: the whole value must match.
const fits = (name, value) => {
    const { AllowedPattern, AllowedValues, MinValue, MaxValue, MaxLength } = template.Parameters[name]
    return (!AllowedPattern || new RegExp(`^(?:${AllowedPattern})$`).test(value)) &&
        (!AllowedValues || AllowedValues.map(String).includes(value)) &&
        !(Number(value) < MinValue) && !(Number(value) > MaxValue) && !(value.length > MaxLength)
}
const arn = (rest) => `arn:aws:${rest}`
const bad = {
    CodeBucket: ['s3://my-code', 'my-code/', 'A', ''], CodeKey: ['', '/x.zip'], Architecture: ['arm', 'x86'],
    ClusterIdentifier: ['Warehouse', '1a', 'a_b', 'a.b.redshift.amazonaws.com'], WorkgroupName: ['ab', 'A-b-c'],
    WorkgroupArn: ['analytics', arn('redshift-serverless:eu-west-1:123456789012:namespace/x')], Database: ['', 'a b', 'a"b'],
    DbUser: ['a b', '"'], SecretArn: ['etl', arn('secretsmanager:eu-west-1:12:secret:x')], StatementPolicyArn: ['x'],
    StateMachineArns: ['', 'nightly', arn('states:eu-west-1:123456789012:stateMachine:a, b'), arn('states:r:1:execution:a:b'),
        `,${arn('states:eu-west-1:123456789012:stateMachine:a')}`, `${arn('states:eu-west-1:123456789012:stateMachine:a')},`],
    ScriptObjects: ['my-scripts', 's3://my-scripts/*', arn('s3:::my-scripts'), '*'], ResultObjects: ['results', arn('s3:::b')],
    ReplyToArns: ['answers', arn('lambda:eu-west-1:123456789012:function:x'), 'https://sqs.eu-west-1.amazonaws.com/1/x'],
    RequestSourceArns: [arn('sqs:eu-west-1:123456789012:x'), '*'], ResultsPrincipals: ['*', 'analyst', '123456789012'],
    OperatorPrincipals: ['*', arn('iam::123456789012:root')], ScheduleExpression: ['hourly', 'rate(1)', 'rate(1 hour) ', 'cron()'],
    ScheduleSql: ['select "a"', 'select 1\nselect 2', 'a\\b', 'select 1 where 1 < 2', 'x'.repeat(4001)],
    ScheduleTimezone: ['', 'Europe Paris'], ScheduleTimeoutSeconds: ['0', '86401'], AlarmTopicArn: ['alarms'],
    LogLevel: ['WARNING', 'info'], LogRetentionDays: ['2', '0'], RetainDays: ['-1', '366'], DedupeDays: ['14', '401'],
    StatementPrefix: ['etl', '/', 'a b/', 'a/b/', `${'x'.repeat(65)}/`], MemorySize: ['64'], MaximumConcurrency: ['1'],
    ReservedConcurrency: ['-1'], RedisUrl: ['redis.internal', 'sqlite:x', 'redis://a b'], RedisWait: ['11'],
    SubnetIds: ['subnet-1, subnet-2', 'vpc-1'], SecurityGroupIds: ['sg-1 sg-2', 'default'],
}

await check('every parameter with a rule has a bad example here', () => {
    const ruled = Object.entries(template.Parameters).filter(([, { AllowedPattern, AllowedValues, Type }]) =>
        AllowedPattern || AllowedValues || Type === 'Number').map(([name]) => name)
    assert.deepEqual(Object.keys(bad).sort(), ruled.sort())
})
for (const [name, values] of Object.entries(bad)) {
    await check(`${name}: what is wrong is refused`, () =>
        assert.deepEqual(values.filter((value) => fits(name, value)), []))
}
for (const [name, parameters] of Object.entries(settings)) {
    await check(`${name}: is accepted`, () => {
        assert.deepEqual(Object.entries(parameters).filter(([one, value]) => !fits(one, String(value))), [])
        assert.deepEqual(evaluate(template, parameters).refusals, [])
    })
}
await check('defaults fit their own rules', () =>
    assert.deepEqual(Object.entries(template.Parameters).filter(([name, { Default }]) =>
        Default !== undefined && !fits(name, String(Default))), []))

const secret = settings['a cluster with a secret'].SecretArn
const refused = {
    'ClusterIdentifier, WorkgroupName: exactly one': [{ ...workgroup, ClusterIdentifier: 'c' }, { ...workgroup, WorkgroupName: '' }],
    'DbUser: is for a cluster': [{ ...workgroup, DbUser: 'etl' }],
    'DbUser, SecretArn: at most one': [{ ...everything, SecretArn: secret }],
    'WorkgroupArn: needs WorkgroupName': [{ ...everything, WorkgroupArn: arn('redshift-serverless:eu-west-1:123456789012:workgroup/x') }],
    'ScheduleExpression, ScheduleSql: both or none': [{ ...workgroup, ScheduleSql: 'x' }, { ...workgroup, ScheduleExpression: 'rate(1 day)' }],
    'SubnetIds, SecurityGroupIds: both or none': [{ ...workgroup, SubnetIds: 'subnet-1' }, { ...workgroup, SecurityGroupIds: 'sg-1' }],
    'RedisUrl: needs SubnetIds': [{ ...workgroup, RedisUrl: 'redis://r:6379/0' }],
}
for (const [text, all] of Object.entries(refused)) {
    await check(`refused: ${text}`, () => all.forEach((parameters) => {
        const { refusals } = evaluate(template, parameters)
        assert.ok(refusals.some((one) => one.startsWith(text)), JSON.stringify(refusals))
    }))
}
await check('every rule has a bad example here', () => {
    const descriptions = Object.values(template.Rules).flatMap(({ Assertions }) => Assertions.map(({ AssertDescription }) => AssertDescription))
    assert.deepEqual(descriptions.filter((one) => !Object.keys(refused).some((text) => one.startsWith(text))), [])
})

// ---- Rules ------------------------------------------------------------------------------------

// EventBridge's patterns, as far as these rules use them: literals and prefixes.
const matches = (pattern, event) => Object.entries(pattern).every(([name, wanted]) => (Array.isArray(wanted)
    ? event?.[name] !== undefined && wanted.some((one) => (one.prefix === undefined ? one === event[name] : String(event[name]).startsWith(one.prefix)))
    : matches(wanted, event?.[name])))
const events = Object.fromEntries(globSync(`${root}tests/vectors/events/*.json`).map((path) =>
    [/([^/]+)\.json$/.exec(path)[1], readFileSync(path, 'utf8')]))
const let_through = (rule, parameters, prefix, machine) => Object.entries(events)
    .filter(([, text]) => matches(evaluate(template, parameters).Resources[rule].Properties.EventPattern,
        JSON.parse(text.replaceAll('PREFIX', prefix).replaceAll('MACHINE', machine)))).map(([name]) => name).sort()
const machine = everything.StateMachineArns.split(',')[1]
const ours = ['redshift-aborted', 'redshift-failed', 'redshift-finished']
const left = ['states-aborted', 'states-failed', 'states-timed-out']

await check('StatementRule: endings under the prefix of the stack, no other', () => {
    assert.deepEqual(let_through('StatementRule', workgroup, 'warehouse/', machine), ours)
    assert.deepEqual(let_through('StatementRule', workgroup, 'warehouse-2/', machine), [])
    assert.deepEqual(let_through('StatementRule', everything, 'etl/', machine), ours)
    assert.deepEqual(let_through('StatementRule', everything, 'warehouse/', machine), [])
})
await check('ExecutionRule: executions that nobody goes on with, of the machines named', () => {
    assert.deepEqual(let_through('ExecutionRule', workgroup, 'x/', 'arn:any'), left)
    assert.deepEqual(let_through('ExecutionRule', everything, 'x/', machine), left)
    assert.deepEqual(let_through('ExecutionRule', everything, 'x/', 'arn:other'), [])
})
await check('prefix and rule agree with what the functions are told', () => {
    for (const parameters of [workgroup, everything]) {
        const { StatementRule, Invoker } = evaluate(template, parameters).Resources
        assert.equal(StatementRule.Properties.EventPattern.detail.statementName[0].prefix,
            Invoker.Properties.Environment.Variables.RINGBACK_STATEMENT_PREFIX)
    }
})

// ---- Logs and alarms --------------------------------------------------------------------------

const lines = globSync(`${root}{infra/{aws,base,runtime,cli},tracker,invoker,completer}/*.c`)
    .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/log_(info|warning|error)\(([^;]*);/g)])
    .flatMap(([, , text]) => [...text.matchAll(/"([^"]+)"/g)].map(([, one]) => one))

await check('every line that is counted is one that the program writes', () => {
    for (const { id, FilterPattern } of ofType('AWS::Logs::MetricFilter')) {
        const messages = [...FilterPattern.matchAll(/\$\.message = "([^"]+)"/g)].map(([, one]) => one)
        assert.ok(messages.length > 0, id)
        for (const message of messages) {
            assert.ok(message.endsWith('*') ? lines.some((one) => one.startsWith(message.slice(0, -1))) : lines.includes(message),
                `${id}: no line says ${message}`)
        }
    }
})
await check('every count has an alarm, and every alarm of ours a count', () => {
    const counted = ofType('AWS::Logs::MetricFilter').flatMap(({ MetricTransformations }) =>
        MetricTransformations.map(({ MetricNamespace, MetricName }) => `${MetricNamespace} ${MetricName}`))
    const watched = ofType('AWS::CloudWatch::Alarm').filter(({ Namespace }) => Namespace?.startsWith('ringback/'))
        .map(({ Namespace, MetricName }) => `${Namespace} ${MetricName}`)
    assert.deepEqual(watched.sort(), counted.sort())
})
const page = readFileSync(`${root}docs/deploy.md`, 'utf8')
await check('every alarm says what it means and what to do, tells the topic, and is in docs/deploy.md', () => {
    for (const { id, AlarmDescription, AlarmActions } of ofType('AWS::CloudWatch::Alarm')) {
        assert.ok(AlarmDescription.length > 100 && AlarmDescription.length <= 1024, id)
        assert.deepEqual(AlarmActions, [everything.AlarmTopicArn], id)
        assert.ok(page.includes(`\`${id}\``), `${id}: not in docs/deploy.md`)
    }
    for (const { AlarmActions } of ofType('AWS::CloudWatch::Alarm', evaluate(template, workgroup).Resources)) {
        assert.deepEqual(AlarmActions, [])
    }
})
await check('docs/deploy.md tells of every parameter and output', () => {
    for (const name of [...Object.keys(template.Parameters), ...Object.keys(template.Outputs)]) {
        assert.ok(page.includes(`\`${name}\``), name)
    }
})

// ---- Functions and queues ---------------------------------------------------------------------

await check('both functions have the same settings', () => {
    const [one, other] = ofType('AWS::Lambda::Function').map(({ Environment }) => Environment)
    assert.deepEqual(one, other)
})
await check('a message is not seen again while it is worked on, nor before the lease is over', () => {
    const timeouts = ofType('AWS::Lambda::Function').map(({ Timeout }) => Timeout)
    for (const { id, VisibilityTimeout, RedrivePolicy } of ofType('AWS::SQS::Queue').filter(({ RedrivePolicy: one }) => one)) {
        assert.ok(VisibilityTimeout >= 6 * Math.max(...timeouts) && VisibilityTimeout >= 120, id)
        assert.ok(RedrivePolicy.maxReceiveCount >= 20, id)
    }
})
await check('queues keep for 14 days, which is less than a repeat is known', () => {
    for (const { id, MessageRetentionPeriod, KmsMasterKeyId } of ofType('AWS::SQS::Queue')) {
        assert.equal(MessageRetentionPeriod, 14 * 86400, id)
        assert.ok(KmsMasterKeyId, id)
    }
    assert.ok(template.Parameters.DedupeDays.MinValue > 14)
})
await check('each mapping reports failures by message', () => {
    const mappings = ofType('AWS::Lambda::EventSourceMapping')
    assert.deepEqual(mappings.map(({ FunctionResponseTypes }) => FunctionResponseTypes), [['ReportBatchItemFailures'], ['ReportBatchItemFailures']])
    assert.deepEqual(mappings.map(({ FunctionName }) => FunctionName).sort(), ['Completer', 'Invoker'])
})
await check('what holds data is kept when the stack goes', () =>
    assert.deepEqual(Object.entries(resources).filter(([, { DeletionPolicy, UpdateReplacePolicy }]) =>
        DeletionPolicy === 'Retain' && UpdateReplacePolicy === 'Retain').map(([id]) => id).sort(), ['Key', 'SealingKeys', 'Table']))
await check('the secret is one that the program reads: 43 letters and digits', () => {
    const { GenerateSecretString: made } = resources.SealingKeys.Properties
    assert.deepEqual([made.SecretStringTemplate, made.PasswordLength, made.ExcludePunctuation, made.IncludeSpace], ['{}', 43, true, false])
})
