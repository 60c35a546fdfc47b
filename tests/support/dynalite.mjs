// dynalite, a DynamoDB that was not written here, on 127.0.0.1 (its own command listens everywhere).
//   node dynalite.mjs [--port N] [--path FOLDER] [--until-eof]
// Prints its address once it answers. Without a folder its tables are in memory. --until-eof: ends
// when its standard input is closed, so that it never outlives its test.
import { parseArgs } from 'node:util';
import dynalite from 'dynalite';

const { values } = parseArgs({
    options: {
        port: { type: 'string', default: '0' },
        path: { type: 'string' },
        'until-eof': { type: 'boolean', default: false },
    },
});
const server = dynalite({ path: values.path, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
server.listen(Number(values.port), '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}`);
});
if (values['until-eof']) {
    process.stdin.on('end', () => process.exit(0));
    process.stdin.resume();
}
