// A DynamoDB that is in trouble, on 127.0.0.1: hands what it is asked on to another one, throttles it,
// or answers late.
//   node dynamodb_proxy.mjs URL
// Prints its address once it answers. PUT /_trouble sets {throttled: true or false, delayMs: N}.
import http from 'node:http';
import { once } from 'node:events';

const THROTTLES = ['ProvisionedThroughputExceededException', 'ThrottlingException', 'RequestLimitExceeded'];
const upstream = new URL(process.argv[2]);
let trouble = {};
let throttledCount = 0;

async function bodyOf(stream) {
    const chunks = [];
    for await (const chunk of stream) {
        chunks.push(chunk);
    }
    return Buffer.concat(chunks);
}

// Each of the ways in which AWS says it, in turn.
function throttle(response) {
    const name = THROTTLES[throttledCount++ % THROTTLES.length];
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'Rate exceeded' }));
}

async function handOn({ method, headers }, body, response) {
    const asked = http.request({ host: upstream.hostname, port: upstream.port, method, path: '/', headers, agent: false });
    asked.end(body);
    const [answer] = await once(asked, 'response');
    const text = await bodyOf(answer);
    response.writeHead(answer.statusCode, { 'content-type': answer.headers['content-type'] });
    response.end(text);
}

const server = http.createServer(async (request, response) => {
    try {
        const body = await bodyOf(request);
        if (request.url === '/_trouble') {
            trouble = JSON.parse(body);
            response.end();
            return;
        }
        const { throttled, delayMs = 0 } = trouble;
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        await (throttled ? throttle(response) : handOn(request, body, response));
    } catch {
        response.destroy(); // whoever asks sees a lost connection
    }
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
