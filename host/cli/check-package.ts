import { checkCompat } from '../manifest/compat.js';
import { checkPluginDirectory } from '../manifest/check-directory.js';
import { HOST_VERSION } from '../version.js';
import type { PackageReport } from './package-report.js';

/** Checks a package as far as that goes without running it: manifest, entry, assets, schemas, compatibility. */
export async function checkPackage(directory: string): Promise<PackageReport> {
  const { loaded, problems, notices } = await checkPluginDirectory(directory);
  const report = { directory, notices: notices.map(({ code, message }) => `${code}: ${message}`) };
  if (loaded === undefined) return { ...report, name: '(unknown)', checked: ['manifest'], problems };
  const { manifest, file } = loaded;
  const versions = { app: HOST_VERSION, node: process.versions.node };
  const incompatible = checkCompat(manifest, versions).map(({ code, message, keys }) => ({
    code,
    message,
    path: keys.join('.'),
    file,
  }));
  return {
    ...report,
    name: manifest.id,
    checked: ['manifest', 'entry inside the package', 'assets', 'schemas', 'compatibility'],
    problems: [...problems, ...incompatible],
  };
}
