// AWS Secrets Manager with one secret, on 127.0.0.1:
//     node secrets.mjs ARN TEXT
// prints "http://127.0.0.1:PORT". It looks at what it is sent, but for the signature's value.
import { createServer } from 'node:http'

const [arn, text] = process.argv.slice(2)

function answer({ method, headers }, body) {
    if (method !== 'POST' || headers['x-amz-target'] !== 'secretsmanager.GetSecretValue' ||
        !/^AWS4-HMAC-SHA256 Credential=\S+\/us-east-1\/secretsmanager\/aws4_request/.test(headers.authorization)) {
        return [400, { __type: 'UnrecognizedClientException', message: 'not signed for secretsmanager' }]
    }
    return JSON.parse(body).SecretId === arn
        ? [200, { ARN: arn, Name: 'keys', VersionStages: ['AWSCURRENT'], SecretString: text }]
        : [400, { __type: 'ResourceNotFoundException', message: "Secrets Manager can't find the specified secret." }]
}

const server = createServer((request, reply) => {
    let body = ''
    request.on('data', (part) => (body += part))
    request.on('end', () => {
        const [code, document] = answer(request, body)
        reply.writeHead(code, { 'Content-Type': 'application/x-amz-json-1.1' }).end(JSON.stringify(document))
    })
})

server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
