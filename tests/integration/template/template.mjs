// A CloudFormation template, read and evaluated as CloudFormation does it: parameters, rules, conditions and intrinsic
// functions. What refers to nothing, or to what the parameters leave out, is an error.
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

const root = new URL('../../../', import.meta.url)
export const file = (name) => new URL(`infra/deploy/cloudformation/${name}`, root)

// ---- Reading ----------------------------------------------------------------------------------

const functions = ['Sub', 'If', 'Join', 'Split', 'Equals', 'Not', 'And', 'Or', 'Select', 'FindInMap']
const resolved = (node) => (node && typeof node.toJSON === 'function' ? node.toJSON() : node)
const tags = [
    ...[...functions.map((name) => [`!${name}`, `Fn::${name}`]), ['!Ref', 'Ref'], ['!Condition', 'Condition']].flatMap(
        ([tag, name]) => ['scalar', 'seq', 'map'].map((kind) => ({
            tag, ...(kind === 'scalar' ? {} : { collection: kind }),
            resolve: (node) => ({ [name]: resolved(node) }),
        }))),
    { tag: '!GetAtt', resolve: (text) => ({ 'Fn::GetAtt': [text.slice(0, text.indexOf('.')), text.slice(text.indexOf('.') + 1)] }) },
]

export const read = (name) => JSON.parse(JSON.stringify(parse(readFileSync(file(name), 'utf8'), { customTags: tags })))

// ---- Evaluating -------------------------------------------------------------------------------

const nothing = Symbol('AWS::NoValue')
const pseudo = {
    'AWS::AccountId': '123456789012', 'AWS::Region': 'eu-west-1', 'AWS::Partition': 'aws', 'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': 'warehouse', 'AWS::StackId': 'arn:aws:cloudformation:eu-west-1:123456789012:stack/warehouse/1',
    'AWS::NoValue': nothing,
}

// What a resource's Ref and attributes look like, as far as anything depends on it.
function sample(id, type, attribute) {
    if (type === 'AWS::SQS::Queue' && !attribute) {
        return `https://sqs.eu-west-1.amazonaws.com/123456789012/${id}`
    }
    if (attribute === 'Arn' || (type === 'AWS::SecretsManager::Secret' && !attribute)) {
        const service = type.split('::')[1].toLowerCase()
        return `arn:aws:${service}:eu-west-1:123456789012:${id}`
    }
    return attribute ? `${id}.${attribute}` : id
}

class Evaluation {
    constructor(template, parameters) {
        this.template = template
        this.parameters = Object.fromEntries(Object.entries(template.Parameters ?? {}).map(([name, { Type, Default }]) => {
            const value = parameters[name] ?? Default
            if (value === undefined) {
                throw new Error(`${name}: must be given`)
            }
            return [name, Type === 'Number' ? Number(value) : value]
        }))
        for (const name of Object.keys(parameters)) {
            if (!(name in this.parameters)) {
                throw new Error(`${name}: no such parameter`)
            }
        }
    }

    condition(name) {
        if (!(name in this.template.Conditions)) {
            throw new Error(`Condition ${name}: there is none`)
        }
        return this.value(this.template.Conditions[name])
    }

    resource(id) {
        const resource = this.template.Resources[id]
        if (!resource) {
            throw new Error(`${id}: neither parameter nor resource`)
        }
        if (resource.Condition && !this.condition(resource.Condition)) {
            throw new Error(`${id}: is left out, but referred to`)
        }
        return resource
    }

    ref(name) {
        if (name in pseudo) {
            return pseudo[name]
        }
        return name in this.parameters ? this.parameters[name] : sample(name, this.resource(name).Type)
    }

    attribute(id, name) {
        const { Type } = this.resource(id)
        this.attributes.add(`${Type} ${name}`)
        return sample(id, Type, name)
    }

    sub(argument) {
        const [text, more] = Array.isArray(argument) ? argument : [argument, {}]
        return text.replace(/\$\{([^!}][^}]*)\}/g, (_, name) => {
            const value = name in more ? this.value(more[name])
                : name.includes('.') ? this.attribute(...name.split(/\.(.*)/s)) : this.ref(name)
            if (typeof value === 'symbol') {
                throw new Error(`Fn::Sub: ${name} has no value`)
            }
            return String(value)
        })
    }

    call(name, argument) {
        const all = () => argument.map((item) => this.value(item))
        switch (name) {
        case 'Ref': return this.ref(argument)
        case 'Condition': return this.condition(argument)
        case 'Fn::GetAtt': return this.attribute(...argument)
        case 'Fn::Sub': return this.sub(argument)
        case 'Fn::If': return this.value(argument[this.condition(argument[0]) ? 1 : 2])
        case 'Fn::Join': return this.value(argument[1]).join(argument[0])
        case 'Fn::Split': return this.value(argument[1]).split(argument[0])
        case 'Fn::Equals': return String(this.value(argument[0])) === String(this.value(argument[1]))
        case 'Fn::Not': return !this.value(argument[0])
        case 'Fn::And': return all().every(Boolean)
        case 'Fn::Or': return all().some(Boolean)
        default: throw new Error(`${name}: not known here`)
        }
    }

    value(node) {
        if (Array.isArray(node)) {
            return node.map((item) => this.value(item)).filter((item) => item !== nothing)
        }
        if (node === null || typeof node !== 'object') {
            return node
        }
        const names = Object.keys(node)
        if (names.length === 1 && (names[0] === 'Ref' || names[0].startsWith('Fn::') ||
            (names[0] === 'Condition' && typeof node.Condition === 'string'))) {
            return this.call(names[0], node[names[0]])
        }
        return Object.fromEntries(names.map((name) => [name, this.value(node[name])]).filter(([, value]) => value !== nothing))
    }

    resources() {
        const kept = Object.entries(this.template.Resources)
            .filter(([, { Condition }]) => !Condition || this.condition(Condition))
        for (const [, { DependsOn = [] }] of kept) {
            [DependsOn].flat().forEach((id) => this.resource(id))
        }
        return Object.fromEntries(kept.map(([id, { Type, Properties = {}, DeletionPolicy, UpdateReplacePolicy }]) =>
            [id, { Type, Properties: this.value(Properties), DeletionPolicy, UpdateReplacePolicy }]))
    }

    // The descriptions of the assertions that do not hold.
    refusals() {
        return Object.values(this.template.Rules ?? {})
            .filter(({ RuleCondition }) => !RuleCondition || this.value(RuleCondition))
            .flatMap(({ Assertions }) => Assertions.filter(({ Assert }) => !this.value(Assert)))
            .map(({ AssertDescription }) => AssertDescription)
    }
}

// {Resources, Outputs, refusals, attributes}: what is made of the template with these parameters.
export function evaluate(template, parameters) {
    const evaluation = new Evaluation(template, parameters)
    evaluation.attributes = new Set()
    const Resources = evaluation.resources()
    const outputs = Object.entries(template.Outputs ?? {})
        .filter(([, { Condition }]) => !Condition || evaluation.condition(Condition))
    const Outputs = Object.fromEntries(outputs.map(([name, output]) => [name, evaluation.value({ ...output, Condition: undefined })]))
    return { Resources, Outputs, refusals: evaluation.refusals(), attributes: evaluation.attributes }
}

// ---- Parameters to try ------------------------------------------------------------------------

const code = { CodeBucket: 'my-code', CodeKey: 'ringback-1.0.0-x86_64.zip', Database: 'dev' }
const machine = 'arn:aws:states:eu-west-1:123456789012:stateMachine:nightly'
const everything = {
    ...code, CodeVersion: 'v1', Architecture: 'arm64', ClusterIdentifier: 'warehouse', DbUser: 'etl',
    StatementPolicyArn: 'arn:aws:iam::123456789012:policy/more', StateMachineArns: `${machine},${machine}-2`,
    ScriptObjects: 'arn:aws:s3:::my-scripts/*', ResultObjects: 'arn:aws:s3:::my-results/a/*,arn:aws:s3:::my-results/b/*',
    ReplyToArns: 'arn:aws:sqs:eu-west-1:123456789012:answers', RequestSourceArns: 'arn:aws:sns:eu-west-1:123456789012:requests',
    ResultsPrincipals: 'arn:aws:iam::123456789012:role/analyst', OperatorPrincipals: 'arn:aws:iam::123456789012:role/operator',
    ScheduleExpression: 'cron(0 3 * * ? *)', ScheduleSql: 'call nightly_load()',
    AlarmTopicArn: 'arn:aws:sns:eu-west-1:123456789012:alarms', StatementPrefix: 'etl/', ReservedConcurrency: '20', LogLevel: 'DEBUG', RetainDays: '2', DedupeDays: '20',
    SubnetIds: 'subnet-0a1b2c3d,subnet-1a1b2c3d', SecurityGroupIds: 'sg-0a1b2c3d',
}
export const settings = {
    'a workgroup': { ...code, WorkgroupName: 'analytics' },
    'a cluster': { ...code, ClusterIdentifier: 'warehouse' },
    'a cluster with a secret': {
        ...code, ClusterIdentifier: 'warehouse', SecretArn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:etl-AbCdEf',
    },
    'a workgroup by its ARN': {
        ...code, WorkgroupName: 'analytics',
        WorkgroupArn: 'arn:aws:redshift-serverless:eu-west-1:123456789012:workgroup/5c1d2e30-0000-4000-8000-000000000000',
    },
    everything,
    'Redis': { ...everything, RedisUrl: 'rediss://ringback:p%40ss@redis.internal:6379/0', RedisWait: '1' },
    'a schedule without a topic': { ...code, WorkgroupName: 'analytics', ScheduleExpression: 'rate(1 hour)', ScheduleSql: 'select 1' },
}
