import { besidePart } from './beside.ts';
import { gatewayPart } from './gateway.ts';
import { hammeredPart } from './hammered.ts';
import { installPart, verifyPart } from './install.ts';
import { killedPart } from './killed.ts';
import type { BenchPart } from './part.ts';
import { scenariosPart } from './scenarios.ts';
import { startPart } from './start.ts';

/** All that is measured, in the order in which it is. */
export const PARTS: readonly BenchPart[] = [
  scenariosPart,
  hammeredPart,
  installPart,
  verifyPart,
  startPart,
  besidePart,
  gatewayPart,
  killedPart,
];
