// `ringback` as a Lambda function: sandboxes with Lambda around each (tests/support/lambda_api.mjs).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { binary, cleanEnvironment } from './stand_in.mjs';

const api = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../support/lambda_api.mjs');

// One sandbox: it has one event at a time, and others wait.
class Sandbox {
    static async start(environment) {
        const sandbox = new Sandbox();
        sandbox.busy = 0;
        sandbox.log = [];
        sandbox.lambda = spawn(process.execPath, [api], { stdio: ['ignore', 'pipe', 'inherit'] });
        const [address] = await once(readline.createInterface({ input: sandbox.lambda.stdout }), 'line');
        sandbox.url = `http://${address}/2015-03-31/functions/function/invocations`;
        sandbox.runtime = spawn(binary, [], {
            env: cleanEnvironment({ ...environment, AWS_LAMBDA_RUNTIME_API: address }),
            stdio: ['ignore', 'ignore', 'pipe'],
        });
        readline.createInterface({ input: sandbox.runtime.stderr }).on('line', (line) => sandbox.log.push(line));
        sandbox.closed = once(sandbox.runtime, 'close');
        return sandbox;
    }

    async invoke(payload) {
        this.busy++;
        try {
            const response = await fetch(this.url, { method: 'POST', body: JSON.stringify(payload) });
            return { error: response.headers.get('x-amz-function-error'), body: await response.json() };
        } finally {
            this.busy--;
        }
    }

    // The sandbox goes as Lambda's do: nobody asks it.
    async stop() {
        this.runtime.kill('SIGKILL');
        this.lambda.kill('SIGKILL');
        await this.closed;
    }
}

export class LambdaFunction {
    static async start(environment, sandboxes) {
        const made = new LambdaFunction();
        made.sandboxes = await Promise.all(Array.from({ length: sandboxes }, () => Sandbox.start(environment)));
        return made;
    }

    // Resolves to {error, body}: error is the type of Lambda's error, or null.
    async invoke(payload) {
        const idle = this.sandboxes.reduce((least, sandbox) => sandbox.busy < least.busy ? sandbox : least);
        return idle.invoke(payload);
    }

    async stop() {
        await Promise.all(this.sandboxes.map((sandbox) => sandbox.stop()));
    }
}
