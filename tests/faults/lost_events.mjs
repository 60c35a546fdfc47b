// What tests/faults/lost_events.sh says. Groups of statements of one length run side by side, each on a
// stack of its own, so that the looks of each length are counted by themselves.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Daemon, StandIn, awsCall, check, ends, exitStatus, post, until } from '../support/stack.mjs';
import { manyTrackers, newTracker } from '../support/tracker.mjs';

const OVERDUE_SECONDS = 1;
const PER_GROUP = 25;
const PATIENCE_SECONDS = 120;

// The policy of tracker/lifecycle_statement.c, next_look_ms: the first look when overdue, the next ones
// after half the age, and never sooner than overdue or later than 15 minutes. All looks but the last
// find the statement alive, so a statement that lives this long is looked at as often as it takes to
// get past its end.
function looksAt(lifeSeconds, overdueSeconds) {
    let looks = 1;
    for (let age = overdueSeconds; age < lifeSeconds; looks++) {
        age += Math.min(Math.max(age / 2, overdueSeconds), 900);
    }
    return looks;
}

// How long each statement has lived, in seconds, as the Data API has it.
async function lives(standIn) {
    const { body } = await awsCall(standIn, 'redshift-data', 'RedshiftData.ListStatements', { Status: 'ALL', MaxResults: 100 });
    return body.Statements.map(({ CreatedAt, UpdatedAt }) => UpdatedAt - CreatedAt);
}

async function group({ name, request, statements, state }, folder) {
    const standIn = await StandIn.start('--faults', 'drop-events=1');
    ends(standIn.child);
    await mkdir(`${folder}/${name}`);
    const tracker = await newTracker(standIn.environment, `${folder}/${name}`);
    const others = async () => await standIn.calls('ListStatements') + await standIn.calls('CancelStatement');
    const before = await others();
    const daemon = new Daemon('serve', { ...standIn.environment, ...tracker,
        RINGBACK_OVERDUE_SECONDS: String(OVERDUE_SECONDS), RINGBACK_SWEEP_SECONDS: '1' }, `${folder}/${name}.log`);
    await until(() => daemon.address('admin'));
    for (let i = 0; i < PER_GROUP; i++) {
        const { taskToken } = (await standIn.control('POST', 'tasks', {})).body;
        await post(daemon, { ...request, taskToken });
    }
    const tasks = await until(async () => {
        const all = (await standIn.control('GET', 'tasks')).body.tasks;
        return all.every(({ state: now }) => now !== 'RUNNING') && all;
    }, PATIENCE_SECONDS);
    const told = tasks.map(({ output, cause }) => JSON.parse(output ?? cause).ringback);
    const submitted = statements * PER_GROUP;
    const looks = await standIn.calls('DescribeStatement');
    const other = await others() - before;
    const { 'drop-events': dropped } = (await standIn.control('GET', 'faults')).body.injected;
    const bounds = (await lives(standIn)).map((life) => looksAt(life, OVERDUE_SECONDS));
    const bound = bounds.reduce((total, one) => total + one, 0);
    console.log(`    ${name}: ${submitted} statements, ${dropped} events dropped, ${looks} DescribeStatement, ` +
        `${(looks / submitted).toFixed(2)} for each, at most ${Math.max(...bounds)}`);
    check(`${name}: every event was lost`, dropped === submitted && bounds.length === submitted, `${dropped} of ${bounds.length}`);
    check(`${name}: every caller was rung back once`, tasks.every((task) => task.accepted === 1 && task.state === state),
        JSON.stringify(tasks.find((task) => task.accepted !== 1 || task.state !== state)));
    check(`${name}: the sweep alone has told`, told.every(({ learnedFrom }) => learnedFrom === 'sweep'),
        JSON.stringify(told[0]));
    check(`${name}: each statement was looked at, and not more often than the policy says`,
        looks >= submitted && looks <= bound, `${looks} looks, at most ${bound}`);
    check(`${name}: nothing else was asked`, other === 0, other);
    await daemon.stop();
    await standIn.stop();
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'ringback-lost-'));
const groups = [
    { name: 'short', request: { sqlStatement: 'select 1' }, statements: 1, state: 'SUCCEEDED' },
    { name: 'failing', request: { sqlStatement: 'select rs_divide_by_zero()' }, statements: 1, state: 'FAILED' },
    { name: 'in a row', request: { sqlStatements: ['select 1', 'select 2', 'select 3'] }, statements: 3,
        state: 'SUCCEEDED' },
    { name: '4 s', request: { sqlStatement: 'select pg_sleep(4)' }, statements: 1, state: 'SUCCEEDED' },
    { name: '16 s', request: { sqlStatement: 'select pg_sleep(16)' }, statements: 1, state: 'SUCCEEDED' },
];
const atOnce = manyTrackers ? groups.length : 1;
for (let n = 0; n < groups.length; n += atOnce) {
    await Promise.all(groups.slice(n, n + atOnce).map((one) => group(one, folder)));
}
await rm(folder, { recursive: true });
process.exit(exitStatus());
