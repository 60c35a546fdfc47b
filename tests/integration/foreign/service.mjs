// Daemons of ringback as child processes, pointed at a `ringback local`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { LambdaFunction } from './lambda_function.mjs';
import { StandIn, binary, cleanEnvironment } from './stand_in.mjs';
import { newTracker } from '../../support/tracker.mjs';

export class Daemon {
    // Starts `ringback <command>`; resolves once the addresses that it needs are listened on.
    static async start(command, environment) {
        const daemon = new Daemon();
        daemon.addresses = {};
        daemon.log = [];
        daemon.child = spawn(binary, [command], {
            env: cleanEnvironment({
                ...environment,
                RINGBACK_HTTP_LISTEN: '127.0.0.1:0',
                RINGBACK_ADMIN_LISTEN: '127.0.0.1:0',
            }),
            stdio: ['ignore', 'ignore', 'pipe'],
        });
        daemon.closed = once(daemon.child, 'close');
        await new Promise((resolve, reject) => {
            daemon.closed.then(() => reject(new Error(`${command} did not start: ${daemon.log.join('\n')}`)));
            readline.createInterface({ input: daemon.child.stderr }).on('line', (line) => {
                daemon.log.push(line);
                if (line.includes('"listening"')) {
                    const { name, address } = JSON.parse(line);
                    daemon.addresses[name] = address;
                }
                if (daemon.addresses.http && daemon.addresses.admin) {
                    resolve();
                }
            });
        });
        return daemon;
    }

    get url() {
        return `http://${this.addresses.http}`;
    }

    // Posts a request; headers are added to the usual one.
    async post(request, headers = {}) {
        const response = await fetch(`${this.url}/invocations`, {
            method: 'POST',
            headers: { 'Content-Type': 'application/json', ...headers },
            body: JSON.stringify(request),
        });
        return { status: response.status, body: await response.json() };
    }

    async invocation(id) {
        return (await fetch(`${this.url}/invocations/${id}`)).json();
    }

    // The counter of this name, without ringback_.
    async metric(name) {
        const text = await (await fetch(`http://${this.addresses.admin}/metrics`)).text();
        return Number(text.match(new RegExp(`^ringback_${name} (\\S+)$`, 'm'))[1]);
    }

    async stop() {
        this.child.kill('SIGTERM');
        const [code] = await this.closed;
        return code;
    }
}

// A stand-in, `ringback serve` on it, and Lambda functions that share its tracker.
export class Service {
    static async start(...flags) {
        const service = new Service();
        service.standIn = await StandIn.start(...flags);
        service.folder = await mkdtemp(path.join(tmpdir(), 'ringback-machines-'));
        service.environment = {
            ...service.standIn.environment,
            ...await newTracker(service.standIn.environment, service.folder),
        };
        service.functions = [];
        try {
            service.serve = await Daemon.start('serve', service.environment);
        } catch (error) {
            await service.stop();
            throw error;
        }
        return service;
    }

    // A function with the same tracker and its own settings.
    async addFunction(environment) {
        const added = await LambdaFunction.start({ ...this.environment, ...environment }, 3);
        this.functions.push(added);
        return added;
    }

    // Ends all of it; resolves to the exit statuses.
    async stop() {
        const codes = [];
        await Promise.all(this.functions.map((made) => made.stop()));
        for (const daemon of [this.serve, this.standIn]) {
            codes.push(await daemon?.stop());
        }
        await rm(this.folder, { recursive: true });
        return codes;
    }
}
