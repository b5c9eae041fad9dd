import type { Manifest } from '../../manifest/manifest.js';

/** What a package shows for its level, besides its manifest. */
export interface Evidence {
  /** Files of the package, relative, with forward slashes. */
  readonly files: readonly string[];
  /** Text of README.md; undefined when the package has none. */
  readonly readme: string | undefined;
}

type Audit = 'none' | 'review' | 'full';
type Documentation = 'none' | 'minimal' | 'complete' | 'examples';

interface Criteria {
  /** Percent. */
  readonly coverage: { readonly from: number; readonly inclusive: boolean };
  readonly audit: Audit;
  readonly documentation: Documentation;
  readonly support: 'community' | 'official';
}

/** The criteria of each level. Source: the maturity model of reference 001. */
const CRITERIA: Readonly<Record<'alpha' | 'beta' | 'stable', Criteria>> = {
  alpha: {
    coverage: { from: 0, inclusive: true },
    audit: 'none',
    documentation: 'none',
    support: 'community',
  },
  beta: {
    coverage: { from: 50, inclusive: true },
    audit: 'review',
    documentation: 'complete',
    support: 'community',
  },
  stable: {
    coverage: { from: 80, inclusive: false },
    audit: 'full',
    documentation: 'examples',
    support: 'official',
  },
};

const AUDITS: readonly Audit[] = ['none', 'review', 'full'];
const DOCUMENTATION: readonly Documentation[] = ['none', 'minimal', 'complete', 'examples'];

/** Why a package is not of the level that its manifest says; empty when it is. One line a criterion. */
export function unmetCriteria(manifest: Manifest, evidence: Evidence): readonly string[] {
  const level = manifest.maturity ?? 'alpha';
  if (level === 'deprecated') return unmetDeprecation(manifest, evidence);
  const { coverage, audit, documentation, support } = CRITERIA[level];
  const given = claims(manifest);
  const unmet: string[] = [];
  const need = (criterion: string, expected: string, got: string): void => {
    unmet.push(`${level} needs ${criterion}: expected ${expected}, got ${got}`);
  };
  const covered = coverage.inclusive ? given.coverage >= coverage.from : given.coverage > coverage.from;
  if (!covered) {
    const bound = `${coverage.inclusive ? 'at least' : 'more than'} ${coverage.from} %`;
    need('test coverage (quality.test_coverage)', bound, `${given.coverage} %`);
  }
  if (AUDITS.indexOf(given.audit) < AUDITS.indexOf(audit)) {
    const wanted =
      audit === 'full' ? 'full, or the date of the audit' : 'review, full, or the date of the audit';
    need('a security audit (quality.security_audit)', wanted, given.audit);
  }
  if (DOCUMENTATION.indexOf(given.documentation) < DOCUMENTATION.indexOf(documentation)) {
    need('documentation', documentation, given.documentation);
  }
  if (documentation !== 'none' && evidence.readme === undefined)
    need('documentation', 'a README.md in the package', 'none');
  else if (documentation === 'examples' && !showsExamples(evidence)) {
    need('examples', 'a piece of code in README.md, or a folder examples/ in the package', 'neither');
  }
  if (support === 'official' && given.support !== 'official') need('support', support, given.support);
  return unmet;
}

function claims(manifest: Manifest) {
  const { quality, source } = manifest;
  return {
    coverage: quality?.testCoverage ?? 0,
    audit: auditOf(quality?.securityAudit),
    documentation: DOCUMENTATION.find((each) => each === source['documentation']) ?? 'none',
    support: source['support'] === 'official' ? ('official' as const) : ('community' as const),
  };
}

/** A date says that the audit was done. */
function auditOf(written: string | undefined): Audit {
  if (written === undefined) return 'none';
  const named = AUDITS.find((each) => each === written.trim().toLowerCase());
  return named ?? (/^\d{4}-\d{2}-\d{2}/.test(written.trim()) ? 'full' : 'none');
}

function showsExamples({ files, readme }: Evidence): boolean {
  return /^```/m.test(readme ?? '') || files.some((file) => file.startsWith('examples/'));
}

function unmetDeprecation({ source }: Manifest, { files }: Evidence): readonly string[] {
  const guide = source['migration_guide'];
  if (typeof guide !== 'string' || guide === '') {
    return ['deprecated needs migration_guide: expected a path in the package or an address, got none'];
  }
  const isAddress = /^https?:\/\//.test(guide);
  const path = guide.replace(/^\.\//, '').replace(/#.*$/, '');
  return isAddress || files.includes(path)
    ? []
    : [`deprecated needs migration_guide: expected a file of the package or an address, got '${guide}'`];
}
