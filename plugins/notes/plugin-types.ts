// In a package of its own `bulkhead types` writes these from the manifest, into plugin.gen.d.ts. Here several plugins are
// compiled together, so each names its own.

export interface NotesConfig {
  readonly keep_days: number;
  readonly listed: number;
}

export interface NotesTypes {
  readonly tools: {
    readonly save_note: {
      readonly input: { readonly text: string; readonly tags?: readonly string[] };
      readonly output: { readonly id: number };
    };
  };
  readonly commands: {
    readonly notes: { readonly input: { readonly tag?: string }; readonly output: string };
  };
  readonly rpc: Readonly<Record<string, never>>;
}
