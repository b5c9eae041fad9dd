import { ARCHITECTURES, type CallName } from './calls.js';
import { assemble, Field, verdict, when, type Instruction } from './program.js';

const ALLOW = verdict({ kind: 'allow' });
const EPERM = verdict({ kind: 'errno', errno: 1 });
/** What a kernel without the call would say; programs have another way ready for that. */
const ENOSYS = verdict({ kind: 'errno', errno: 38 });
const EAFNOSUPPORT = verdict({ kind: 'errno', errno: 97 });

/** Refused to every plugin: what reaches other processes, the kernel, or memory that nobody counts. */
const NEVER: readonly CallName[] = [
  // Other processes: their memory, their descriptors.
  'ptrace',
  'process_vm_readv',
  'process_vm_writev',
  'process_madvise',
  'pidfd_getfd',
  'kcmp',
  'migrate_pages',
  'move_pages',
  // Namespaces and mounts.
  'unshare',
  'setns',
  'mount',
  'umount2',
  'pivot_root',
  'chroot',
  'open_tree',
  'move_mount',
  'fsopen',
  'fsconfig',
  'fsmount',
  'fspick',
  'mount_setattr',
  // Files past their paths.
  'name_to_handle_at',
  'open_by_handle_at',
  'fanotify_init',
  'lookup_dcookie',
  // Large kernel interfaces with a history.
  'bpf',
  'perf_event_open',
  'userfaultfd',
  'add_key',
  'request_key',
  'keyctl',
  'mbind',
  // The machine itself.
  'kexec_load',
  'kexec_file_load',
  'init_module',
  'finit_module',
  'delete_module',
  'reboot',
  'swapon',
  'swapoff',
  'acct',
  'quotactl',
  'quotactl_fd',
  'iopl',
  'ioperm',
  'modify_ldt',
  'settimeofday',
  'clock_settime',
  'clock_adjtime',
  'adjtimex',
  'sethostname',
  'setdomainname',
  'syslog',
  'vhangup',
  'uselib',
  'nfsservctl',
];

/** Node and the C library go on without these when they are told that there is no such call. */
const ABSENT: readonly CallName[] = [
  // Its arguments lie in memory, where a filter cannot look; threads are then made with clone.
  'clone3',
  'io_uring_setup',
  'io_uring_enter',
  'io_uring_register',
  // Memory that no watchdog sees in the process.
  'memfd_create',
  'memfd_secret',
  'shmget',
];

/** Without `subprocess`; clone has rules of its own. */
const STARTS_PROCESSES: readonly CallName[] = ['fork', 'vfork', 'execveat'];

const CLONE_THREAD = 0x0001_0000;
/** CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const CLONE_NEW_NAMESPACES = 0x7e02_0080;
/** Puts characters into a terminal's input. */
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (interfaces are listed with it). Not AF_VSOCK: no namespace holds that one. */
const SOCKET_FAMILIES = [1, 2, 10, 16];

export interface FilterOptions {
  /** Node's name of the processor. */
  readonly arch: string;
  /** Whether the plugin may start processes. */
  readonly subprocess: boolean;
}

/**
 * The seccomp program of a plugin's sandbox: everything is allowed but what is listed here. A call made in the way of
 * another architecture ends the process.
 *
 * `execve` stays allowed: bubblewrap itself starts the plugin with it, after the filter is in force. It adds no
 * process and leaves filter and namespaces as they are.
 *
 * @returns undefined for an architecture whose calls are not listed
 */
export function createFilter({ arch, subprocess }: FilterOptions): Buffer | undefined {
  const architecture = ARCHITECTURES[arch];
  if (architecture === undefined) return undefined;
  const { calls, audit, foreignFrom } = architecture;
  const onCall = (name: CallName, block: readonly Instruction[]): readonly Instruction[] => {
    const value = calls[name];
    return value === undefined ? [] : when({ is: 'equal', value }, block);
  };
  return assemble([
    { op: 'load', offset: Field.architecture },
    ...when({ is: 'equal', value: audit }, [
      { op: 'load', offset: Field.call },
      ...(foreignFrom === undefined ? [] : when({ is: 'at-least', value: foreignFrom }, [ENOSYS])),
      ...NEVER.flatMap((name) => onCall(name, [EPERM])),
      ...ABSENT.flatMap((name) => onCall(name, [ENOSYS])),
      ...(subprocess ? [] : STARTS_PROCESSES.flatMap((name) => onCall(name, [EPERM]))),
      ...onCall('clone', cloneRules(subprocess)),
      ...onCall('ioctl', ioctlRules()),
      ...onCall('socket', socketRules()),
      ALLOW,
    ]),
    verdict({ kind: 'kill' }),
  ]);
}

function cloneRules(subprocess: boolean): readonly Instruction[] {
  return [
    { op: 'load', offset: Field.argument(0) },
    ...when({ is: 'any-bit', value: CLONE_NEW_NAMESPACES }, [EPERM]),
    ...when({ is: 'any-bit', value: CLONE_THREAD }, [ALLOW]),
    subprocess ? ALLOW : EPERM,
  ];
}

function ioctlRules(): readonly Instruction[] {
  return [
    { op: 'load', offset: Field.argument(1) },
    ...[TIOCSTI, TIOCLINUX].flatMap((value) => when({ is: 'equal', value }, [EPERM])),
    ALLOW,
  ];
}

function socketRules(): readonly Instruction[] {
  return [
    { op: 'load', offset: Field.argument(0) },
    ...SOCKET_FAMILIES.flatMap((value) => when({ is: 'equal', value }, [ALLOW])),
    EAFNOSUPPORT,
  ];
}
