import { EventEmitter } from 'node:events';
import { parseArgs } from 'node:util';
import { describeEnvironment } from './environment.ts';
import { connectDirect, connectThroughGateway } from './gateway.ts';
import { measureHammered } from './hammered.ts';
import { measureSecondInstall, measureVerification, TREE_FILES } from './install.ts';
import { measure, median, openLoop, type RemoteSubject, type Sample, type Subject } from './measure.ts';
import { MISDEEDS, measureDisturbance } from './misbehaving.ts';
import { RATIOS, SCENARIOS } from './scenarios.ts';
import { measureNodeStart, measureStart } from './start-and-memory.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    'slice-ms': { type: 'string', default: '600' },
    /** A part of a scenario's name, or of `hammered`: only those are measured, and nothing else. */
    only: { type: 'string' },
  },
});
// The protocol's stdio transport adds a listener for each call that waits; that is no leak of ours to warn of.
EventEmitter.defaultMaxListeners = 0;

const rounds = Number(values.rounds);
const sliceMs = Number(values['slice-ms']);
/** Calls a second for the open loop: well under what either side can do, so that a queue is the exception. */
const OPEN_LOOP_PER_SECOND = 200;
/** What `--only` calls the pairs of `measureHammered`. */
const HAMMERED = 'hammered';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const results: Record<string, number> = {};
const samples = new Map<string, Sample[]>();
const note = (key: string, sample: Sample): void => {
  samples.set(key, [...(samples.get(key) ?? []), sample]);
};

say(`bulkhead bench: ${describeEnvironment()}`);
say(
  `median of ${rounds} interleaved rounds, ${sliceMs} ms each after a warm-up; payload: 250 bytes of JSON arguments`,
);

const subjects = new Map<string, Subject | RemoteSubject>();
const wanted = SCENARIOS.filter(({ name }) => name.includes(values.only ?? ''));
for (const scenario of wanted) {
  try {
    subjects.set(scenario.name, await scenario.connect());
  } catch (error) {
    if (scenario.optional !== true) throw error;
    say(`skipped: ${scenario.what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
const measured = wanted.filter(({ name }) => subjects.has(name));
const withStrict = subjects.has('noop_strict');
for (let round = 0; round < rounds; round += 1) {
  for (const scenario of measured) {
    const subject = subjects.get(scenario.name);
    if (subject === undefined) continue;
    for (const inFlight of scenario.inFlight) {
      await measure(subject, inFlight, round === 0 ? sliceMs : sliceMs / 3);
      note(`${scenario.name}_c${inFlight}`, await measure(subject, inFlight, sliceMs));
    }
  }
  say(`round ${round + 1} of ${rounds} done`);
}
for (const subject of subjects.values()) await subject.close();

say('');
say('what                                                  in flight      calls/s     p50 µs     p99 µs');
for (const scenario of measured) {
  for (const inFlight of scenario.inFlight) {
    const key = `${scenario.name}_c${inFlight}`;
    const taken = samples.get(key) ?? [];
    const perSecond = median(taken.map((sample) => sample.perSecond));
    const p50 = median(taken.map((sample) => sample.p50Us));
    const p99 = median(taken.map((sample) => sample.p99Us));
    results[`${key}_per_s`] = perSecond;
    results[`${key}_p50_us`] = p50;
    results[`${key}_p99_us`] = p99;
    say(
      scenario.what.padEnd(54) +
        String(inFlight).padStart(9) +
        [perSecond, p50, p99].map((value) => String(value).padStart(11)).join('  '),
    );
  }
}

for (const { key, what, of, to, figure } of RATIOS) {
  const above = samples.get(`${of.name}_c${of.inFlight}`) ?? [];
  const below = samples.get(`${to.name}_c${to.inFlight}`) ?? [];
  const rounds = above.flatMap((sample, round) => {
    const other = below[round];
    return other === undefined ? [] : [sample[figure] / other[figure]];
  });
  if (rounds.length === 0) continue;
  results[key] = Math.round(median(rounds) * 100) / 100;
  say(`${what}: ${results[key]} ×`);
}

if (HAMMERED.includes(values.only ?? '')) {
  const hammered = await measureHammered(rounds, sliceMs);
  results['hammered_quiet_p99_us'] = hammered.quietP99Us;
  results['hammered_p99_us'] = hammered.p99Us;
  results['hammered_ratio'] = hammered.ratio;
  say(
    `KV gets beside a plugin far past its budget: p50 ${hammered.p50Us} µs, p99 ${hammered.p99Us} µs; ` +
      `quiet ${hammered.quietP50Us} and ${hammered.quietP99Us} µs; p99 ${hammered.ratio} ×; ` +
      `the other was answered ${hammered.answeredPerSecond} and refused ${hammered.refusedPerSecond} times a second`,
  );
}

if (values.only !== undefined) {
  if (values.json) say(JSON.stringify(results));
  process.exit();
}

const one = [];
const oneStrict = [];
const ten = [];
for (let round = 0; round < rounds; round += 1) {
  one.push(await measureStart(1, 'basic'));
  if (withStrict) oneStrict.push(await measureStart(1, 'strict'));
  ten.push(await measureStart(10, 'basic'));
}
results['node_grpc_start_ms'] = round1(await measureNodeStart(rounds));
results['start_one_ms'] = round1(median(one.map((start) => start.startMs)));
if (withStrict) results['start_one_strict_ms'] = round1(median(oneStrict.map((start) => start.startMs)));
results['restart_ms'] = round1(median(one.map((start) => start.restartMs)));
if (withStrict) results['restart_strict_ms'] = round1(median(oneStrict.map((start) => start.restartMs)));
results['start_ten_ms'] = round1(median(ten.map((start) => start.startMs)));
results['host_pss_mb'] = round1(median(ten.map((start) => start.hostPssMb)));
results['plugin_pss_mb'] = round1(median(ten.map((start) => start.pluginPssMb)));

const disturbances = [];
for (const misdeed of MISDEEDS) {
  const disturbed = await measureDisturbance(misdeed, withStrict ? 'strict' : 'basic', rounds);
  results[`beside_${misdeed}_p99_us`] = disturbed.p99Us;
  results[`beside_${misdeed}_ratio`] = disturbed.ratio;
  disturbances.push({ misdeed, ...disturbed });
}

const direct = await connectDirect();
const through = await connectThroughGateway();
const pairs: { direct: Sample; through: Sample }[] = [];
for (let round = 0; round < rounds; round += 1) {
  for (const subject of [direct, through]) await openLoop(subject, OPEN_LOOP_PER_SECOND, sliceMs / 2);
  pairs.push({
    direct: await openLoop(direct, OPEN_LOOP_PER_SECOND, sliceMs * 2),
    through: await openLoop(through, OPEN_LOOP_PER_SECOND, sliceMs * 2),
  });
}
await direct.close();
await through.close();
results['gateway_direct_p50_us'] = median(pairs.map((pair) => pair.direct.p50Us));
results['gateway_through_p50_us'] = median(pairs.map((pair) => pair.through.p50Us));
results['gateway_added_p50_us'] = round1(median(pairs.map((pair) => pair.through.p50Us - pair.direct.p50Us)));

const verification = await measureVerification(rounds);
const again = await measureSecondInstall(rounds);
results['verify_unchanged_ms'] = round1(verification.unchangedMs);
results['verify_unchanged_first_ms'] = round1(verification.unchangedFirstMs);
results['verify_hash_100mb_ms'] = round1(verification.hashMsPer100Mb);
results['install_again_ms'] = round1(again.installMs);
results['install_again_beyond_node_ms'] = round1(again.installMs - again.nodeMs);
results['install_folder_again_beyond_node_ms'] = round1(again.folderMs - again.nodeMs);
results['disk_ten_over_one'] = Math.round(again.tenOverOne * 100) / 100;

say('');
say(
  `second install of an unchanged plugin: ${results['install_again_ms']} ms, ` +
    `${results['install_again_beyond_node_ms']} ms beyond the start of Node; ` +
    `of an unchanged folder: ${results['install_folder_again_beyond_node_ms']} ms beyond it`,
);
say(
  `verifying an unchanged tree of ${TREE_FILES} files: ${results['verify_unchanged_ms']} ms, ` +
    `${results['verify_unchanged_first_ms']} ms as a thread's first; from nothing: ${results['verify_hash_100mb_ms']} ms for 100 MB`,
);
say(`disk of ten plugins that share dependencies: ${results['disk_ten_over_one']} × that of one`);
say(
  `start to ready of one plugin: ${results['start_one_ms']} ms (in the strict sandbox, with the one trial of it: ${results['start_one_strict_ms'] ?? 'not measured'} ms), of ten: ${results['start_ten_ms']} ms`,
);
say(
  `from spawn to ready, in a host that runs: ${results['restart_ms']} ms (in the strict sandbox: ${results['restart_strict_ms'] ?? 'not measured'} ms)`,
);
say(`Node with grpc-js loaded, for comparison: ${results['node_grpc_start_ms']} ms`);
say(
  `memory (PSS): host ${results['host_pss_mb']} MB, a plugin ${results['plugin_pss_mb']} MB, ten plugins running`,
);
for (const { misdeed, quietP99Us, p99Us, ratio, untilEndedMs } of disturbances) {
  say(
    `a call beside a plugin that does ${misdeed}: p99 ${p99Us} µs, quiet ${quietP99Us} µs, ${ratio} ×; it was ended after ${untilEndedMs} ms`,
  );
}
say(
  `MCP tool call, open loop at ${OPEN_LOOP_PER_SECOND}/s: direct over stdio p50 ${results['gateway_direct_p50_us']} µs, ` +
    `through the gateway ${results['gateway_through_p50_us']} µs, added ${results['gateway_added_p50_us']} µs`,
);

if (values.json) say(JSON.stringify(results));

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}
