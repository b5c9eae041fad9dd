// The floors and arrows of the architecture, as data. `.oxlintrc.json` is generated from this file.

/** Folders of the host from the ground up; within a floor from left to right. A folder imports only what comes before it. */
export const HOST_FLOORS = [
  ['clock.ts', 'version.ts'],
  ['schemas', 'manifest', 'config', 'store', 'telemetry'],
  ['catalog', 'sidecar'],
  ['grants', 'stored-config', 'install', 'lifecycle'],
  ['dispatch'],
  [
    'upstream',
    'events',
    'objects',
    'tools',
    'contributions',
    'services',
    'host.ts',
    'assemble-host.ts',
    'create-host.ts',
  ],
  ['gateway', 'admin'],
  ['index.ts', 'cli', 'daemon.ts'],
];

/** Which packages the sources of a package must not import. There are no other arrows than plugins → sdk → proto and host → proto. */
export const FORBIDDEN_PACKAGES = {
  proto: ['@bulkhead/host', '@bulkhead/sdk', '@bulkhead-plugins'],
  sdk: ['@bulkhead/host', '@bulkhead-plugins'],
  host: ['@bulkhead/sdk', '@bulkhead-plugins'],
  plugins: ['@bulkhead/host', '@bulkhead/proto', '@bulkhead-plugins'],
};

/** May read process.env: the composition root, and what measures or starts it. */
export const READS_ENVIRONMENT = [
  'host/cli/**',
  'host/daemon.ts',
  'host/telemetry/**',
  'sdk/runner/**',
  'sdk/bin.ts',
  'sdk/build.mjs',
  'scripts/**',
  'test/**',
  'vitest.config.ts',
];

/** `cli` and `daemon.ts` know each other: the command starts the daemon. */
const TOP_FLOOR = HOST_FLOORS.length - 1;

/** For each folder of the host the ones that it must not import. */
export function forbiddenFolders() {
  const rules = [];
  HOST_FLOORS.forEach((floor, height) => {
    floor.forEach((folder, column) => {
      const right = height === TOP_FLOOR ? [] : floor.slice(column + 1);
      const above = HOST_FLOORS.slice(height + 1).flat();
      rules.push({ folder, forbidden: [...right, ...above] });
    });
  });
  return rules;
}
