import type { StoreOfTest } from '../../host/store/each-store.test-support.js';

/** A daemon's configuration on an engine; nothing but `store.url` differs. */
export async function configOn(the: StoreOfTest, config: string): Promise<string> {
  const options = await the.options();
  return 'url' in options ? `${config}store: { url: ${JSON.stringify(options.url)} }\n` : config;
}
