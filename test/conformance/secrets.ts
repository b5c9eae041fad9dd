import { expect } from 'vitest';
import type { Secrets } from '@bulkhead/sdk';
import { failing, type Steps } from './steps.js';

export interface SecretSubject {
  readonly secrets: Secrets;
  /** As an operator does who rotates it. */
  set(name: string, value: string): Promise<void>;
}

/** What every SecretService does. TOKEN has a value and is granted, EMPTY is granted and has none, OTHER has one. */
export const SECRET_SERVICE_STEPS: Steps<SecretSubject> = {
  async 'a secret that was granted comes with its version'({ secrets }) {
    expect(await secrets.get('TOKEN')).toBe('s3cret');
    expect(await secrets.getVersion('TOKEN')).toEqual({ value: 's3cret', version: 1 });
  },
  async 'one that was set anew is another version'({ secrets, set }) {
    await set('TOKEN', 'new');
    expect(await secrets.getVersion('TOKEN')).toEqual({ value: 'new', version: 2 });
    await set('EMPTY', 'first');
    expect(await secrets.getVersion('EMPTY')).toEqual({ value: 'first', version: 1 });
  },
  async 'one that was not granted is refused, whether it is there or not'({ secrets }) {
    for (const name of ['OTHER', 'NOWHERE', 'token', ''])
      await expect(secrets.get(name)).rejects.toThrow(failing('PERMISSION_DENIED', 'name'));
  },
  async 'one without a value is NOT_FOUND'({ secrets }) {
    await expect(secrets.get('EMPTY')).rejects.toThrow(failing('NOT_FOUND'));
  },
};
