import { dirname } from 'node:path';
import { isLoopbackHost } from '@bulkhead/proto/rules';
import { originAt, type SourceTree } from '../manifest/source-tree.js';
import type { PluginEntry } from './bulkhead-file.js';
import { parseFingerprint, parseRemoteAddress, type RemotePlugin, type RemoteTls } from './remote-address.js';
import type { Report } from './report.js';
import { absolute } from './resolve-sections.js';

export interface RemoteQuestion {
  /** The entry's name. */
  readonly name: string;
  readonly entry: PluginEntry;
  readonly environment: string;
  readonly merged: SourceTree;
  readonly baseDirectory: string;
  readonly report: Report;
}

/** Where an entry's plugin runs, when its entry says so; faults are told to the report. */
export function resolveRemote(question: RemoteQuestion): RemotePlugin | undefined {
  const { name, entry, environment, report } = question;
  const { address } = entry;
  const keys = ['plugins', name];
  if (address === undefined) {
    if (entry.tls !== undefined)
      report.problem([...keys, 'tls'], "tls goes with 'address', and there is none.");
    return undefined;
  }
  if (entry.command !== undefined) {
    report.problem(
      [...keys, 'command'],
      "a plugin at an 'address' is not started by the host; write one of the two.",
    );
  }
  const parsed = parseRemoteAddress(address);
  if (!parsed.ok) {
    report.problem([...keys, 'address'], `${parsed.message}.`);
    return undefined;
  }
  const { host, port, secure } = parsed;
  if (secure) {
    const tls = resolveTls(question);
    return tls === undefined ? undefined : { address, host, port, tls };
  }
  if (entry.tls !== undefined) {
    report.problem([...keys, 'address'], 'grpc:// is plaintext, and tls is there; write grpcs://.');
  } else if (environment !== 'development' || !isLoopbackHost(host)) {
    const message = `plaintext goes only to loopback and only in environment: development, got ${address} in ${environment}; write grpcs:// and tls.`;
    report.problem([...keys, 'address'], message);
  }
  return { address, host, port };
}

function resolveTls(question: RemoteQuestion): RemoteTls | undefined {
  const { name, entry, report } = question;
  const keys = ['plugins', name, 'tls'];
  const { tls } = entry;
  if (tls === undefined) {
    const message =
      "grpcs:// needs tls: who the plugin is ('ca' or 'fingerprint'), and who the host is ('cert' and 'key').";
    report.problem(['plugins', name, 'address'], message);
    return undefined;
  }
  if ((tls.ca === undefined) === (tls.fingerprint === undefined)) {
    report.problem(keys, "expected one of 'ca' and 'fingerprint': which certificate the plugin may show.");
  }
  const fingerprint = tls.fingerprint === undefined ? undefined : parseFingerprint(tls.fingerprint);
  if (tls.fingerprint !== undefined && fingerprint === undefined) {
    report.problem([...keys, 'fingerprint'], `expected 64 hex digits of SHA-256, got '${tls.fingerprint}'.`);
  }
  const file = (member: 'ca' | 'cert' | 'key', path: string): string => {
    const { file: from } = originAt(question.merged, [...keys, member]);
    return absolute(from === undefined ? question.baseDirectory : dirname(from), path);
  };
  return {
    ...(tls.ca === undefined ? {} : { ca: file('ca', tls.ca) }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    cert: file('cert', tls.cert),
    key: file('key', tls.key),
  };
}
