export type { CallOptions } from './call-options.js';
