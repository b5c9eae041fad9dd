import { join } from 'node:path';
import type { Scene } from './sandbox.test-support.js';

export interface Attempt {
  readonly what: string;
  readonly attempt: string;
  readonly target?: (scene: Scene) => object | Promise<object>;
  /** What it comes to, by wall. docs/security.md says the same. */
  readonly strict: 'refused' | 'possible';
  readonly basic: 'refused' | 'possible';
  /** Behind the basic wall of a host that root runs, as a user of its own. */
  readonly own: 'refused' | 'possible';
}

export const ATTEMPTS: readonly Attempt[] = [
  {
    what: 'read the users of the machine',
    attempt: 'users',
    strict: 'refused',
    basic: 'refused',
    own: 'refused',
  },
  {
    what: 'read a file of the host’s user',
    attempt: 'read',
    target: ({ folder }) => ({ path: join(folder, 'secret') }),
    strict: 'refused',
    basic: 'refused',
    own: 'refused',
  },
  {
    what: 'read another plugin’s data',
    attempt: 'list',
    target: ({ folder }) => ({ path: join(folder, 'data', 'data', 'neighbour') }),
    strict: 'refused',
    basic: 'refused',
    own: 'refused',
  },
  {
    what: 'write beside the host’s data',
    attempt: 'write',
    target: ({ folder }) => ({ path: join(folder, 'planted') }),
    strict: 'refused',
    basic: 'refused',
    own: 'refused',
  },
  {
    what: 'add a file to its own package',
    attempt: 'write-own-package',
    strict: 'refused',
    basic: 'refused',
    own: 'refused',
  },
  {
    what: 'change its own code',
    attempt: 'change-own-code',
    strict: 'refused',
    basic: 'refused',
    own: 'refused',
  },
  {
    what: 'change the runner that every plugin starts with',
    attempt: 'write-runner',
    strict: 'refused',
    basic: 'refused',
    own: 'refused',
  },
  {
    what: 'read the host’s environment',
    attempt: 'host-environment',
    strict: 'refused',
    basic: 'refused',
    own: 'refused',
  },
  {
    what: 'look at a process of the host’s user',
    attempt: 'see-host',
    target: ({ bystander }) => ({ pid: bystander.pid, name: 'the-host-itself' }),
    strict: 'refused',
    basic: 'refused',
    own: 'refused',
  },
  {
    what: 'signal a process of the host’s user',
    attempt: 'signal-host',
    target: ({ bystander }) => ({ pid: bystander.pid }),
    strict: 'refused',
    basic: 'possible',
    own: 'refused',
  },
  { what: 'start a process', attempt: 'start-process', strict: 'refused', basic: 'refused', own: 'refused' },
  { what: 'start a shell', attempt: 'start-shell', strict: 'refused', basic: 'refused', own: 'refused' },
  {
    what: 'dial out over TCP',
    attempt: 'dial-tcp',
    target: ({ tcp }) => ({ port: tcp }),
    strict: 'refused',
    basic: 'possible',
    own: 'possible',
  },
  {
    what: 'send a datagram',
    attempt: 'send-udp',
    target: ({ udp }) => ({ port: udp }),
    strict: 'refused',
    basic: 'possible',
    own: 'possible',
  },
  {
    what: 'fetch a page that was not granted',
    attempt: 'fetch',
    target: ({ tcp }) => ({ port: tcp }),
    strict: 'refused',
    basic: 'refused',
    own: 'refused',
  },
  {
    what: 'connect to another plugin’s socket',
    attempt: 'dial-socket',
    target: async (scene) => ({ path: await scene.neighbourSocket() }),
    strict: 'refused',
    basic: 'possible',
    own: 'refused',
  },
  {
    what: 'call the host as another plugin',
    attempt: 'call-as-another',
    target: async (scene) => ({ path: await scene.neighbourSocket() }),
    strict: 'refused',
    basic: 'refused',
    own: 'refused',
  },
  {
    what: 'connect to an abstract socket of the machine',
    attempt: 'dial-abstract',
    target: ({ abstract }) => ({ name: abstract }),
    strict: 'refused',
    basic: 'possible',
    own: 'possible',
  },
];
