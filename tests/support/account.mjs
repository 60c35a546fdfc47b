// An AWS account around an endpoint: passes requests on to it, and serves itself what `ringback local`
// does not: the rules of EventBridge, backups of tables, definitions of state machines. Notes every
// operation, refuses those in `denied` as IAM would, and may have a clock of its own.
import { once } from 'node:events'
import { createServer, request } from 'node:http'

// What a JSON service answers.
class Refusal extends Error {
    constructor(name, message = name) {
        super(message)
        this.name = name
    }
}

export class Account {
    denied = new Set() // "events:DescribeRule"
    operations = new Set()
    skewMs = 0
    rules = new Map() // name -> {pattern, state, targets: Map(id -> target)}
    backups = 'ENABLED'
    machines = new Map() // ARN -> definition

    // endpoints: X-Amz-Target's prefix -> another endpoint than the usual one.
    static async start(endpoint, endpoints = {}) {
        const account = new Account()
        account.place = (prefix) => endpoints[prefix] ?? endpoint
        account.server = createServer((incoming, reply) => account.serve(incoming, reply))
        account.server.listen(0, '127.0.0.1')
        await once(account.server, 'listening')
        account.endpoint = `http://127.0.0.1:${account.server.address().port}`
        return account
    }

    async stop() {
        this.server.close()
        this.server.closeAllConnections()
        await once(this.server, 'close')
    }

    async serve(incoming, reply) {
        const body = Buffer.concat(await incoming.toArray())
        const [prefix, target] = (incoming.headers['x-amz-target'] ?? '.').split('.')
        const name = target || new URLSearchParams(body.toString()).get('Action')
        const service = /Credential=[^/]+\/[^/]+\/[^/]+\/([^/]+)/.exec(incoming.headers.authorization)?.[1]
        const operation = `${service}:${name}`
        this.operations.add(operation)
        if (this.denied.has(operation)) {
            return this.answer(reply, 400, { __type: 'AccessDeniedException', message: `not authorized: ${operation}` })
        }
        const own = this[name]
        if (own === undefined || prefix === '') {
            return this.pass(prefix, incoming, body, reply)
        }
        try {
            this.answer(reply, 200, own.call(this, JSON.parse(body)))
        } catch (error) {
            this.answer(reply, 400, { __type: error.name, message: error.message })
        }
    }

    get date() {
        return new Date(Date.now() + this.skewMs).toUTCString()
    }

    answer(reply, code, document) {
        reply.writeHead(code, { 'Content-Type': 'application/x-amz-json-1.1', Date: this.date })
        reply.end(JSON.stringify(document))
    }

    pass(prefix, { method, headers, url }, body, reply) {
        const outgoing = request(new URL(url, this.place(prefix)), { method, headers }, (answer) => {
            reply.writeHead(answer.statusCode, { ...answer.headers, date: this.date })
            answer.pipe(reply)
        })
        outgoing.on('error', () => reply.destroy())
        outgoing.end(body)
    }

    rule(name) {
        return this.rules.get(name) ?? (() => { throw new Refusal('ResourceNotFoundException', `no rule ${name}`) })()
    }

    static arn = (name) => `arn:aws:events:us-east-1:000000000000:rule/${name}`

    PutRule({ Name, EventPattern, ScheduleExpression, State = 'ENABLED' }) {
        const targets = this.rules.get(Name)?.targets ?? new Map()
        this.rules.set(Name, { EventPattern, ScheduleExpression, State, targets })
        return { RuleArn: Account.arn(Name) }
    }

    DescribeRule({ Name }) {
        const { EventPattern, ScheduleExpression, State } = this.rule(Name)
        return { Name, Arn: Account.arn(Name), EventPattern, ScheduleExpression, State, EventBusName: 'default' }
    }

    PutTargets({ Rule, Targets }) {
        Targets.forEach((target) => this.rule(Rule).targets.set(target.Id, target))
        return { FailedEntryCount: 0, FailedEntries: [] }
    }

    ListTargetsByRule({ Rule }) {
        return { Targets: [...this.rule(Rule).targets.values()] }
    }

    ListRuleNamesByTarget({ TargetArn }) {
        const has = ([, { targets }]) => [...targets.values()].some(({ Arn }) => Arn === TargetArn)
        return { RuleNames: [...this.rules].filter(has).map(([name]) => name) }
    }

    DescribeContinuousBackups() {
        return {
            ContinuousBackupsDescription: {
                ContinuousBackupsStatus: 'ENABLED',
                PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: this.backups },
            },
        }
    }

    DescribeTimeToLive() {
        return { TimeToLiveDescription: { TimeToLiveStatus: 'ENABLED', AttributeName: 'ttl' } }
    }

    DescribeStateMachine({ stateMachineArn }) {
        const definition = this.machines.get(stateMachineArn)
        if (definition === undefined) {
            throw new Refusal('StateMachineDoesNotExist', `State Machine Does Not Exist: '${stateMachineArn}'`)
        }
        return { stateMachineArn, name: 'x', status: 'ACTIVE', type: 'STANDARD', roleArn: 'arn:x', creationDate: 0, definition }
    }
}
