import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WALLS } from '../../launch.test-support.js';
import { ARCHITECTURES, type Architecture } from './calls.js';
import { createFilter } from './filter.js';
import { buildProgram, judge, readResults, type Call } from './filter.test-support.js';
import { assemble, when } from './program.js';

const EPERM = 'errno 1';
const ENOSYS = 'errno 38';
const EAFNOSUPPORT = 'errno 97';
const THREAD = 0x3d0f00; // what the C library passes to clone for a thread
const FORK = 0x1200011; // and for fork

function filterOf(arch: string, subprocess: boolean): Buffer {
  const filter = createFilter({ arch, subprocess });
  if (filter === undefined) throw new Error(`no filter for ${arch}`);
  return filter;
}

describe.each(Object.entries(ARCHITECTURES))('the filter for %s', (arch, { audit, calls }: Architecture) => {
  const say = (name: string, args: readonly number[] = [], subprocess = false): string =>
    judge(filterOf(arch, subprocess), { number: calls[name] ?? -1, audit, args });

  test.each([
    'ptrace',
    'mount',
    'bpf',
    'keyctl',
    'userfaultfd',
    'perf_event_open',
    'process_vm_readv',
    'process_vm_writev',
    'unshare',
    'setns',
    'kexec_load',
    'open_by_handle_at',
    'pivot_root',
  ])('refuses %s, with and without subprocess', (name) => {
    expect([say(name), say(name, [], true)]).toEqual([EPERM, EPERM]);
  });

  test.each(['io_uring_setup', 'io_uring_enter', 'io_uring_register', 'clone3', 'memfd_create', 'shmget'])(
    'says of %s that there is none, so that programs take another way',
    (name) => {
      expect([say(name), say(name, [], true)]).toEqual([ENOSYS, ENOSYS]);
    },
  );

  test('allows threads always, processes only with subprocess, namespaces never', () => {
    expect([say('clone', [THREAD]), say('clone', [THREAD], true)]).toEqual(['allow', 'allow']);
    expect([say('clone', [FORK]), say('clone', [FORK], true)]).toEqual([EPERM, 'allow']);
    for (const space of [
      0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
    ]) {
      expect([say('clone', [THREAD | space]), say('clone', [space], true)]).toEqual([EPERM, EPERM]);
    }
    expect([say('execveat'), say('execveat', [], true)]).toEqual([EPERM, 'allow']);
  });

  test('allows sockets of the families that a sandbox holds, and no other', () => {
    fc.assert(
      fc.property(fc.nat(60), (family) => {
        const expected = [1, 2, 10, 16].includes(family) ? 'allow' : EAFNOSUPPORT;
        expect(say('socket', [family])).toBe(expected);
      }),
    );
  });

  test('puts nothing into a terminal', () => {
    expect([say('ioctl', [0, 0x5412]), say('ioctl', [0, 0x541c]), say('ioctl', [0, 0x5401])]).toEqual([
      EPERM,
      EPERM,
      'allow',
    ]);
  });

  test('allows every call that is not listed, whatever its arguments', () => {
    const listed = new Set<number>(Object.values(calls));
    fc.assert(
      fc.property(
        fc.nat(600),
        fc.array(fc.nat(), { maxLength: 6 }),
        fc.boolean(),
        (number, args, subprocess) => {
          fc.pre(!listed.has(number));
          expect(judge(filterOf(arch, subprocess), { number, audit, args })).toBe('allow');
        },
      ),
    );
  });

  test('ends a process that calls in the way of another architecture', () => {
    fc.assert(
      fc.property(fc.nat(600), fc.nat(), (number, other) => {
        fc.pre(other !== audit);
        expect(judge(filterOf(arch, true), { number, audit: other })).toBe('kill');
      }),
    );
  });
});

test('there is no filter for an architecture whose calls nobody listed', () => {
  expect(createFilter({ arch: 'riscv64', subprocess: false })).toBeUndefined();
});

test('a block that no jump can pass is refused', () => {
  const block = Array.from({ length: 256 }, () => ({ op: 'load', offset: 0 }) as const);
  expect(() => assemble(when({ is: 'equal', value: 1 }, block))).toThrow(RangeError);
});

// The kernel's word, by a program that makes the calls.
describe.runIf(WALLS.includes('strict') && process.arch === 'x64')('under the kernel', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bh-calls-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function make(
    calls: readonly Call[],
    filter: Buffer | undefined,
  ): { readonly results: readonly number[]; readonly status: number | null } {
    const program = join(folder, 'program');
    writeFileSync(program, buildProgram(calls), { mode: 0o755 });
    const seccomp = filter === undefined ? [] : ['--seccomp', '3'];
    const filterFile = join(folder, 'filter');
    writeFileSync(filterFile, filter ?? '');
    const shell =
      'exec bwrap --unshare-all --unshare-user --die-with-parent --cap-drop ALL --ro-bind "$0" "$0" "$@" -- "$0" 3<"$FILTER"';
    const { stdout, status } = spawnSync('/bin/sh', ['-c', shell, program, ...seccomp], {
      env: { PATH: process.env['PATH'], FILTER: filterFile },
    });
    return { results: readResults(stdout), status };
  }

  const calls = ARCHITECTURES['x64']?.calls ?? {};
  const call = (name: string, ...args: readonly number[]): Call => ({ number: calls[name] ?? -1, args });
  // With these arguments each would succeed, or fail with another error, if the filter were not there.
  const attempts: readonly (readonly [string, Call, number])[] = [
    ['ptrace(TRACEME)', call('ptrace', 0), 1],
    ['keyctl(GET_KEYRING_ID)', call('keyctl', 0, -3, 0), 1],
    ['unshare(nothing)', call('unshare', 0), 1],
    ['unshare(user namespace)', call('unshare', 0x1000_0000), 1],
    ['setns', call('setns', -1, 0), 1],
    ['perf_event_open', call('perf_event_open', 0), 1],
    ['bpf', call('bpf', 0, 0, 0), 1],
    ['userfaultfd', call('userfaultfd', 1), 1],
    ['process_vm_readv', call('process_vm_readv', 1, 0, 0, 0, 0, 0), 1],
    ['mount', call('mount', 0, 0, 0, 0, 0), 1],
    ['kcmp', call('kcmp', 1, 1, 0, 0, 0), 1],
    ['io_uring_setup', call('io_uring_setup', 1, 0), 38],
    ['clone3', call('clone3', 0, 0), 38],
    ['memfd_create', call('memfd_create', 0, 0), 38],
    ['shmget', call('shmget', 0, 4_096, 0o1600), 38],
    ['socket(AF_VSOCK)', call('socket', 40, 1, 0), 97],
    ['socket(AF_ALG)', call('socket', 38, 5, 0), 97],
    ['ioctl(TIOCSTI)', call('ioctl', 1, 0x5412, 0), 1],
    ['clone(user namespace)', call('clone', 0x1000_0011), 1],
    ['getpid of x32', { number: 0x4000_0000 + 39 }, 38],
  ];
  const forks: typeof attempts = [
    ['fork', call('fork'), 1],
    ['vfork', call('vfork'), 1],
    ['clone', call('clone', 17), 1],
    ['execveat', call('execveat', -1, 0, 0, 0, 0x1000), 1],
  ];

  const named = (list: typeof attempts, results: readonly number[]): object =>
    Object.fromEntries(list.map(([name], index) => [name, results[index]]));
  const expected = (list: typeof attempts): object =>
    Object.fromEntries(list.map(([name, , errno]) => [name, -errno]));

  test.each([true, false])(
    'each refused call fails with the filter’s error (subprocess: %s)',
    (subprocess) => {
      const tried = subprocess ? attempts : [...attempts, ...forks];
      const { results, status } = make(
        tried.map(([, made]) => made),
        filterOf('x64', subprocess),
      );
      expect(status).toBe(0);
      expect(named(tried, results)).toEqual(expected(tried));
    },
  );

  test('without the filter most of them would be made', () => {
    const { results } = make(
      attempts.map(([, made]) => made),
      undefined,
    );
    const same = attempts.filter(([, , errno], index) => results[index] === -errno).map(([name]) => name);
    // What is left here the sandbox's missing capabilities refuse too.
    expect(same.length).toBeLessThan(attempts.length / 2);
  });

  test('a call in the 32-bit way ends the process', () => {
    const SIGSYS = 31;
    expect(make([{ number: 20, as32Bit: true }], filterOf('x64', true)).status).toBe(128 + SIGSYS);
  });
});
