import { testInside } from './inside.test-support.js';

// The same, behind both walls, and as root too.
await testInside('long');
