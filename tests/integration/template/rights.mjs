// Which operations of AWS a function of the program calls, read from the program: what it reaches in the object files, which
// calls that builds (the functions *_build_* of infra/aws), and what operation each of these names.
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'

const root = new URL('../../../', import.meta.url).pathname
const build = process.env.BUILD_DIR ?? `${root}build`

// ---- Sources: which operation a builder names -------------------------------------------------

const prefixes = {
    AWS_REDSHIFT_DATA: 'redshift-data', AWS_SQS: 'sqs', AWS_STEP_FUNCTIONS: 'states', AWS_DYNAMODB: 'dynamodb',
    AWS_EVENTBRIDGE: 'events', AWS_SNS: 'sns', AWS_STS: 'sts', AWS_S3: 's3', AWS_SECRETS_MANAGER: 'secretsmanager',
}
const sources = globSync(`${root}{infra/{aws,base,runtime,doctor,cli},tracker,invoker,completer}/*.c`)
    .map((path) => ({ path: path.slice(root.length), text: readFileSync(path, 'utf8') }))

const operations = (text) => [...text.matchAll(/"([A-Z][a-z]\w+)"/g)].map(([, name]) => name)

// name -> body of the functions of a file, as clang-format lays them out.
const functionsOf = (text) => [...text.matchAll(/^\w[^\n;={}]*?\b(\w+)\([^;{}]*\)\n\{\n(.*?)^\}/gms)]
    .map(([, name, body]) => ({ name, body }))

// What a call is made of: the texts of the first argument that has any, of a function that takes `call` as its last one.
const first = (list) => list.split(',').find((argument) => operations(argument).length > 0) ?? ''
const named = (body) => operations([...[...body.matchAll(/\b\w+\(([^;{}]*\bcall\));/g)].map(([, list]) => first(list)),
    ...[...body.matchAll(/(call->operation = [^;]*);/g)].map(([, text]) => text)].join(' '))

const atCallers = (name) => operations(sources.filter(({ path }) => !path.startsWith('infra/aws/'))
    .flatMap(({ text }) => [...text.matchAll(new RegExp(`\\b${name}\\(([^;{}]*)\\);`, 'g'))]).map(([, text]) => text).join(' '))

// builder -> {service, operations}; of every function *_build_* that a header of infra/aws declares.
export const builders = Object.fromEntries(globSync(`${root}infra/aws/*.h`)
    .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/\b(\w+_build_\w+)\(/g)].map(([, name]) => name))
    .map((name) => {
        for (const { path, text } of sources.filter(({ path: one }) => one.startsWith('infra/aws/'))) {
            const found = functionsOf(text).find((one) => one.name === name)
            if (found) {
                const own = named(found.body)
                const service = /call->service = (AWS_\w+)/.exec(text)
                return [name, { path, service: prefixes[service?.[1]], operations: own.length > 0 ? own : atCallers(name) }]
            }
        }
        return [name, { operations: [] }]
    }))

// Services that are called without a builder. The web identity's call is not signed and needs no right.
const assumes = operations([...sources.find(({ path }) => path === 'infra/aws/credentials_sts.c').text
    .matchAll(/"Action", (SLICE\("\w+"\))/g)].map(([, text]) => text).join(' ')).filter((name) => !/WebIdentity/.test(name))

// ---- Objects: what a function reaches ---------------------------------------------------------

const objdump = (...options) => execFileSync('objdump', options, { encoding: 'utf8', maxBuffer: 1 << 28 })

// What a relocation names: a symbol, or a place in a section of code, which is the function that holds it. Those of x86's calls count from
// the end of the instruction, four bytes on.
function target(type, text, functions) {
    const [, name, sign, offset] = /^([\w.$]+?)(?:([+-])0x([0-9a-f]+))?$/.exec(text)
    const at = (sign === '-' ? -1 : 1) * parseInt(offset ?? '0', 16) + (/PC32|PLT32/.test(type) ? 4 : 0)
    return functions.findLast((one) => one.section === name && one.at <= at)?.name ?? name
}

const relocations = (text) => [...text.matchAll(/\b(R_\w+)\s+(\S+)/g)]

// The functions and tables of an object file, each with what it refers to: by call, or by address. What stands in any of its
// tables is referred to by all of them.
function readObject(path) {
    const code = objdump('-dr', '--no-show-raw-insn', path)
    const functions = code.split('Disassembly of section ').slice(1).flatMap((part) =>
        [...part.matchAll(/^([0-9a-f]+) <([\w.$]+)>:\n((?:.+\n?)*)/gm)]
            .map(([, at, name, body]) => ({ name, section: part.slice(0, part.indexOf(':')), at: parseInt(at, 16), body })))
    const data = objdump('-r', path).split(/^RELOCATION RECORDS FOR /m).filter((part) => /^\[\.(data|rodata)/.test(part)).join('')
    const tables = relocations(data).map(([, type, text]) => target(type, text, functions))
    const file = path.slice(build.length + 1).replace(/CMakeFiles\/[^/]+\.dir\//, '').replace(/\.o$/, '')
    const symbols = [...objdump('-t', path).matchAll(/^\S+ g +([FO]) \S+\s+\S+\s+(?:\.hidden )?(\S+)$/gm)]
    const globals = new Set(symbols.map(([, , name]) => name))
    const texts = functions.map(({ name, body }) => ({
        name,
        refers: [...relocations(body).map(([, type, text]) => target(type, text, functions)),
            ...[...body.matchAll(/<([\w.$]+)(?:\+0x[0-9a-f]+)?>/g)].map(([, one]) => one)],
    }))
    const objects = symbols.filter(([, kind]) => kind === 'O').map(([, , name]) => ({ name, refers: [] }))
    return [...texts, ...objects].map(({ name, refers }) =>
        ({ file, name, global: globals.has(name), refers: [...tables, ...refers] }))
}

const symbols = globSync(`${build}/{infra/{aws,base,runtime,doctor,cli},tracker,invoker,completer}/CMakeFiles/*/*.c.o`)
    .flatMap(readObject)
const inFile = new Map(symbols.map((one) => [`${one.file} ${one.name}`, one]))
const everywhere = new Map(symbols.filter(({ global }) => global).map((one) => [one.name, one]))

// Names of the functions that these call, and of those that they refer to.
export function reached(...entries) {
    const seen = new Set()
    const open = entries.map((name) => everywhere.get(name))
    while (open.length > 0) {
        const one = open.pop()
        if (one && !seen.has(one)) {
            seen.add(one)
            open.push(...one.refers.map((name) => inFile.get(`${one.file} ${name}`) ?? everywhere.get(name)))
        }
    }
    return new Set([...seen].map(({ name }) => name))
}

// ---- Actions ----------------------------------------------------------------------------------

// Operations whose action has another name, or that need more than one.
const actionsOf = (service, operation) => {
    const batch = /^(DeleteMessage|ChangeMessageVisibility)Batch$/.exec(operation)
    return operation === 'GetObject' ? ['s3:GetObject', 's3:GetObjectVersion'] : [`${service}:${batch?.[1] ?? operation}`]
}

// Sorted IAM actions of what these functions reach.
export function actions(...entries) {
    const names = reached(...entries)
    const called = Object.entries(builders).filter(([name]) => names.has(name))
        .flatMap(([, { service, operations: all }]) => all.flatMap((operation) => actionsOf(service, operation)))
    const roles = names.has('credentials_provider_assume_role') ? assumes.flatMap((name) => actionsOf('sts', name)) : []
    return [...new Set([...called, ...roles])].sort()
}
