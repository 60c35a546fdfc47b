// The trackers that the chaos test knows: each takes a folder of its own and the environment of the
// stand-in, and gives {url, environment, restarts, disturb, stop, pid}. disturb kills the store, or a part of
// it, and brings it back; of an embedded one there is nothing to kill.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { ends, run, sleep, until } from '../../support/stack.mjs';

const LONGEST_OUTAGE_MS = 1000;
const CLUSTER_OUTAGE_MS = 6000; // longer than it takes a replica to take over

async function freePort() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
}

// Resolves to the process once it has printed the text; it is started until it does.
async function serverThatSays(text, command, args) {
    for (;;) {
        const child = ends(spawn(command, args.map(String), { stdio: ['ignore', 'pipe', 'ignore'] }));
        const serves = await new Promise((resolve) => {
            child.stdout.on('data', (said) => String(said).includes(text) && resolve(true));
            child.on('exit', () => resolve(false));
        });
        if (serves) {
            return child;
        }
        await sleep(100);
    }
}

async function killed(child, signal = 'SIGKILL') {
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
}

// Every write is on disk before it is acknowledged.
const redisServer = (port, folder, ...flags) => serverThatSays('Ready to accept', 'redis-server', ['--bind', '127.0.0.1',
    '--port', port, '--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always', '--save', '', ...flags]);

async function redis(folder) {
    const port = await freePort();
    let server = await redisServer(port, folder);
    return {
        url: `redis://127.0.0.1:${port}/0`,
        restarts: 0,
        async disturb() {
            await killed(server);
            await sleep(Math.random() * LONGEST_OUTAGE_MS);
            server = await redisServer(port, folder);
            this.restarts++;
        },
        pid: () => server.pid,
        stop: () => killed(server),
    };
}

// Succeeds when the command does; resolves to what it printed.
async function output(command, args) {
    const child = spawn(command, args.map(String), { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (part) => { text += part; });
    const [code] = await once(child, 'close');
    if (code !== 0) {
        throw new Error(`${command}: ${text}`);
    }
    return text;
}

// Three masters and a replica of each. One node after the other is killed; a replica takes over when a
// master is away for long, and has all that was acknowledged, since each write waits for one.
async function redisCluster(folder) {
    const nodes = [];
    const start = (node) => redisServer(node.port, node.folder, '--cluster-enabled', 'yes', '--cluster-port', node.busPort,
        '--cluster-node-timeout', 2000, '--cluster-require-full-coverage', 'no', '--cluster-replica-validity-factor', 0,
        '--repl-diskless-sync-delay', 0);
    for (let n = 0; n < 6; n++) {
        const node = { port: await freePort(), busPort: await freePort(), folder: `${folder}/${n}` };
        await mkdir(node.folder);
        node.server = await start(node);
        nodes.push(node);
    }
    const places = nodes.map(({ port }) => `127.0.0.1:${port}`);
    const isWhole = async ({ port }) => {
        const info = await output('redis-cli', ['-p', port, 'info', 'replication']);
        return info.includes('role:slave') ? info.includes('master_link_status:up') : info.includes('connected_slaves:1');
    };
    const areWhole = async () => (await Promise.all(nodes.map(isWhole))).every(Boolean);
    await output('redis-cli', ['--cluster', 'create', ...places, '--cluster-replicas', 1, '--cluster-yes']);
    await until(areWhole, 60);
    let next = 0;
    return {
        url: `redis-cluster://${places.slice(0, 3).join(',')}`,
        environment: { RINGBACK_REDIS_WAIT: '1' },
        restarts: 0,
        async disturb() {
            const node = nodes[next++ % nodes.length];
            await killed(node.server);
            await sleep(Math.random() * CLUSTER_OUTAGE_MS);
            node.server = await start(node);
            this.restarts++;
            await until(areWhole, 60); // one failure at a time is what a replica covers
        },
        stop: () => Promise.all(nodes.map(({ server }) => killed(server))),
    };
}

async function dynamodb(folder, environment) {
    const port = await freePort();
    const start = () => serverThatSays('http', 'tests/node_modules/node/bin/node',
        ['tests/support/dynalite.mjs', '--port', port, '--path', folder]);
    let server = await start();
    const own = { AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${port}` };
    const url = 'dynamodb:chaos';
    const { code, stderr } = await run(['doctor', '--create-table'], { ...environment, ...own, RINGBACK_TRACKER_URL: url });
    if (code > 1) {
        throw new Error(`doctor: ${code} ${stderr}`);
    }
    return {
        url,
        environment: own,
        restarts: 0,
        async disturb() {
            await killed(server, 'SIGTERM'); // why: tests/support/dynalite.mjs
            await sleep(Math.random() * LONGEST_OUTAGE_MS);
            server = await start();
            this.restarts++;
        },
        stop: () => killed(server),
    };
}

const sqlite = async (folder) => ({ url: `sqlite:${folder}/ringback.db`, restarts: 0, disturb: null, stop: async () => {} });

export const trackers = { sqlite, redis, 'redis-cluster': redisCluster, dynamodb };
