import { testInside } from './inside.test-support.js';

await testInside('short');
