// How measurements are told: medians with the least and the most, ratios, and docs/benchmarks.md.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { SIDES, TRACKED } from './benchmarks.mjs';
import { python, root } from './sides.mjs';

const { ringback, curl, sockets, prior, node } = SIDES;

function median(values) {
    const sorted = values.toSorted((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function rows(measured) {
    const seen = measured.map(({ benchmark, side, unit, runs }) =>
        ({ benchmark, side, unit, median: median(runs), min: Math.min(...runs), max: Math.max(...runs), runs: runs.length }));
    const own = (benchmark) => seen.find((row) => row.benchmark === benchmark && row.side === ringback)?.median;
    return seen.map((row) => ({ ...row, ringbackTimes: own(row.benchmark) ? own(row.benchmark) / row.median : null }));
}

const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

// A Markdown table, aligned so that it can be read as it is.
function markdown(head, lines) {
    const all = [head, ...lines];
    const widths = head.map((_, i) => Math.max(...all.map((line) => line[i].length)));
    const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
    return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...lines.map(line)].join('\n');
}

export function table(measured) {
    return markdown(['benchmark', 'side', 'unit', 'median', 'min', 'max', 'ringback is'], rows(measured).map((row) =>
        [row.benchmark, row.side, row.unit, digits(row.median), digits(row.min), digits(row.max),
            row.ringbackTimes === null || row.side === ringback ? '' : `${row.ringbackTimes.toFixed(3)} x`]));
}

// ---- docs/benchmarks.md ----

const version = (name) => execFileSync('pkg-config', ['--modversion', name], { encoding: 'utf8' }).trim();
const firstLine = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' }).split('\n')[0];

function machine() {
    const cpu = os.cpus();
    return [
        ['CPU', `${cpu.length} x ${cpu[0].model.trim()}`],
        ['memory', `${Math.round(os.totalmem() / 2 ** 30)} GB`],
        ['kernel', os.release().split('-')[0]],
        ['system', /PRETTY_NAME="(.*)"/.exec(readFileSync('/etc/os-release', 'utf8'))[1]],
        ['compiler', firstLine('gcc', '--version')],
        ...['libcurl', 'libcrypto', 'hiredis', 'sqlite3', 'libcjson', 'libmicrohttpd'].map((name) => [name, version(name)]),
        ['Redis', firstLine('redis-server', '--version').split(' ')[2]],
        ['peers', `${firstLine(python, '--version')} with boto3 ${firstLine(python, '-c', 'import boto3; print(boto3.__version__)')}; Node ${process.version}`],
    ];
}

// The most that an operation costs with many tracked, in terms of what it costs with few.
function growthOf(all, store, operations) {
    const cost = (operation, side) => all.find((row) => row.benchmark === `growth, ${store}, ${operation}` && row.side === side)?.median;
    const times = operations.map((operation) => cost(operation, TRACKED.many) / cost(operation, TRACKED.few));
    return times.some(Number.isNaN) ? undefined : Math.max(...times);
}

// One line of the figures to beat: what is reached, from what was measured.
function figures(all) {
    const value = (benchmark, side = ringback) => all.find((row) => row.benchmark === benchmark && row.side === side)?.median;
    const times = (benchmark, side) => (value(benchmark) === undefined || value(benchmark, side) === undefined
        ? undefined : value(benchmark) / value(benchmark, side));
    const told = (number, unit) => (number === undefined ? 'not measured' : `${digits(number)} ${unit}`);
    const reached = (number, most) => (number === undefined || most === Infinity ? '' : number <= most ? 'reached' : 'not reached');
    const line = (what, must, number, most, unit) => [what, must, told(number, unit), reached(number, most)];
    const completion = 'CPU per completion, batches of 10';
    const invocation = 'CPU per invocation, batches of 10';
    const visible = 'event visible to callback sent';
    return [
        line('CPU per completion, batch of 10, against the bare peer', '<= 1.25 x', times(completion, curl), 1.25, 'x'),
        line('the same, against raw sockets', '', times(completion, sockets), Infinity, 'x'),
        line('the same, against the prior system', '<= 1/30', 1 / times(completion, prior) || undefined, Infinity, 'times less')
            .with(3, reached(times(completion, prior), 1 / 30)),
        line('the same, against Node and the AWS SDK', '', 1 / times(completion, node) || undefined, Infinity, 'times less'),
        line('CPU per invocation, batch of 10, against the prior system', '<= 1/15', 1 / times(invocation, prior) || undefined, Infinity, 'times less')
            .with(3, reached(times(invocation, prior), 1 / 15)),
        line('the same, against the bare peer', '', times(invocation, curl), Infinity, 'x'),
        line('cold start, exec to ready (`serve`)', '<= 10 ms', value('cold start, exec to listening, serve'), 10, 'ms'),
        line('cold start, exec to the first `next` (`lambda`)', '<= 10 ms', value('cold start, exec to the first next, lambda'), 10, 'ms'),
        line('resident memory, busy, `completer` with 4 workers', '<= 14 MB', value('resident memory, busy, completer'), 14, 'MB'),
        line('the same, the program of the package: static, as containers have it', '<= 14 MB', value('resident memory, busy, completer of the package'), 14, 'MB'),
        line('the same, `serve` (4 for events, 4 for requests, 4 for HTTP)', '', value('resident memory, busy'), Infinity, 'MB'),
        ...[1, 100, 1000].flatMap((rate) => [
            line(`${visible}, ${rate} a second, p50`, '<= 3 ms', value(`${visible}, ${rate} a second, p50`), 3, 'ms'),
            line(`${visible}, ${rate} a second, p99`, '<= 15 ms', value(`${visible}, ${rate} a second, p99`), 15, 'ms'),
        ]),
        ...['redis', 'sqlite'].flatMap((store) => [
            ['one at a time', 1.2, ['lookup of 1', 'update of 1', 'claim of 1 due', 'latest of a group']],
            ['ten at a time', Infinity, ['lookup of 10', 'update of 10', 'claim of 10 due']],
            ['a bare client, one at a time', Infinity, ['lookup of 1, bare', 'update of 1, bare', 'latest, bare']],
            ['a bare client, ten at a time', Infinity, ['lookup of 10, bare', 'update of 10, bare']],
        ].map(([how, most, operations]) => line(`1,000,000 tracked against 10,000, ${store}, ${how}: the operation that grows most`,
            most === Infinity ? '' : `<= ${most} x`, growthOf(all, store, operations), most, 'x'))).filter(([, , told]) => told !== 'not measured'),
        line('AWS calls per statement besides queue and tracker', '2', value('AWS calls per statement, besides the queue'), 2, ''),
    ];
}

// What a run writes stands between these; the rest of the page is written by hand.
export function writeReport(measured, settings) {
    const path = `${root}docs/benchmarks.md`;
    const page = readFileSync(path, 'utf8');
    const [begin, end] = ['<!-- written by tests/bench/run.sh --report -->', '<!-- end -->'];
    const [before, after] = [page.split(begin)[0], page.split(end)[1]];
    if (after === undefined) throw new Error(`${path}: no ${begin} ... ${end}`);
    const text = [
        '## Figures to beat', '',
        markdown(['what', 'must reach', 'measured', ''], figures(rows(measured))), '',
        '## All of it', '',
        `Median, least and most of ${settings.rounds} rounds after one that warms up; a cost is that of one side's process alone.`, '',
        table(measured), '',
        '## The machine', '',
        markdown(['part', 'what'], machine()), '',
    ].join('\n');
    writeFileSync(path, `${before}${begin}\n${text}${end}${after}`);
    console.error(`written: docs/benchmarks.md`);
}
