// Runs the benchmarks that are named, all but growth without names, and prints what they gave; run.sh
// starts what this needs. --quick: few rounds of little, to see that all of it works. --json: for
// machines. --report: writes docs/benchmarks.md. --long: growth as well.
import * as benchmarks from './benchmarks.mjs';
import { rows, table, writeReport } from './report.mjs';

const names = ['headline', 'batches', 'trackers', 'https', 'fronts', 'latency', 'cold', 'memory', 'sweep', 'calls', 'micro', 'growth'];
const flags = process.argv.slice(2).filter((text) => text.startsWith('--'));
const wanted = process.argv.slice(2).filter((text) => !text.startsWith('--'));
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
    console.error(`no such benchmark: ${unknown.join(', ')}; there are ${names.join(', ')}`);
    process.exit(2);
}
const quick = flags.includes('--quick');
const settings = quick ? { quick, rounds: 2, count: 500 } : { quick, rounds: 5, count: 1000 };

const usual = names.filter((name) => name !== 'growth' || flags.includes('--long'));
const measured = [];
for (const name of wanted.length > 0 ? wanted : usual) {
    console.error(`-- ${name}`);
    measured.push(...await benchmarks[name](settings));
}
if (flags.includes('--json')) {
    console.log(JSON.stringify(rows(measured), null, 2));
} else {
    console.log(table(measured));
}
if (flags.includes('--report')) writeReport(measured, settings);
process.exit(0);
