import { parseArgs } from 'node:util';
import { isLoopbackHost, parseDestination } from '@bulkhead/proto/rules';
import { CannotServe } from './environment.js';

const USAGE = `usage: bulkhead-plugin <entry>
       bulkhead-plugin <entry> --listen <host:port> --cert <file> --key <file> --client-ca <file>
       bulkhead-plugin <entry> --listen <host:port> --plaintext

<entry> is the ESM file that exports the plugin. The first form is for a host that starts the plugin. The others serve
hosts that connect to it: with TLS, for hosts whose certificate the client CA signed, or in plaintext on loopback.
`;

/** Where a plugin serves that no host starts. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** PEM files; absent: plaintext. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa: string };
}

export interface RunnerCommand {
  readonly entry: string;
  /** Absent: a host started this process, and its environment says the rest. */
  readonly listen?: ListenOptions;
}

/** @throws CannotServe with the usage, and what is wrong */
export function parseCommandLine(args: readonly string[]): RunnerCommand {
  const { values, positionals } = parse(args);
  const [entry, ...more] = positionals;
  if (entry === undefined) throw wrong('expected an entry');
  if (more.length > 0) throw wrong(`expected one entry, got '${more.join("', '")}' too`);
  const { listen, cert, key, 'client-ca': clientCa, plaintext = false } = values;
  if (listen === undefined) {
    if (plaintext || (cert ?? key ?? clientCa) !== undefined) throw wrong('these flags go with --listen');
    return { entry };
  }
  // Port 0 is any free one.
  const at = parseDestination(listen.replace(/:0$/, ':1'));
  if (at === undefined) throw wrong(`--listen: expected host:port, got '${listen}'`);
  const place = { host: at.host, port: listen.endsWith(':0') ? 0 : at.port };
  if (plaintext) {
    if ((cert ?? key ?? clientCa) !== undefined)
      throw wrong('expected --plaintext or certificates, got both');
    if (!isLoopbackHost(place.host)) throw wrong(`--plaintext serves on loopback only, got '${listen}'`);
    return { entry, listen: place };
  }
  if (cert === undefined || key === undefined || clientCa === undefined) {
    throw wrong(
      '--listen needs --cert, --key and --client-ca: a plugin that anybody may call is nobody’s to guard',
    );
  }
  return { entry, listen: { ...place, tls: { cert, key, clientCa } } };
}

function parse(args: readonly string[]) {
  const file = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { listen: file, cert: file, key: file, 'client-ca': file, plaintext: { type: 'boolean' } },
    });
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
}

function wrong(what: string): CannotServe {
  return new CannotServe(`${what}\n\n${USAGE}`);
}
