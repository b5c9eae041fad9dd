import { connectDirect, connectThroughGateway } from '../gateway.ts';
import { median, openLoop, type Sample } from '../measure.ts';
import { round1, type BenchPart } from './part.ts';

/** Calls a second for the open loop: well under what either side can do, so that a queue is the exception. */
const PER_SECOND = 200;

/** MCP tool calls, straight and through the gateway. */
export const gatewayPart: BenchPart = {
  names: ['gateway'],
  async run({ rounds, sliceMs }) {
    const direct = await connectDirect();
    const through = await connectThroughGateway();
    const pairs: { readonly direct: Sample; readonly through: Sample }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      for (const subject of [direct, through]) await openLoop(subject, PER_SECOND, sliceMs / 2);
      pairs.push({
        direct: await openLoop(direct, PER_SECOND, sliceMs * 2),
        through: await openLoop(through, PER_SECOND, sliceMs * 2),
      });
    }
    await direct.close();
    await through.close();
    const figures = {
      gateway_direct_p50_us: median(pairs.map((pair) => pair.direct.p50Us)),
      gateway_through_p50_us: median(pairs.map((pair) => pair.through.p50Us)),
      gateway_added_p50_us: round1(median(pairs.map((pair) => pair.through.p50Us - pair.direct.p50Us))),
    };
    return {
      figures,
      lines: [
        `MCP tool call, open loop at ${PER_SECOND}/s: direct over stdio p50 ${figures.gateway_direct_p50_us} µs, ` +
          `through the gateway ${figures.gateway_through_p50_us} µs, added ${figures.gateway_added_p50_us} µs`,
      ],
    };
  },
};
