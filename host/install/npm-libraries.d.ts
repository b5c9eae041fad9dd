// npm's own libraries carry no types. This is what is used of them, and no more.

declare module '@npmcli/config/lib/definitions/index.js' {
  const parts: {
    readonly definitions: object;
    readonly shorthands: object;
    readonly flatten: object;
    readonly nerfDarts: readonly string[];
  };
  export default parts;
}

declare module '@npmcli/config' {
  export default class Config {
    constructor(options: {
      readonly npmPath: string;
      readonly definitions: object;
      readonly shorthands: object;
      readonly flatten: object;
      readonly nerfDarts: readonly string[];
      readonly argv: readonly string[];
      readonly env: Record<string, string | undefined>;
      readonly cwd: string;
      readonly warn: boolean;
    });
    load(): Promise<void>;
    /** Every setting under the name that npm's libraries give it. */
    readonly flat: Readonly<Record<string, unknown>>;
    get(key: string): unknown;
  }
}

declare module 'npm-packlist' {
  /** The files that `npm pack` would take, relative, with forward slashes. */
  export default function packlist(tree: {
    readonly path: string;
    readonly package: object;
    readonly isProjectRoot: boolean;
    readonly edgesOut: ReadonlyMap<string, unknown>;
  }): Promise<string[]>;
}

declare module 'pacote' {
  type Options = Readonly<Record<string, unknown>>;
  const pacote: {
    manifest(
      spec: string,
      options: Options,
    ): Promise<{
      readonly name: string;
      readonly version: string;
      readonly dist?: { readonly integrity?: string };
      readonly _npmUser?: { readonly name?: string };
    }>;
    extract(spec: string, directory: string, options: Options): Promise<unknown>;
    readonly tarball: {
      file(spec: string, file: string, options: Options): Promise<unknown>;
    };
  };
  export default pacote;
}
