// Prints a CloudFormation template in YAML as JSON: maps, lists of scalars, and scalars with or
// without single quotes, which is what the templates under docs/examples use. Every scalar is a
// text, as CloudFormation sends properties.
import {readFileSync} from 'node:fs';

const lines = readFileSync(process.argv[2], 'utf8').split('\n')
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('#'))
    .map((line) => ({indent: line.search(/\S/), text: line.trim()}));
let at = 0;

const scalar = (text) => (/^'.*'$/.test(text) ? text.slice(1, -1).replaceAll("''", "'") : text);

function list(indent) {
    const items = [];
    while (at < lines.length && lines[at].indent === indent && lines[at].text.startsWith('- ')) {
        items.push(scalar(lines[at++].text.slice(2)));
    }
    return items;
}

function map(indent) {
    const members = {};
    while (at < lines.length && lines[at].indent === indent) {
        const [, name, value] = /^([^:]+(?:::[^:]+)*):\s*(.*)$/.exec(lines[at++].text);
        members[name] = value !== '' ? scalar(value)
            : lines[at].text.startsWith('- ') ? list(lines[at].indent) : map(lines[at].indent);
    }
    return members;
}

console.log(JSON.stringify(map(0)));
