import { ErrorCode } from '@bulkhead/proto';
import { expect, it } from 'vitest';
import { systemClock } from '../../clock.js';
import { openLeaf } from '../../stored-config/seal.js';
import { TEST_SEAL } from '../../stored-config/seal.test-support.js';
import { createConfigLayer } from '../../stored-config/config-layer.js';
import { describeEachStore } from '../../store/each-store.test-support.js';
import { NO_AUDIT } from '../../telemetry/audit.js';
import { createConfigWriter } from './config-writer.js';

const actor = { kind: 'plugin', id: 'approvals' } as const;

describeEachStore('what a plugin writes of the configuration', (the) => {
  it('is an entry that waits, once, and config of one that is there', async () => {
    const layer = createConfigLayer({
      store: await the.open(),
      clock: systemClock,
      audit: NO_AUDIT,
      writes: () => 'allow',
      seal: TEST_SEAL,
      check: () => Promise.resolve([]),
    });
    const writer = createConfigWriter(layer, (name) => name === 'guard');
    const entry = { name: 'pending', plugin: 'com.example.pending', config: { level: 1 } };
    await writer.addPending(actor, entry);
    for (const again of [entry, { ...entry, name: 'guard' }]) {
      await expect(writer.addPending(actor, again)).rejects.toMatchObject({ code: ErrorCode.ALREADY_EXISTS });
    }
    await writer.mergeConfig(actor, 'guard', { level: 2 });
    const entries = [...(await layer.entries())].map(([name, { leaves }]) => [
      name,
      leaves
        .map((leaf) => openLeaf(leaf, name, TEST_SEAL))
        .map(({ path, value, by }) => [path.join('.'), value, by.id]),
    ]);
    expect(entries).toEqual([
      ['guard', [['config.level', 2, 'approvals']]],
      [
        'pending',
        [
          ['plugin', 'com.example.pending', 'approvals'],
          ['enabled', false, 'approvals'],
          ['config.level', 1, 'approvals'],
        ],
      ],
    ]);
  });

  it('is a bounded number of entries that wait, also when many are asked for at once', async () => {
    const layer = createConfigLayer({
      store: await the.open(),
      clock: systemClock,
      audit: NO_AUDIT,
      writes: () => 'allow',
      seal: TEST_SEAL,
      check: () => Promise.resolve([]),
    });
    const writer = createConfigWriter(layer, () => false);
    const asked = await Promise.allSettled(
      Array.from({ length: 52 }, async (_, n) =>
        writer.addPending(actor, { name: `p${n}`, plugin: 'com.example.pending', config: {} }),
      ),
    );
    expect(asked.slice(49).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(asked[51]).toMatchObject({ reason: { code: ErrorCode.QUOTA_EXCEEDED } });
  });
});
