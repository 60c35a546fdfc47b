// The benchmarks. Each is a function of the run's settings that gives measurements:
// {benchmark, side, unit, runs: [number, ...]}. Sides are interleaved, round by round, so that what
// else the machine does falls on all of them.
import { execFileSync, spawnSync } from 'node:child_process';
import {
    Service, Stub, bare, coldStart, cost, environment, memoryMb, nodeConsumer, priorHandler, python, ringback, root,
    stop, stopSide, tlsInFront, until, cpuUs,
} from './sides.mjs';

export const SIDES = {
    ringback: 'ringback',
    curl: 'bare libcurl',
    sockets: 'raw sockets',
    prior: 'prior system (boto3)',
    node: 'AWS SDK for JavaScript',
};
const redis = (database) => process.env.REDIS_URL.replace(/\d+$/, database);
const microseconds = 'us of CPU';

// Round by round, one side after the other; the first round only warms up.
async function compare(settings, sides, works) {
    const found = works.map((work) => Object.keys(sides).filter((name) => !work.only || work.only.includes(name))
        .map((name) => ({ benchmark: work.name, side: SIDES[name] ?? name, unit: microseconds, runs: [] })));
    for (let round = 0; round <= settings.rounds; round++) {
        for (const [i, work] of works.entries()) {
            for (const measured of found[i]) {
                const name = Object.keys(sides).find((key) => (SIDES[key] ?? key) === measured.side);
                // One at a time waits for the disk each time.
                const count = Math.max(100, settings.count / (name === 'prior' || work.step === 1 ? 10 : 1));
                const us = await cost(sides[name], work.what, count, work.step);
                if (round > 0) measured.runs.push(us);
            }
        }
    }
    return found.flat();
}

async function withSides(sides, run) {
    try {
        return await run(sides);
    } finally {
        for (const side of Object.values(sides)) await stopSide(side);
    }
}

// ---- What an invocation and a completion cost ----

const work = (what, step, only) =>
    ({ name: `CPU per ${what}, ${step === 0 ? 'all at once' : `batches of ${step}`}`, what, step, only });

export async function headline(settings) {
    const sides = {
        ringback: await Service.start(redis(0)), curl: await bare('curl', redis(1)),
        sockets: await bare('sockets', redis(2)), prior: await priorHandler(), node: await nodeConsumer(),
    };
    const all = ['ringback', 'curl', 'sockets', 'prior'];
    return withSides(sides, () => compare(settings, sides, [
        work('invocation', 10, all), work('completion', 10),
    ]));
}

export async function batches(settings) {
    const sides = {
        ringback: await Service.start(redis(0)), curl: await bare('curl', redis(1)),
        sockets: await bare('sockets', redis(2)),
    };
    return withSides(sides, () => compare(settings, sides, [1, 0].flatMap((step) =>
        [work('invocation', step), work('completion', step)])));
}

// The other trackers: ringback alone. dynalite is slow, but only ringback's own CPU counts.
export async function trackers(settings) {
    const table = `bench-${process.pid}`;
    const dynamodb = { AWS_ENDPOINT_URL_DYNAMODB: process.env.DYNAMODB_URL };
    const env = environment({ ...dynamodb, RINGBACK_TRACKER_URL: `dynamodb:${table}` });
    // Its other checks find no AWS here.
    const { stdout } = spawnSync(ringback, ['doctor', '--create-table'], { env, encoding: 'utf8' });
    if (!/^ok +create table: made$/m.test(stdout)) throw new Error(`doctor: ${stdout}`);
    const sides = {
        SQLite: await Service.start(`sqlite:${process.env.BENCH_FOLDER}/bench.db`),
        Redis: await Service.start(redis(0)),
        DynamoDB: await Service.start(`dynamodb:${table}`, { env: dynamodb }),
    };
    const measured = await withSides(sides, () => compare({ ...settings, count: settings.count / 2 }, sides, [
        work('invocation', 10), work('completion', 10),
    ]));
    return measured.map((one) => ({ ...one, benchmark: `${one.benchmark}, by tracker` }));
}

export async function https(settings) {
    const certificate = `${process.env.BENCH_FOLDER}/tls`;
    const bundle = { AWS_CA_BUNDLE: `${certificate}.crt` };
    const endpoint = (stub) => tlsInFront(stub, certificate);
    const sides = {
        ringback: await Service.start(redis(0), { endpoint, env: bundle }),
        curl: await bare('curl', redis(1), { endpoint, env: bundle }),
    };
    const measured = await withSides(sides, () => compare(settings, sides, [
        work('invocation', 10), work('completion', 10),
    ]));
    return measured.map((one) => ({ ...one, benchmark: `${one.benchmark}, https` }));
}

// One request at a time through each of the other fronts.
export async function fronts(settings) {
    const http = await Service.start(redis(0));
    const stub = await Stub.start();
    const lambda = await Service.start(redis(3), { command: 'lambda', stub, env: { AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${stub.port}` } });
    let made = 0;
    http.work = async (what, count) => {
        for (let i = 0; i < count; i++) {
            const taskToken = `AQH${process.pid}-${made++}`.padEnd(700, 'A');
            const answer = await fetch(`${http.httpUrl}/invocations`, {
                method: 'POST', body: JSON.stringify({ sqlStatement: 'x'.repeat(200), taskToken }),
            });
            if (answer.status !== 202) throw new Error(`invoker: ${answer.status} ${await answer.text()}`);
            await answer.text();
        }
    };
    lambda.work = async (what, count) => {
        const wanted = (await stub.stats()).runtimeDone + count;
        await stub.fill('runtime', count);
        await until(async () => (await stub.stats()).runtimeDone >= wanted);
    };
    const sides = { HTTP: http, Lambda: lambda };
    return withSides(sides, () => compare(settings, sides, [
        { name: 'CPU per invocation, one by one, by front', what: 'invocation', step: 1 },
    ]));
}

// ---- How long it takes ----

const percentile = (values, part) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(part * values.length) - 1)];

export async function latency(settings) {
    const service = await Service.start(redis(0));
    const measured = [];
    const rates = [[1, settings.quick ? 2 : 10], [100, settings.quick ? 100 : 500], [1000, settings.quick ? 1000 : 5000]];
    await service.work('invocation', 100, 10);
    await service.work('completion', 100, 10);
    for (const [rate, count] of rates) {
        const rows = [['p50', 0.5], ['p99', 0.99]].map(([name, part]) =>
            ({ benchmark: `event visible to callback sent, ${rate} a second, ${name}`, side: SIDES.ringback, unit: 'ms', part, runs: [] }));
        for (let round = 0; round < (rate === 1 ? Math.min(settings.rounds, 3) : settings.rounds); round++) {
            await service.work('invocation', count, 0);
            await service.stub.fill('events', count, { rate });
            const { latenciesUs } = await service.stub.drained('events');
            if (latenciesUs.length !== count) throw new Error(`${latenciesUs.length} callbacks of ${count}`);
            rows.forEach((row) => row.runs.push(percentile(latenciesUs, row.part) / 1000));
        }
        measured.push(...rows.map(({ part, ...row }) => row));
    }
    await stopSide(service);
    return measured;
}

function starts(runs, ready, command, env) {
    const out = execFileSync(coldStart, [String(runs), ready, ...command], { env: environment(env), encoding: 'utf8' });
    return out.trim().split('\n').map(Number);
}

export async function cold(settings) {
    const stub = await Stub.start();
    const settingsOf = {
        AWS_ENDPOINT_URL: stub.url, RINGBACK_KEY_FILE: `${process.env.BENCH_FOLDER}/key`,
        RINGBACK_TRACKER_URL: redis(0), CLUSTER_IDENTIFIER: 'bench', DATABASE: 'dev', DB_USER: 'etl',
        RINGBACK_HTTP_LISTEN: '127.0.0.1:0', RINGBACK_ADMIN_LISTEN: '127.0.0.1:0',
        RINGBACK_EVENT_QUEUE_URL: `${stub.url}/000000000000/events`,
    };
    const peer = { BENCH_START_ONLY: '1' };
    const bootstrap = process.env.RINGBACK_BENCH_BOOTSTRAP;
    const cases = [
        ['exec to the end of --version', SIDES.ringback, 'exit', [ringback, '--version'], {}],
        ['exec to listening, serve', SIDES.ringback, '"name":"admin"', [ringback, 'serve'], settingsOf],
        ['exec to the first next, lambda', SIDES.ringback, 'lambda', [ringback, 'lambda'], settingsOf],
        ...(bootstrap ? [['exec to the first next, Lambda package', SIDES.ringback, 'lambda', [bootstrap], settingsOf]] : []),
        ['exec to clients ready', SIDES.prior, 'ready', [python, `${root}tests/bench/peers/handler.py`, stub.url], peer],
        ['exec to clients ready', SIDES.node, 'ready', [process.execPath, `${root}tests/bench/peers/consumer.mjs`, stub.url], peer],
    ];
    const measured = cases.map(([name, side]) => ({ benchmark: `cold start, ${name}`, side, unit: 'ms', runs: [] }));
    for (let round = 0; round <= settings.rounds; round++) {
        for (const [i, [, , ready, command, env]] of cases.entries()) {
            const [ms] = starts(1, ready, command, env);
            if (round > 0) measured[i].runs.push(ms);
        }
    }
    await stop(stub.child);
    return measured;
}

// ---- Memory, and the sweep ----

export async function memory(settings) {
    const measured = [];
    const sides = {
        ringback: await Service.start(redis(0)), curl: await bare('curl', redis(1)),
        prior: await priorHandler(), node: await nodeConsumer(),
    };
    for (const [name, side] of Object.entries(sides)) {
        const idle = memoryMb(side.pid);
        const count = name === 'prior' ? settings.count / 10 : settings.count;
        for (let i = 0; i < 3; i++) {
            if (name !== 'node') await side.work('invocation', count, 0);
            await side.work('completion', count, 0);
        }
        measured.push({ benchmark: 'resident memory, idle', side: SIDES[name], unit: 'MB', runs: [idle] });
        measured.push({ benchmark: 'resident memory, busy', side: SIDES[name], unit: 'MB', runs: [memoryMb(side.pid, 'VmHWM')] });
    }
    await withSides(sides, () => {});
    const bootstrap = process.env.RINGBACK_BENCH_BOOTSTRAP;
    return [
        ...measured, ...await completerMemory(settings, 'completer', ringback),
        ...(bootstrap ? await completerMemory(settings, 'completer of the package', bootstrap) : []),
    ];
}

// The completer alone, with an invoker beside it that gives it something to do.
async function completerMemory(settings, name, program) {
    const completer = await Service.start(redis(0), { program, command: 'completer' });
    const invoker = await Service.start(redis(0), { command: 'invoker', stub: completer.stub });
    const idle = memoryMb(completer.pid);
    for (let i = 0; i < 3; i++) {
        await invoker.work('invocation', settings.count, 0);
        await completer.work('completion', settings.count, 0);
    }
    const busy = memoryMb(completer.pid, 'VmHWM');
    await withSides({ invoker, completer }, () => {});
    return [['idle', idle], ['busy', busy]].map(([when, mb]) =>
        ({ benchmark: `resident memory, ${when}, ${name}`, side: SIDES.ringback, unit: 'MB', runs: [mb] }));
}

// What is due is looked at: DescribeStatement says that it still runs, and a new due time is set.
export async function sweep(settings) {
    const service = await Service.start(redis(4), { env: { RINGBACK_OVERDUE_SECONDS: '1', RINGBACK_SWEEP_SECONDS: '1' } });
    const looks = async () => (await service.stub.stats()).calls.DescribeStatement ?? 0;
    const count = Math.min(settings.count, 1000);
    const runs = [[], []];
    await service.work('invocation', count, 0);
    for (let round = 0; round <= settings.rounds; round++) {
        const before = await looks();
        await until(async () => await looks() > before);
        const [cpu, first, begun] = [cpuUs(service.pid), await looks(), performance.now()];
        await until(async () => await looks() >= first + count / 2, 120);
        const swept = await looks() - first;
        if (round > 0) {
            runs[0].push((cpuUs(service.pid) - cpu) / swept);
            runs[1].push(1000 * swept / (performance.now() - begun));
        }
    }
    await stopSide(service);
    return [
        { benchmark: 'CPU per record swept', side: SIDES.ringback, unit: microseconds, runs: runs[0] },
        { benchmark: 'sweep, records a second', side: SIDES.ringback, unit: '1/s', runs: runs[1] },
    ];
}

// AWS is asked twice for a statement, besides the queue.
export async function calls(settings) {
    const service = await Service.start(redis(0));
    await service.work('invocation', settings.count, 0);
    await service.work('completion', settings.count, 0);
    const counts = (await service.stub.stats()).calls;
    await stopSide(service);
    const besides = Object.entries(counts).filter(([name]) => !/Message/.test(name));
    const sum = besides.reduce((total, [, count]) => total + count, 0);
    return [{ benchmark: 'AWS calls per statement, besides the queue', side: SIDES.ringback, unit: 'calls', runs: [sum / settings.count] }];
}

// ---- Parts ----

export async function micro(settings) {
    const program = `${process.env.BENCH_BUILD}/tests/bench/bench_micro`;
    const measured = new Map();
    for (let round = 0; round <= settings.rounds; round++) {
        const out = execFileSync(program, [settings.quick ? '20' : '200'], { env: environment(), encoding: 'utf8' });
        for (const line of out.trim().split('\n')) {
            const [ns, name] = [line.split(' ')[0], line.slice(line.indexOf(' ') + 1)];
            const one = measured.get(name) ?? { benchmark: name, side: SIDES.ringback, unit: 'us', runs: [] };
            measured.set(name, one);
            if (round > 0) one.runs.push(Number(ns) / 1000);
        }
    }
    return [...measured.values()];
}

// ---- What grows with the store ----

const tracked = (size) => `${Number(size).toLocaleString('en-US')} tracked`;
export const TRACKED = { few: tracked(10000), many: tracked(1000000) };

// growth.sh starts stores of its own; each of its lines is a median already. What dynalite takes is its own.
export function growth(settings) {
    const sizes = settings.quick ? [1000, 2000] : [10000, 1000000];
    const env = { ...process.env, BUILD_DIR: process.env.BENCH_BUILD };
    const out = execFileSync(`${root}tests/bench/growth.sh`, ['--no-dynamodb', ...sizes.map(String)], { env, encoding: 'utf8' });
    console.error(out);
    const lines = out.matchAll(/^(sqlite|redis) +(\S.*?) +(\d+) +[\d.]+ us x [\d.]+ +([\d.]+) us of CPU/gm);
    return [...lines].map(([, store, operation, size, us]) => ({
        benchmark: `growth, ${store}, ${operation}`, side: tracked(size),
        unit: microseconds, runs: [Number(us)],
    }));
}
