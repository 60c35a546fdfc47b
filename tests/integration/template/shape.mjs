// The templates against CloudFormation: its own resource specification, the CDK's reader, its limits, and whether everything
// that is referred to is there, whatever the parameters leave out.
import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadAwsServiceSpec } from '@aws-cdk/aws-service-spec'
import { App, Stack } from 'aws-cdk-lib'
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include'
import { check } from './cases.mjs'
import { evaluate, file, read, settings } from './template.mjs'

const db = await loadAwsServiceSpec()
const direct = 51200 // bytes that may be handed over without S3

// ---- The specification ------------------------------------------------------------------------

const kind = (value) => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value)

function fail(path, text) {
    throw new Error(`${path}: ${text}`)
}

// CloudFormation makes texts of numbers and booleans, and numbers of texts.
function checkScalar(value, type, path) {
    const text = String(value)
    if (!['string', 'number', 'boolean'].includes(kind(value))) {
        fail(path, `must be a ${type.type}, is ${kind(value)}`)
    }
    if (type.type === 'integer' && !/^-?\d+$/.test(text)) {
        fail(path, `must be an integer, is ${text}`)
    }
    if (type.type === 'number' && Number.isNaN(Number(text))) {
        fail(path, `must be a number, is ${text}`)
    }
    if (type.type === 'boolean' && !/^(true|false)$/.test(text)) {
        fail(path, `must be true or false, is ${text}`)
    }
    if (type.allowedValues && !type.allowedValues.map(String).includes(text)) {
        fail(path, `must be one of ${type.allowedValues}, is ${text}`)
    }
    if (type.pattern && !new RegExp(type.pattern).test(text)) {
        fail(path, `must match ${type.pattern}, is ${text}`)
    }
}

function checkMembers(value, properties, path) {
    if (kind(value) !== 'object') {
        fail(path, `must be an object, is ${kind(value)}`)
    }
    for (const [name, member] of Object.entries(value)) {
        checkValue(member, (properties[name] ?? fail(`${path}.${name}`, 'no such property')).type, `${path}.${name}`)
    }
    for (const [name, { required }] of Object.entries(properties)) {
        if (required && !(name in value)) {
            fail(`${path}.${name}`, 'is required')
        }
    }
}

function checkValue(value, type, path) {
    switch (type.type) {
    case 'string': case 'integer': case 'number': case 'boolean': case 'date-time': return checkScalar(value, type, path)
    case 'json': return assert.ok(['object', 'string'].includes(kind(value)), `${path}: must be JSON`)
    case 'array':
        assert.ok(Array.isArray(value), `${path}: must be a list`)
        return value.forEach((item, i) => checkValue(item, type.element, `${path}.${i}`))
    case 'map': return Object.entries(value).forEach(([name, item]) => checkValue(item, type.element, `${path}.${name}`))
    case 'ref': return checkMembers(value, db.get('typeDefinition', type.reference.$ref).properties, path)
    case 'union': {
        const problems = type.types.map((one) => {
            try {
                return checkValue(value, one, path)
            } catch (error) {
                return error
            }
        })
        return assert.ok(problems.includes(undefined), problems.map(String).join(' or '))
    }
    default: return fail(path, `the specification has the unknown type ${type.type}`)
    }
}

function specification(type) {
    const found = [...db.lookup('resource', 'cloudFormationType', 'equals', type)]
    assert.equal(found.length, 1, `${type}: not in the specification`)
    return found[0]
}

function checkResources({ Resources, attributes }) {
    for (const [id, { Type, Properties }] of Object.entries(Resources)) {
        if (!Type.startsWith('Custom::')) {
            checkMembers(Properties, specification(Type).properties, id)
        }
    }
    for (const [type, name] of [...attributes].map((text) => text.split(' '))) {
        if (!type.startsWith('Custom::') && type !== 'AWS::CloudFormation::Stack') {
            assert.ok(name in specification(type).attributes, `${type} has no attribute ${name}`)
        }
    }
}

// ---- The CDK ----------------------------------------------------------------------------------

// The CDK puts a parameter's default where it is used, conditions aside: an empty one is seen by no resource. And the ARN of a
// secret is none.
const idle = /default ''|: '' does not match|'SecretArn' appears to be a password/

function synthesize(name) {
    const said = []
    const app = new App({ analyticsReporting: false })
    const stack = new Stack(app, 'stack')
    for (const sink of ['warn', 'error']) {
        console[sink] = (...texts) => said.push(texts.join(' '))
    }
    new CfnInclude(stack, 'template', { templateFile: fileURLToPath(file(name)) })
    const assembly = app.synth()
    said.push(...assembly.getStackArtifact(stack.artifactId).messages.map(({ entry }) => entry.data))
    const warnings = said.join('\n').split('\n').filter((line) => /^(WARNING|ERROR|FATAL)/.test(line) && !idle.test(line))
    assert.deepEqual(warnings, [])
    assert.ok(said.every((text) => /Template validation found issues/.test(text)), said.join('\n'))
    return assembly.getStackArtifact(stack.artifactId).template
}

// ---- Limits -----------------------------------------------------------------------------------

function checkLimits(name, template) {
    assert.ok(statSync(file(name)).size <= direct, `has ${statSync(file(name)).size} bytes, at most ${direct}`)
    assert.ok(Object.keys(template.Parameters).length <= 200)
    assert.ok(Object.keys(template.Resources).length <= 500)
    assert.ok(Object.keys(template.Outputs).length <= 200)
    assert.ok(template.Description.length <= 1024)
    for (const [id, { Description = '' }] of Object.entries(template.Parameters)) {
        assert.ok(Description.length <= 4000, `${id}: its description`)
    }
}

function checkSizes({ Resources }) {
    for (const [id, { Type, Properties }] of Object.entries(Resources)) {
        if (Type === 'AWS::Lambda::Function') {
            const bytes = JSON.stringify(Properties.Environment.Variables).length
            assert.ok(bytes <= 4096, `${id}: its environment has ${bytes} bytes`)
        }
        if (Type === 'AWS::IAM::ManagedPolicy') {
            assert.ok(JSON.stringify(Properties.PolicyDocument).length <= 6144, id)
        }
        if (Type === 'AWS::Events::Rule' && Properties.EventPattern) {
            assert.ok(JSON.stringify(Properties.EventPattern).length <= 2048, id)
        }
    }
}

// ---- Names ------------------------------------------------------------------------------------

// Whatever has a name of its own has the stack's in it, so that several stacks live side by side.
function checkNames(template) {
    for (const [id, { Type, Properties = {} }] of Object.entries(template.Resources)) {
        for (const name of ['Name', 'ManagedPolicyName', `${Type.split('::')[2]}Name`]) {
            assert.match(JSON.stringify(Properties[name] ?? 'AWS::StackName'), /AWS::StackName/, `${id}.${name}`)
        }
    }
    assert.match(JSON.stringify(template.Resources.KeyAlias.Properties.AliasName), /AWS::StackName/)
    for (const [name, { Export }] of Object.entries(template.Outputs)) {
        assert.ok(!Export || Export.Name['Fn::Sub'] === `\${AWS::StackName}-${name}`, name)
    }
}

function checkParameters(template) {
    const groups = template.Metadata['AWS::CloudFormation::Interface'].ParameterGroups
    assert.deepEqual(groups.flatMap(({ Parameters }) => Parameters).sort(), Object.keys(template.Parameters).sort())
    const used = JSON.stringify([template.Resources, template.Conditions, template.Outputs])
    for (const [name, parameter] of Object.entries(template.Parameters)) {
        assert.ok(used.includes(`{"Ref":"${name}"}`) || used.includes(`\${${name}}`), `${name}: is not used`)
        assert.ok(!parameter.AllowedPattern || parameter.ConstraintDescription, `${name}: no word on what is wrong`)
        assert.ok(parameter.Description || parameter.AllowedValues, `${name}: no description`)
    }
    const conditions = JSON.stringify([template.Resources, template.Outputs, template.Conditions])
    for (const name of Object.keys(template.Conditions)) {
        assert.ok(conditions.includes(`"Condition":"${name}"`) || conditions.includes(`"Fn::If":["${name}"`),
            `${name}: a condition that is not used`)
    }
}

// ---- Cases ------------------------------------------------------------------------------------

const ringback = read('ringback.yaml')
const example = read('example.yaml')
const exampleSettings = { TemplateUrl: 'https://b.s3.eu-west-1.amazonaws.com/ringback.yaml', ...settings['a workgroup'] }

await check('ringback.yaml: has no transform', () => assert.ok(!ringback.Transform && !/Fn::Transform/.test(JSON.stringify(ringback))))
await check('ringback.yaml: limits of a template', () => checkLimits('ringback.yaml', ringback))
await check('ringback.yaml: parameters and conditions are grouped, used and explained', () => checkParameters(ringback))
await check('ringback.yaml: several stacks do not meet', () => checkNames(ringback))
for (const [name, parameters] of Object.entries(settings)) {
    await check(`ringback.yaml: ${name}: everything referred to is there`, () => evaluate(ringback, parameters))
    await check(`ringback.yaml: ${name}: fits the specification`, () => checkResources(evaluate(ringback, parameters)))
    await check(`ringback.yaml: ${name}: limits of resources`, () => checkSizes(evaluate(ringback, parameters)))
}
await check('example.yaml: fits the specification', () => checkResources(evaluate(example, exampleSettings)))
await check('example.yaml: asks ringback.yaml for what it gives', () => {
    const { Resources } = evaluate(example, exampleSettings)
    const made = evaluate(ringback, Resources.Ringback.Properties.Parameters)
    assert.deepEqual(made.refusals, [])
    for (const [, name] of readFileSync(file('example.yaml'), 'utf8').matchAll(/Outputs\.(\w+)/g)) {
        assert.ok(name in made.Outputs, name)
    }
})
for (const name of ['ringback.yaml', 'example.yaml']) {
    await check(`${name}: the CDK takes it without a warning`, () => {
        const { Resources } = synthesize(name)
        assert.deepEqual(Object.keys(Resources).sort(), Object.keys(read(name).Resources).sort())
    })
}
