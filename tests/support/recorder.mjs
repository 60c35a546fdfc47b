// Passes requests on to an AWS endpoint and notes who signed them:
//     node recorder.mjs ENDPOINT FILE
// prints "http://127.0.0.1:PORT" and appends "<service> <access key id>" to FILE for each request.
import { appendFileSync } from 'node:fs'
import { createServer, request } from 'node:http'

const [endpoint, file] = process.argv.slice(2)

const server = createServer((incoming, reply) => {
    const [, key, service] =
        /Credential=([^/]+)\/[^/]+\/[^/]+\/([^/]+)/.exec(incoming.headers.authorization) ?? [null, '-', '-']
    appendFileSync(file, `${service} ${key}\n`)
    const { method, headers, url } = incoming
    const outgoing = request(new URL(url, endpoint), { method, headers }, (answer) => {
        reply.writeHead(answer.statusCode, answer.rawHeaders)
        answer.pipe(reply)
    })
    outgoing.on('error', () => reply.destroy())
    reply.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
})

server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
