// What has become of it all: counts what the stand-in has seen, and holds the promises against it.
import { createHash } from 'node:crypto';
import { check, none, query, run } from '../../support/stack.mjs';

const FINAL = ['FINISHED', 'FAILED', 'ABORTED'];
// What the last statement of an invocation came to, by what was told; undefined: there was none. (No
// kind of work with a deadline, or that is cancelled, has several statements.)
const FITTING = { FINISHED: ['FINISHED'], FAILED: ['FAILED'], ABORTED: ['ABORTED', undefined],
    TIMED_OUT: ['ABORTED', undefined] };

// ---- What there is ----

async function ringback(stack, ...args) {
    const { code, stdout, stderr } = await run(args, stack.environment);
    if (code !== 0) {
        throw new Error(`ringback ${args.join(' ')} ended with ${code}: ${stderr}`);
    }
    return stdout;
}

// What is not settled. Doubted are records whose caller has been told and whose submit has not arrived,
// because its sender was killed, which nobody can know: they are looked for by name for 15 minutes, as
// long as a signed request may still come. What has arrived must be settled like any other.
export async function openRecords(stack) {
    const { Invocations } = JSON.parse(await ringback(stack, 'list', '--open', '--limit', '10000', '--json'));
    const { statements } = (await stack.standIn.control('GET', 'statements')).body;
    const arrived = new Set(statements.map(({ name }) => name?.split('/')[1]));
    const isDoubted = ({ InvocationId, Statement, Callbacks }) => Statement === 'cancelling' &&
        !arrived.has(InvocationId) && Callbacks.every(({ State }) => ['delivered', 'closed'].includes(State));
    return { open: Invocations.filter((record) => !isDoubted(record)), doubted: Invocations.filter(isDoubted) };
}

// Without the two lines of the table's head.
const parkedMessages = async (stack) => (await ringback(stack, 'redrive')).trim().split('\n').slice(2);

// An invocation's id: the first 160 bits of SHA-256(kind, 0, source) in lower-case base32.
function idOf(kind, source) {
    const bits = [...createHash('sha256').update(`${kind}\0${source}`).digest().subarray(0, 20)]
        .map((byte) => byte.toString(2).padStart(8, '0')).join('');
    return bits.match(/.{5}/g).map((five) => 'abcdefghijklmnopqrstuvwxyz234567'[parseInt(five, 2)]).join('');
}

function idOfWork(work, tasks) {
    const { requestKey, StackId, RequestId } = work.request;
    return requestKey ? idOf('request-key', requestKey)
        : StackId ? idOf('cloudformation', `${StackId}/${RequestId}`)
            : idOf('task-token', tasks[work.tasks[0] - 1].taskToken);
}

// A statement's place: "1.2" is after "1.1".
function placeOf({ name }) {
    const [step, attempt] = name.split('/')[2].split('.').map(Number);
    return step * 1000 + attempt;
}

const toldByTask = ({ state, output, error, cause }) => (state === 'SUCCEEDED'
    ? { outcome: 'FINISHED', document: JSON.parse(output) } : { outcome: error, document: JSON.parse(cause) });

function toldByReply(body) {
    const { outcome, output, cause } = JSON.parse(body);
    return { outcome, document: output ?? cause };
}

function toldByResponse(body) {
    const { Status, Reason = '', Data = {} } = JSON.parse(body);
    const steps = [{ statementName: Data.StatementName, Status: Data.Status }];
    return { outcome: Status === 'SUCCESS' ? 'FINISHED' : Reason.split(':')[0], document: { ringback: { steps } } };
}

// Everything that is judged: each piece of work with its statements and with what was told of it.
async function collect(stack, callers) {
    const get = async (noun) => (await stack.standIn.control('GET', noun)).body;
    const { tasks } = await get('tasks');
    const { responses } = await get('responses');
    const statements = (await get('statements')).statements.filter(({ name }) => name?.startsWith('ringback/'));
    const marks = await query(stack.standIn, 'select n, part, count(*) from marks group by n, part');
    for (const work of callers.works) {
        work.id = idOfWork(work, tasks);
        work.own = statements.filter(({ name }) => name.split('/')[1] === work.id)
            .sort((a, b) => placeOf(a) - placeOf(b));
        work.marked = marks.filter(([n]) => n === work.n).length;
        work.callbacks = work.tasks.map((n) => tasks[n - 1]);
        work.copies = work.address === 'queue' ? callers.queueReplies.get(work.id) ?? []
            : work.address === 'response' ? responses[work.response - 1].puts.map(({ body }) => body) : [];
        work.told = [
            ...work.callbacks.filter(({ accepted }) => accepted > 0).map(toldByTask),
            ...work.copies.slice(0, 1).map(work.address === 'queue' ? toldByReply : toldByResponse)];
    }
    return { tasks, statements, marks, holders: await query(stack.standIn, 'select turn, n from holders order by rowid'),
        calls: (await get('calls')).calls, injected: (await get('faults')).injected };
}

// ---- What must be so ----

const brief = ({ n, kind, channel, id, told = [], own = [] }) => ({ n, kind, channel, id,
    told: told.map(({ outcome }) => outcome), own: own.map(({ name, status, runs }) => `${name.split('/')[2]} ${status} ${runs}`) });

// A caller that left is told nothing, any other once.
function callbacksAreWrong({ kind, address, callbacks, copies }) {
    if (address !== 'task') {
        return copies.length === 0 || copies.some((copy) => copy !== copies[0]);
    }
    const expected = kind === 'abandoned' ? 0 : 1;
    return callbacks.some(({ state, accepted }) => state === 'RUNNING' || accepted !== expected);
}

// Outcome, steps and marks against what the statements did.
function isUntrue({ told, own, statements, outcomes, marks, marked }, byName) {
    return told.some(({ outcome, document }) => {
        const steps = document.ringback.steps ?? [];
        const unknown = document.ringback.statement === 'unknown';
        return !outcomes.includes(outcome) || (!unknown && !FITTING[outcome].includes(own.at(-1)?.status)) ||
            (statements && own.length !== statements) || marked !== (outcome === 'FINISHED' ? marks : 0) ||
            steps.some(({ statementName, Status }) => byName.get(statementName)?.status !== Status);
    });
}

// In each turn everybody comes twice in a row: nobody else was let in between.
function overlapping(holders) {
    return [...new Set(holders.map(([turn]) => turn))]
        .map((turn) => holders.filter((holder) => holder[0] === turn).map(([, n]) => n))
        .filter((turn) => turn.length % 2 !== 0 || turn.some((n, i) => n !== turn[i - i % 2]));
}

function judgeAll(seen, works) {
    const byName = new Map(seen.statements.map((statement) => [statement.name, statement]));
    const known = new Set(works.map(({ id }) => id));
    none('every caller has exactly one effective callback, and copies are byte-identical',
        works.filter(callbacksAreWrong).map(brief));
    none('what is told is what the statements did', works.filter((work) => isUntrue(work, byName)).map(brief));
    none('no statement name ran twice', seen.statements.filter(({ runs }) => runs > 1));
    check('no statement name stands for two statements', byName.size === seen.statements.length,
        `${seen.statements.length} statements, ${byName.size} names`);
    none('nothing has taken effect twice', seen.marks.filter(([, , count]) => count > 1));
    none('no statement runs on', seen.statements.filter(({ status }) => !FINAL.includes(status)));
    none('no statement is anybody else\'s', seen.statements.filter(({ name }) => !known.has(name.split('/')[1])));
    none('a lock has one holder at a time', overlapping(seen.holders));
}

// ---- What is printed ----

const sum = (list, what) => list.reduce((total, item) => total + what(item), 0);

function table(stack, callers, seen, times) {
    const { works } = callers;
    const kills = stack.daemons.map(({ command, deaths }) => `${command} ${deaths}`).join(', ');
    const { throttle, '5xx': failures, reset, 'drop-events': dropped, 'duplicate-events': doubled } = seen.injected;
    const calls = (name) => seen.calls[name] ?? 0;
    return Object.entries({
        'time': `${times.faultSeconds} s of faults, ${times.settleSeconds} s to settle`,
        'invocations': `${works.length}, ${callers.taken} accepted, in ${callers.requests} requests`,
        'by channel': ['http', 'queue'].map((channel) => `${channel} ${works.filter((work) => work.channel === channel).length}`).join(', '),
        'callbacks of tasks': `${sum(seen.tasks, ({ accepted }) => accepted)} effective, ${sum(seen.tasks, ({ refused }) => refused)} refused`,
        'replies': ['queue', 'response'].map((address) => {
            const of = works.filter((work) => work.address === address);
            return `${address} ${of.length} in ${sum(of, ({ copies }) => copies.length)} copies`;
        }).join(', '),
        'statements': `${seen.statements.length}, ${sum(seen.statements, ({ runs }) => runs)} runs, ${sum(seen.statements, ({ submits }) => submits)} submits`,
        'looks': `${calls('DescribeStatement')} DescribeStatement, ${calls('ListStatements')} ListStatements, ${calls('CancelStatement')} CancelStatement`,
        'kills': kills,
        'tracker': `${stack.tracker.restarts} restarts`,
        'events': `${dropped} dropped, ${doubled} duplicated`,
        'calls of AWS': `${throttle} throttled, ${failures} failed, ${reset} reset`,
        'left': `${seen.open.length} open records, ${seen.doubted.length} in doubt, ${seen.parked.length} parked`,
    }).map(([name, value]) => `    ${name.padEnd(20)}${value}`).join('\n');
}

export async function judge(stack, callers, times) {
    const seen = { ...await collect(stack, callers), ...await openRecords(stack), parked: await parkedMessages(stack) };
    const kills = stack.daemons.map(({ deaths }) => deaths);
    console.log(`${stack.name}:\n${table(stack, callers, seen, times)}`);
    check('every request was accepted', callers.taken === callers.works.length, `${callers.taken} of ${callers.works.length}`);
    judgeAll(seen, callers.works);
    none('no record is left open', seen.open);
    none('nothing is parked', seen.parked);
    none('nothing ended but by a kill', stack.daemons.flatMap(({ accidents }) => accidents));
    check('it was hard enough', Math.min(...kills) >= times.faultSeconds / 20 && seen.injected['drop-events'] > 0 &&
        seen.injected['duplicate-events'] > 0 && (!stack.tracker.disturb || stack.tracker.restarts > 0),
    `${kills} kills, ${JSON.stringify(seen.injected)}, ${stack.tracker.restarts} restarts`);
}
