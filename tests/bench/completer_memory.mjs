// The resident memory of a real completer on a store that growth.sh has filled, after 400 invocations
// went through it: half of their events come, half are lost and found out by the sweep.
//     completer_memory.mjs NAME SIZE URL KEY_FILE
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Daemon, StandIn, ends, post, until } from '../support/stack.mjs';

const INVOCATIONS = 400;
const AT_ONCE = 20;
const PATIENCE_SECONDS = 120;

const [name, size, url, keyFile] = process.argv.slice(2);
const folder = await mkdtemp(path.join(os.tmpdir(), 'ringback-memory-'));
const standIn = await StandIn.start('--faults', 'drop-events=0.5');
ends(standIn.child);
const environment = { ...standIn.environment, RINGBACK_TRACKER_URL: url, RINGBACK_KEY_FILE: keyFile,
    RINGBACK_OVERDUE_SECONDS: '1', RINGBACK_SWEEP_SECONDS: '1' };
const completer = new Daemon('completer', environment, `${folder}/completer.log`);
const invoker = new Daemon('invoker', environment, `${folder}/invoker.log`);
await until(() => completer.address('admin') && invoker.address());

async function status() {
    const text = await readFile(`/proc/${completer.child.pid}/status`, 'utf8');
    return Object.fromEntries([...text.matchAll(/^(\w+):\s+(\d+) kB$/gm)].map(([, key, kb]) => [key, Number(kb)]));
}

const before = await status();
for (let begun = 0; begun < INVOCATIONS; begun += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        const { taskToken } = (await standIn.control('POST', 'tasks', {})).body;
        await post(invoker, { sqlStatement: 'select 1', taskToken });
    }));
}
await until(async () => (await standIn.control('GET', 'tasks')).body.tasks.every(({ state }) => state === 'SUCCEEDED'),
    PATIENCE_SECONDS);
const after = await status();
const [events, swept] = await Promise.all(['events_applied_total', 'endings_by_sweep_total'].map((one) => completer.metric(one)));
console.log(`${name.padEnd(9)} ${size.padStart(8)} open: completer VmRSS ${before.VmRSS} kB at the start, ${after.VmRSS} kB ` +
    `(its own ${after.RssAnon}, of files ${after.RssFile}) after ${events} events and ${swept} endings by the sweep`);
await Promise.all([completer, invoker].map((daemon) => daemon.stop()));
await standIn.stop();
await rm(folder, { recursive: true });
