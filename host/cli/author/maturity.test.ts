import { checkManifest } from '@bulkhead/proto/rules/schema';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../manifest/manifest.js';
import { unmetCriteria, type Evidence } from './maturity.js';

const STABLE = {
  maturity: 'stable',
  support: 'official',
  documentation: 'examples',
  quality: { test_coverage: 81, security_audit: '2026-01-15' },
};
const BETA = {
  maturity: 'beta',
  documentation: 'complete',
  quality: { test_coverage: 50, security_audit: 'review' },
};
const EVIDENCE: Evidence = { files: ['README.md'], readme: '# It\n```yaml\na: 1\n```\n' };

function manifest(given: object): Manifest {
  const checked = checkManifest({ id: 'com.example.a', name: 'a', version: '1.0.0', ...given });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.manifest;
}

const unmet = (given: object, evidence: Evidence = EVIDENCE) => unmetCriteria(manifest(given), evidence);

describe('the criteria of a maturity level', () => {
  it('ask nothing of alpha, which is also what a silent manifest is', () => {
    expect(unmet({}, { files: [], readme: undefined })).toEqual([]);
    expect(unmet({ maturity: 'alpha' }, { files: [], readme: undefined })).toEqual([]);
  });

  it('are met by a package that meets them exactly', () => {
    expect(unmet(BETA)).toEqual([]);
    expect(unmet(STABLE)).toEqual([]);
    const folder = { files: ['README.md', 'examples/one.yaml'], readme: '# It' };
    expect(unmet({ ...STABLE, quality: { test_coverage: '80.1%', security_audit: 'full' } }, folder)).toEqual(
      [],
    );
  });

  it.each<[string, object, string]>([
    [
      'beta below half',
      { ...BETA, quality: { ...BETA.quality, test_coverage: 49.9 } },
      'beta needs test coverage (quality.test_coverage): expected at least 50 %, got 49.9 %',
    ],
    [
      'stable at 80',
      { ...STABLE, quality: { ...STABLE.quality, test_coverage: 80 } },
      'stable needs test coverage (quality.test_coverage): expected more than 80 %, got 80 %',
    ],
    ['beta without an audit', { ...BETA, quality: { test_coverage: 60 } }, 'got none'],
    [
      'stable with a review',
      { ...STABLE, quality: { test_coverage: 90, security_audit: 'review' } },
      'expected full, or the date of the audit, got review',
    ],
    [
      'stable with words for an audit',
      { ...STABLE, quality: { test_coverage: 90, security_audit: 'soon' } },
      'got none',
    ],
    [
      'beta with minimal documentation',
      { ...BETA, documentation: 'minimal' },
      'beta needs documentation: expected complete, got minimal',
    ],
    [
      'stable without examples',
      { ...STABLE, documentation: 'complete' },
      'stable needs documentation: expected examples, got complete',
    ],
    [
      'stable by the community',
      { ...STABLE, support: 'community' },
      'stable needs support: expected official, got community',
    ],
  ])('name the one that is not met: %s', (_name, given, message) => {
    expect(unmet(given)).toEqual([expect.stringContaining(message)]);
  });

  it('do not take the word for documentation that is not there', () => {
    expect(unmet(BETA, { files: [], readme: undefined })).toEqual([expect.stringContaining('README.md')]);
    expect(unmet(STABLE, { files: ['README.md'], readme: '# It' })).toEqual([
      expect.stringContaining('needs examples'),
    ]);
  });

  it('ask a deprecated package where to go from it', () => {
    expect(unmet({ maturity: 'deprecated' })).toEqual([expect.stringContaining('migration_guide')]);
    expect(unmet({ maturity: 'deprecated', migration_guide: 'MIGRATION.md' })).toHaveLength(1);
    expect(unmet({ maturity: 'deprecated', migration_guide: 'https://example.com/next' })).toEqual([]);
    const guide = { files: ['MIGRATION.md'], readme: undefined };
    expect(unmet({ maturity: 'deprecated', migration_guide: './MIGRATION.md#steps' }, guide)).toEqual([]);
  });
});
