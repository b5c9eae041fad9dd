import { measureSecondInstall, measureVerification, TREE_FILES } from '../install.ts';
import { round1, round2, type BenchPart } from './part.ts';

/** Installing what is there already, and the disk that plugins share. */
export const installPart: BenchPart = {
  names: ['install'],
  async run({ rounds }) {
    const again = await measureSecondInstall(rounds);
    const figures = {
      install_again_ms: round1(again.installMs),
      install_again_beyond_node_ms: round1(again.installMs - again.nodeMs),
      install_folder_again_beyond_node_ms: round1(again.folderMs - again.nodeMs),
      disk_ten_over_one: round2(again.tenOverOne),
    };
    return {
      figures,
      lines: [
        `second install of an unchanged plugin: ${figures.install_again_ms} ms, ` +
          `${figures.install_again_beyond_node_ms} ms beyond the start of Node; ` +
          `of an unchanged folder: ${figures.install_folder_again_beyond_node_ms} ms beyond it`,
        `disk of ten plugins that share dependencies: ${figures.disk_ten_over_one} × that of one`,
      ],
    };
  },
};

/** Verifying an installed tree, as before each start. */
export const verifyPart: BenchPart = {
  names: ['verify'],
  async run({ rounds }) {
    const verification = await measureVerification(rounds);
    const figures = {
      verify_unchanged_ms: round1(verification.unchangedMs),
      verify_unchanged_first_ms: round1(verification.unchangedFirstMs),
      verify_hash_100mb_ms: round1(verification.hashMsPer100Mb),
    };
    return {
      figures,
      lines: [
        `verifying an unchanged tree of ${TREE_FILES} files: ${figures.verify_unchanged_ms} ms, ` +
          `${figures.verify_unchanged_first_ms} ms as a thread's first; from nothing: ${figures.verify_hash_100mb_ms} ms for 100 MB`,
      ],
    };
  },
};
