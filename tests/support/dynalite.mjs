// dynalite, a DynamoDB that was not written here, on 127.0.0.1 (its own command listens everywhere).
//   node dynalite.mjs [--port N] [--path FOLDER] [--until-eof]
// Prints its address once it answers. Without a folder its tables are in memory. --until-eof: ends
// when its standard input is closed, so that it never outlives its test.
//
// SIGTERM breaks off all connections at once, and the process ends when it has written what it was
// writing. Killed by force it loses entries of its indexes, since it writes an item and its indexes one
// after the other, which DynamoDB does not.
import http from 'node:http';
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
const sockets = new Set();
server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
});
process.once('SIGTERM', () => {
    http.Server.prototype.close.call(server); // its own would close the database under what is being written
    sockets.forEach((socket) => socket.destroy());
});
if (values['until-eof']) {
    process.stdin.on('end', () => process.exit(0));
    process.stdin.resume();
}
