/** Bundles the runner. Default: into dist/bin.cjs. */
export declare function buildRunner(outfile?: string): Promise<void>;
