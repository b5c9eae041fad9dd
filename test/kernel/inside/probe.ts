// Says what the host's code makes of the cgroup that this was started in, and where it is afterwards.
import { checkCgroup } from '../../../host/cli/doctor/cgroup.js';
import type { Finding } from '../../../host/cli/doctor/finding.js';
import { openCgroups } from '../../../host/sidecar/limits/cgroup.js';
import { cgroupOf } from './tree.js';

export interface Probed {
  readonly doctor: Finding;
  readonly opened: { readonly kind: string; readonly folder?: string; readonly found?: string };
  readonly after: string;
}

const [, , dataDir = '/nonexistent'] = process.argv;
const doctor = await checkCgroup(dataDir);
const opened = await openCgroups({ pid: process.pid });
const probed: Probed = { doctor, opened, after: cgroupOf(process.pid) };
process.stdout.write(JSON.stringify(probed));
