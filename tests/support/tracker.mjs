// The store of a stack, for tests in Node: as tests/support/trackers.sh has it.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { binary, cleanEnvironment } from '../integration/foreign/stand_in.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const script = `source infra/local/stack.sh && source tests/support/trackers.sh || exit
    ringback=$1 stack_dir=$2
    use_tracker >&2 || exit
    printf '%s\n' "$RINGBACK_TRACKER_URL" "\${AWS_ENDPOINT_URL_DYNAMODB:-}"`;

// Whether stacks may run side by side, each with a store of its own.
export const manyTrackers = process.env.TEST_TRACKER !== 'redis-cluster';

// Makes an empty store, with its files in the folder if it has any; resolves to the settings that
// point at it, to be added to the stand-in's environment.
export async function newTracker(environment, folder) {
    const { stdout } = await promisify(execFile)('bash', ['-c', script, 'tracker', binary, folder],
        { cwd: root, env: cleanEnvironment(environment) });
    const [RINGBACK_TRACKER_URL, AWS_ENDPOINT_URL_DYNAMODB] = stdout.split('\n');
    return { RINGBACK_TRACKER_URL, ...(AWS_ENDPOINT_URL_DYNAMODB && { AWS_ENDPOINT_URL_DYNAMODB }) };
}
