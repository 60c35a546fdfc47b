// The trackers that the chaos test knows: each takes a folder of its own and gives {url, restarts,
// disturb, stop}. disturb kills the store and brings it back; of an embedded one there is nothing to kill.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { ends, sleep } from '../../support/stack.mjs';

const LONGEST_OUTAGE_MS = 1000;

async function freePort() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
}

// Resolves to the process once it serves; every write is on disk before it is acknowledged.
async function redisServer(port, folder) {
    for (;;) {
        const child = ends(spawn('redis-server', ['--bind', '127.0.0.1', '--port', port, '--dir', folder,
            '--appendonly', 'yes', '--appendfsync', 'always', '--save', ''], { stdio: ['ignore', 'pipe', 'ignore'] }));
        const serves = await new Promise((resolve) => {
            child.stdout.on('data', (text) => String(text).includes('Ready to accept') && resolve(true));
            child.on('exit', () => resolve(false));
        });
        if (serves) {
            return child;
        }
        await sleep(100);
    }
}

async function redis(folder) {
    const port = await freePort();
    let server = await redisServer(port, folder);
    const end = async () => {
        const gone = once(server, 'exit');
        server.kill('SIGKILL');
        await gone;
    };
    return {
        url: `redis://127.0.0.1:${port}/0`,
        restarts: 0,
        async disturb() {
            await end();
            await sleep(Math.random() * LONGEST_OUTAGE_MS);
            server = await redisServer(port, folder);
            this.restarts++;
        },
        stop: end,
    };
}

const sqlite = async (folder) => ({ url: `sqlite:${folder}/ringback.db`, restarts: 0, disturb: null, stop: async () => {} });

export const trackers = { sqlite, redis };
