// TLS in front of a port that has none, on 127.0.0.1:
//     node tls_front.mjs KEY CERTIFICATE PORT
// prints the port that it listens on; what comes there goes to PORT, as it is, and back.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createServer } from 'node:tls'

const [key, cert, port] = process.argv.slice(2)

const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (client) => {
    const behind = connect(Number(port), '127.0.0.1')
    client.pipe(behind).pipe(client)
    client.on('error', () => behind.destroy())
    behind.on('error', () => client.destroy())
})
server.on('tlsClientError', () => {}) // who does not trust the certificate hangs up
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
