import { join } from 'node:path';
import type { JsonSchema } from '@bulkhead/proto/rules/schema';
import type { Report } from './report.js';
import { absolute } from './resolve-sections.js';

/** `secrets` of bulkhead.yaml. */
export interface SecretsSection {
  readonly key_env?: string;
  readonly key_file?: string;
}

/** Where the key is that secrets are encrypted with. */
export type SecretKeyPlace =
  | { readonly kind: 'env'; readonly name: string }
  | {
      readonly kind: 'file';
      readonly path: string;
      /** Nobody named it: made at the first secret. */
      readonly byDefault: boolean;
    };

export const SECRETS_PROPERTIES: JsonSchema = {
  key_env: {
    type: 'string',
    pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
    'x-expected': 'the name of an environment variable',
    description: 'Environment variable with the key: 32 bytes, in base64 or hex.',
  },
  key_file: {
    type: 'string',
    minLength: 1,
    description:
      'File with the key, in base64 or hex, that only its owner may read. Default: `secret-key` in data_dir, made at the first secret.',
  },
};

const DEFAULT_FILE = 'secret-key';

export function resolveSecrets(
  { key_env: name, key_file: file }: SecretsSection,
  parts: { readonly dataDir: string; readonly baseDirectory: string; readonly report: Report },
): SecretKeyPlace {
  if (name !== undefined && file !== undefined)
    parts.report.problem(
      ['secrets', 'key_file'],
      "'key_env' and 'key_file' say the same thing; write one of them.",
    );
  if (name !== undefined) return { kind: 'env', name };
  return file === undefined
    ? { kind: 'file', path: join(parts.dataDir, DEFAULT_FILE), byDefault: true }
    : { kind: 'file', path: absolute(parts.baseDirectory, file), byDefault: false };
}
