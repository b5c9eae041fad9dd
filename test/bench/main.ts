import { EventEmitter } from 'node:events';
import { parseArgs } from 'node:util';
import { probeSandbox } from '../../host/dist/sidecar/wall/probe-sandbox.js';
import { describeEnvironment } from './environment.ts';
import { PARTS } from './parts/parts.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    'slice-ms': { type: 'string', default: '600' },
    /** A part of a part's name: only those are measured. */
    only: { type: 'string', default: '' },
  },
});
// The protocol's stdio transport adds a listener for each call that waits; that is no leak of ours to warn of.
EventEmitter.defaultMaxListeners = 0;

const { only, json } = values;
const rounds = Number(values.rounds);
const sliceMs = Number(values['slice-ms']);
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const wanted = PARTS.filter(({ names }) => names.some((name) => name.includes(only)));
if (wanted.length === 0) {
  const names = PARTS.flatMap((part) => part.names).join(', ');
  process.stderr.write(
    `expected --only to be in the name of a part, got '${only}'; the parts are ${names}\n`,
  );
  process.exit(1);
}
say(`bulkhead bench: ${describeEnvironment()}`);
say(
  `median of ${rounds} interleaved rounds, ${sliceMs} ms each after a warm-up; payload: 250 bytes of JSON arguments`,
);
const { platform, arch, execPath: node } = process;
const strict = (await probeSandbox({ platform, arch, node })).kind === 'works';
const figures: Record<string, number> = {};
for (const part of wanted) {
  const report = await part.run({ rounds, sliceMs, only, strict, say });
  Object.assign(figures, report.figures);
  report.lines.forEach(say);
}
if (json) say(JSON.stringify(figures));
process.exit();
