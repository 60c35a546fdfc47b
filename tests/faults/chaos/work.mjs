// The work of the chaos test: a mix of everything that a caller may want, dealt out in turn. A piece
// of work is a request, whom to tell (address: "task", "queue" or "response"), and how it may end.
// Each statement that must have an effect inserts its mark, (n, part), so that the database itself
// tells what has run.
const RETRIED_FOR_MS = 3000;

const mark = (n, part) => `insert into marks values (${n}, ${part})`;
const failing = 'select rs_divide_by_zero()';
const asleep = (seconds) => `select pg_sleep(${seconds})`;
// Fails until it is time.
const notBefore = (ms) => `case when getdate() < '${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}' ` +
    'then rs_divide_by_zero() else 1 end';

// ---- What is asked for ----

const success = (n) => ({ request: { sqlStatement: mark(n, 1) }, outcomes: ['FINISHED'], marks: 1 });

const failure = () => ({ request: { sqlStatement: failing }, outcomes: ['FAILED'], marks: 0 });

const sequence = (n) => ({
    request: { sqlStatements: [mark(n, 1), mark(n, 2), mark(n, 3)] }, outcomes: ['FINISHED'], marks: 3 });

const transaction = (n) => ({
    request: { sqlStatements: [mark(n, 1), mark(n, 2)], mode: 'transaction' }, outcomes: ['FINISHED'], marks: 2 });

const brokenTransaction = (n) => ({
    request: { sqlStatements: [mark(n, 1), failing], mode: 'transaction' }, outcomes: ['FAILED'], marks: 0 });

const retriedToSuccess = (n) => ({
    request: {
        sqlStatement: `insert into marks select ${n}, ${notBefore(Date.now() + RETRIED_FOR_MS)}`,
        retry: { maxAttempts: 100, errorMatch: 'division by zero', baseSeconds: 1, maxSeconds: 2 },
    },
    outcomes: ['FINISHED'], marks: 1 });

const retriedInVain = () => ({
    request: { sqlStatement: failing, retry: { maxAttempts: 3, errorMatch: 'division', baseSeconds: 0.5, maxSeconds: 1 } },
    outcomes: ['FAILED'], statements: 3, marks: 0 });

const deadline = () => ({
    request: { sqlStatement: asleep(600), timeoutSeconds: 2 }, outcomes: ['TIMED_OUT'], marks: 0 });

const deadlineRace = () => ({
    request: { sqlStatement: asleep(2), timeoutSeconds: 2 }, outcomes: ['TIMED_OUT', 'FINISHED'], marks: 0 });

const cancelRace = () => ({
    request: { sqlStatement: asleep(1.5) }, outcomes: ['ABORTED', 'FINISHED'], marks: 0,
    channel: 'http', cancelAfterMs: 1500 });

// Three in a row share a lock, which they hold from the first statement to the last.
const locked = (n, turn) => ({
    request: {
        sqlStatements: [`insert into holders values ('${turn}', ${n})`, asleep(0.2),
            `insert into holders values ('${turn}', ${n})`],
        singleton: { key: `lock ${turn}`, onConflict: 'queue' },
    },
    outcomes: ['FINISHED'], marks: 0 });

// The message may be sent twice by its sender; the key makes it one work.
const replied = (n) => ({
    request: { sqlStatement: mark(n, 1), requestKey: `replied ${n}` }, outcomes: ['FINISHED'], marks: 1,
    address: 'queue' });

const adopted = (n) => ({
    request: { sqlStatements: [mark(n, 1), asleep(0.5)], requestKey: `adopted ${n}` }, outcomes: ['FINISHED'],
    marks: 1, secondTokenAfterMs: 3000 });

const abandoned = () => ({
    request: { sqlStatement: asleep(600), heartbeatSeconds: 3 }, outcomes: [], marks: 0, abortAfterMs: 1500 });

const customResource = (n) => ({
    request: {
        RequestType: 'Create', ResourceType: 'Custom::Chaos', RequestId: `request-${n}`, LogicalResourceId: `Mark${n}`,
        StackId: 'arn:aws:cloudformation:us-east-1:123456789012:stack/chaos/1',
        ResourceProperties: { ServiceToken: 'arn:aws:sns:us-east-1:123456789012:chaos', create: mark(n, 1) },
    },
    outcomes: ['FINISHED'], marks: 1, address: 'response' });

const kinds = { success, sequence, transaction, failure, brokenTransaction, retriedToSuccess, retriedInVain, deadline,
    deadlineRace, cancelRace, locked, replied, adopted, abandoned, customResource };
// One round; success is the most frequent, three of a lock stand close together.
const round = ['success', 'locked', 'sequence', 'locked', 'replied', 'locked', 'deadline', 'success', 'adopted', 'failure',
    'cancelRace', 'success', 'retriedToSuccess', 'transaction', 'deadlineRace', 'customResource', 'brokenTransaction',
    'success', 'abandoned', 'retriedInVain'];

// The n-th piece of work, from 0; HTTP and the request queue in turn, one round so, the next the other way.
export function workOf(n) {
    const kind = round[n % round.length];
    const turn = Math.floor(n / round.length);
    return { n, kind, address: 'task', channel: (n + turn) % 2 === 0 ? 'http' : 'queue', ...kinds[kind](n, turn) };
}
