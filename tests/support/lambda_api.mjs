// AWS Lambda around one function, on 127.0.0.1: the runtime API that the function speaks, and the
// Invoke API that callers speak. One sandbox, one event at a time, as in AWS:
//     node lambda_api.mjs
// prints "127.0.0.1:PORT", the value of AWS_LAMBDA_RUNTIME_API.
//     POST /2015-03-31/functions/function/invocations    body: the event; the answer is the result, or
//         with the header X-Amz-Function-Error the error's document. Query: seconds=N (30), the
//         function's timeout; id=ID, the request id, which a repeat by Lambda keeps
//     GET  /state    {"next": calls of next, "initError": document or null, "waiting": is asked for an event,
//         "firstNextAt": when it first was, in microseconds, "leftMs": of the last event's time when it was
//         answered}
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { performance } from 'node:perf_hooks'

const resultMax = 6 * 1024 * 1024
const runtime = '/2018-06-01/runtime'
const events = [] // not yet fetched: {id, body, seconds, reply}
const underWay = new Map() // request id -> {reply, deadline}
const state = { next: 0, initError: null, waiting: false, firstNextAt: null, leftMs: null }
let idle = null // the answer of next that waits for an event

const send = (reply, code, body, headers = {}) =>
    reply.writeHead(code, { 'Content-Type': 'application/json', ...headers }).end(body)

function hand() {
    if (!idle || events.length === 0) {
        return
    }
    const { id, body, seconds, reply } = events.shift()
    const deadline = Date.now() + seconds * 1000
    underWay.set(id, { reply, deadline })
    send(idle, 200, body, {
        'Lambda-Runtime-Aws-Request-Id': id,
        'Lambda-Runtime-Deadline-Ms': deadline,
        'Lambda-Runtime-Invoked-Function-Arn': 'arn:aws:lambda:us-east-1:000000000000:function:function',
        'Lambda-Runtime-Trace-Id': 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0',
    })
    idle = null
    state.waiting = false
}

// What the function posts about the event id.
function answer(id, body, reply, headers) {
    const event = underWay.get(id)
    if (!event) {
        return send(reply, 403, '{"errorMessage":"no such event","errorType":"InvalidRequestID"}')
    }
    if (body.length > resultMax) {
        return send(reply, 413, '{"errorMessage":"too large","errorType":"RequestEntityTooLarge"}')
    }
    underWay.delete(id)
    state.leftMs = event.deadline - Date.now()
    send(event.reply, 200, body, headers)
    send(reply, 202, '{"status":"OK"}')
}

function route({ method, url, headers }, body, reply) {
    const { pathname, searchParams } = new URL(url, 'http://localhost')
    const [, id, verb] = /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/(response|error)$/.exec(pathname) ?? []
    if (method === 'GET' && pathname === `${runtime}/invocation/next`) {
        idle = reply
        state.next++
        state.firstNextAt ??= Math.round(1000 * (performance.timeOrigin + performance.now()))
        state.waiting = true
        return hand()
    }
    if (method === 'POST' && verb) {
        return answer(id, body, reply, verb === 'error'
            ? { 'X-Amz-Function-Error': headers['lambda-runtime-function-error-type'] ?? 'Unhandled' } : {})
    }
    if (method === 'POST' && pathname === `${runtime}/init/error`) {
        state.initError = JSON.parse(body)
        return send(reply, 202, '{"status":"OK"}')
    }
    if (method === 'POST' && pathname.endsWith('/invocations')) {
        events.push({ id: searchParams.get('id') ?? randomUUID(), body, reply,
            seconds: Number(searchParams.get('seconds') ?? 30) })
        return hand()
    }
    if (method === 'GET' && pathname === '/state') {
        return send(reply, 200, JSON.stringify(state))
    }
    return send(reply, 404, '{"errorMessage":"no such path","errorType":"NotFound"}')
}

const server = createServer((request, reply) => {
    const parts = []
    request.on('data', (part) => parts.push(part))
    request.on('end', () => route(request, Buffer.concat(parts), reply))
})
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => console.log(`127.0.0.1:${server.address().port}`))
