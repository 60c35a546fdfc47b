// The sides of a benchmark: processes that do the same work against a stub of their own, and what
// each of them used. CPU is what the kernel counted for all threads of the one process, in
// nanoseconds; the server side runs in other processes and is not in it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import readline from 'node:readline';

export const root = new URL('../..', import.meta.url).pathname;
const build = process.env.BENCH_BUILD;
const folder = process.env.BENCH_FOLDER;
export const ringback = process.env.RINGBACK_BENCH_BINARY ?? `${build}/ringback`;
export const coldStart = `${build}/tests/bench/bench_cold_start`;
export const python = '/usr/bin/python3'; // Debian's own, which has python3-boto3
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const children = new Set();

process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
['SIGINT', 'SIGTERM'].forEach((signal) => process.on(signal, () => process.exit(1)));

export const environment = (more = {}) => ({
    PATH: process.env.PATH, HOME: folder, TZ: 'UTC', AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIDBENCH', AWS_SECRET_ACCESS_KEY: 'bench', AWS_EC2_METADATA_DISABLED: 'true',
    NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1', ...more,
});

function start(command, args, env) {
    const child = spawn(command, args, { env, cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] });
    child.name = command.split('/').at(-1);
    children.add(child);
    child.said = '';
    child.once('exit', (code) => {
        children.delete(child);
        if (code !== null && code !== 0) {
            console.error(`${child.name} ended with ${code}: ${child.said.slice(-2000)}`);
            process.exit(1);
        }
    });
    child.stderr.on('data', (data) => { child.said += data; });
    return child;
}

export async function stop(child) {
    if (!children.has(child)) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
}

export async function until(what, seconds = 60) {
    const end = Date.now() + seconds * 1000;
    for (let answer = await what(); ; answer = await what()) {
        if (answer) return answer;
        if (Date.now() > end) throw new Error(`not so after ${seconds} s: ${what}`);
        await sleep(4);
    }
}

// ---- What a process uses ----

export function cpuUs(pid) {
    const tasks = readdirSync(`/proc/${pid}/task`);
    const ns = tasks.map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]));
    return ns.reduce((sum, value) => sum + value, 0) / 1000;
}

export function memoryMb(pid, what = 'VmRSS') {
    const line = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n').find((text) => text.startsWith(what));
    return Number(line.split(/\s+/)[1]) / 1024;
}

// ---- The server side ----

export class Stub {
    static async start() {
        const child = start(`${build}/tests/bench/bench_stub`, [], environment());
        const [port] = await once(readline.createInterface({ input: child.stdout }), 'line');
        const stub = new Stub();
        return Object.assign(stub, { child, port, url: `http://127.0.0.1:${port}` });
    }

    async fill(queue, count, { step = 0, rate = 0 } = {}) {
        const answer = await fetch(`${this.url}/fill?queue=${queue}&count=${count}&step=${step}&rate=${rate}`,
            { method: 'POST' });
        if (!answer.ok) throw new Error(`stub: ${answer.status}`);
    }

    async stats() {
        return (await fetch(`${this.url}/stats`)).json();
    }

    // Everything in the queue is handled. What was given back would be an error of the side.
    async drained(queue) {
        const stats = await until(async () => {
            const now = await this.stats();
            return now[queue].deleted + now[queue].givenBack >= now[queue].count && now;
        }, 120);
        if (stats[queue].givenBack > 0) throw new Error(`${stats[queue].givenBack} messages were given back`);
        return stats;
    }
}

// TLS in front of a stub: nginx with a certificate of its own.
export async function tlsInFront(stub, certificate) {
    const port = 20000 + Math.floor(Math.random() * 20000);
    const name = `${folder}/nginx-${port}`;
    writeFileSync(`${name}.conf`, `daemon off; pid ${name}.pid; error_log ${name}.log; worker_processes 1;
events { worker_connections 1024; }
http { access_log off; client_max_body_size 16m; keepalive_requests 1000000;
  client_body_temp_path ${name}.body; proxy_temp_path ${name}.proxy; fastcgi_temp_path ${name}.f;
  uwsgi_temp_path ${name}.u; scgi_temp_path ${name}.s;
  upstream stub { server 127.0.0.1:${stub.port}; keepalive 64; keepalive_requests 1000000; }
  server { listen 127.0.0.1:${port} ssl; ssl_certificate ${certificate}.crt; ssl_certificate_key ${certificate}.key;
    ssl_session_cache shared:bench:1m;
    location / { proxy_pass http://stub; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host; proxy_read_timeout 60s; } } }`);
    const child = start('nginx', ['-c', `${name}.conf`, '-p', folder, '-e', `${name}.log`], environment());
    await until(() => fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false)); // "plain HTTP": it listens
    return { child, url: `https://127.0.0.1:${port}` };
}

// ---- The sides ----

// A process that reads what it has to do from stdin and says when it is done.
class Peer {
    static async start(stub, command, args, env) {
        const peer = new Peer();
        peer.stub = stub;
        peer.child = start(command, args, environment(env));
        peer.lines = readline.createInterface({ input: peer.child.stdout })[Symbol.asyncIterator]();
        await peer.said('ready');
        return peer;
    }

    async said(text) {
        const { value } = await this.lines.next();
        if (value !== text) throw new Error(`${this.child.name} said ${value}: ${this.child.said.slice(-2000)}`);
    }

    get pid() { return this.child.pid; }

    // step: how many messages are visible at once.
    async work(what, count, step) {
        if (this.receives) await this.stub.fill(what === 'completion' ? 'events' : 'requests', count, { step });
        this.child.stdin.write(`${what} ${step || 10} ${count}\n`);
        await this.said('done');
    }
}

export const bare = async (how, redisUrl, { endpoint, env } = {}) => {
    const stub = await Stub.start();
    const front = endpoint ? await endpoint(stub) : stub;
    const peer = await Peer.start(stub, `${build}/tests/bench/bench_bare`, [how, front.url, redisUrl], env);
    return Object.assign(peer, { receives: true, front });
};

export const priorHandler = async () => {
    const stub = await Stub.start();
    return Peer.start(stub, python, [`${root}tests/bench/peers/handler.py`, stub.url], {});
};

export const nodeConsumer = async () => {
    const stub = await Stub.start();
    const peer = await Peer.start(stub, process.execPath, [`${root}tests/bench/peers/consumer.mjs`, stub.url], {});
    return Object.assign(peer, { receives: true });
};

// `ringback serve`, or another command, with the stub as AWS.
export class Service {
    static async start(trackerUrl, { program = ringback, command = 'serve', endpoint, env = {}, stub } = {}) {
        const service = new Service();
        service.stub = stub ?? await Stub.start();
        service.front = endpoint ? await endpoint(service.stub) : service.stub;
        const { url } = service.front;
        service.environment = environment({
            AWS_ENDPOINT_URL: url, RINGBACK_TRACKER_URL: trackerUrl, RINGBACK_KEY_FILE: `${folder}/key`,
            CLUSTER_IDENTIFIER: 'bench', DATABASE: 'dev', DB_USER: 'etl',
            RINGBACK_HTTP_LISTEN: '127.0.0.1:0', RINGBACK_ADMIN_LISTEN: '127.0.0.1:0',
            RINGBACK_EVENT_QUEUE_URL: `${url}/000000000000/events`,
            RINGBACK_REQUEST_QUEUE_URL: `${url}/000000000000/requests`, ...env,
        });
        service.child = start(program, [command], service.environment);
        if (command !== 'lambda') await until(() => service.child.said.includes('"name":"admin"'));
        return service;
    }

    get pid() { return this.child.pid; }

    get httpUrl() {
        return `http://${/"name":"http","address":"([^"]+)"/.exec(this.child.said)[1]}`;
    }

    async work(what, count, step) {
        const queue = what === 'completion' ? 'events' : 'requests';
        await this.stub.fill(queue, count, { step });
        await this.stub.drained(queue);
    }
}

// Ends a side and all that was started for it.
export async function stopSide(side) {
    await stop(side.child);
    if (side.front?.child) await stop(side.front.child);
    await stop(side.stub.child);
}

// What one piece of work costs the side, in microseconds of CPU.
export async function cost(side, what, count, step) {
    const before = cpuUs(side.pid);
    await side.work(what, count, step);
    return (cpuUs(side.pid) - before) / count;
}
