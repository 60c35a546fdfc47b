// What the client tests share: `ringback local` as a child process, and clients that point at it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const binary = path.join(process.env.BUILD_DIR ?? path.join(root, 'build'), 'ringback');

export const postgres = process.env.POSTGRES_URL;
export const engine = postgres ? 'postgresql' : 'sqlite';

// Names of one run's own, so that runs can share a database.
export const unique = (prefix) => `${prefix}_${randomUUID().replaceAll('-', '').slice(0, 12)}`;

// No AWS_* and no RINGBACK_* of this machine; a sanitizer's settings stay.
export function cleanEnvironment(extra) {
    const kept = Object.entries(process.env).filter(([name]) => !/^(AWS|RINGBACK)_/.test(name));
    return { ...Object.fromEntries(kept), ...extra };
}

// Runs the binary to its end.
export async function run(args, environment = {}) {
    const child = spawn(binary, args, { env: cleanEnvironment(environment) });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    const [code] = await once(child, 'close');
    return { code, stdout, stderr };
}

export class StandIn {
    // Starts it on a free port; resolves once it has printed where it serves.
    static async start(...flags) {
        const engineFlag = postgres ? ['--engine', postgres] : [];
        const args = ['local', '--listen', '127.0.0.1:0', ...engineFlag, ...flags];
        const standIn = new StandIn();
        standIn.child = spawn(binary, args, { env: cleanEnvironment({}) });
        standIn.stderr = '';
        standIn.child.stderr.setEncoding('utf8').on('data', (text) => (standIn.stderr += text));
        standIn.closed = once(standIn.child, 'close');
        standIn.environment = {};
        for await (const line of readline.createInterface({ input: standIn.child.stdout })) {
            const [, name, value] = line.match(/^export ([A-Z_]+)=(.*)$/);
            standIn.environment[name] = value;
            if (name === 'DB_USER') {
                return standIn;
            }
        }
        throw new Error(`ringback local did not start: ${standIn.stderr}`);
    }

    get endpoint() {
        return this.environment.AWS_ENDPOINT_URL;
    }

    get credentials() {
        return {
            accessKeyId: this.environment.AWS_ACCESS_KEY_ID,
            secretAccessKey: this.environment.AWS_SECRET_ACCESS_KEY,
        };
    }

    // An SDK client of this class. One attempt, so that what is answered is what is seen.
    client(Class, options = {}) {
        return new Class({
            endpoint: this.endpoint,
            region: this.environment.AWS_REGION,
            credentials: this.credentials,
            maxAttempts: 1,
            ...options,
        });
    }

    // The unsigned JSON of /_ringback/.
    async control(method, noun, body) {
        const response = await fetch(`${this.endpoint}/_ringback/${noun}`, {
            method,
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await response.text();
        return { status: response.status, body: text ? JSON.parse(text) : undefined };
    }

    async calls(operation) {
        return (await this.control('GET', 'calls')).body.calls[operation] ?? 0;
    }

    // Ends it as systemd would; resolves to its exit status.
    async stop() {
        this.child.kill('SIGTERM');
        const [code] = await this.closed;
        return code;
    }
}

// Asks until the answer is there; the deadline is for a test that fails.
export async function until(ask, seconds = 30) {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
        const answer = await ask();
        if (answer) {
            return answer;
        }
        if (Date.now() > deadline) {
            throw new Error('it did not come true in time');
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
}

// What the promise was rejected with: name, message and HTTP status.
export async function refusal(promise) {
    try {
        await promise;
    } catch (error) {
        return { name: error.name, message: error.message, status: error.$metadata?.httpStatusCode, error };
    }
    throw new Error('it was not refused');
}
