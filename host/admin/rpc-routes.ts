import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isDeeperThan, MAX_JSON_DEPTH, parseJson, stringifyJson } from '@bulkhead/proto/json';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { PluginRpc } from '../contributions/rpc.js';
import type { RoleCheck } from './role-check.js';
import type { ApiCaller } from './roles.js';

export interface RpcRoutesOptions {
  readonly rpc: PluginRpc;
  /** Who asks. @throws UNAUTHENTICATED */
  readonly authenticate: (request: FastifyRequest) => ApiCaller | Promise<ApiCaller>;
  readonly checkRole: RoleCheck;
}

type Named = { Params: { plugin: string; method: string } };

const MAX_INPUT_BYTES = 4 * 1024 * 1024;

/** `POST /plugin/<id>/rpc/<method>`: input and output are JSON, each as it was written; no body is `null`. */
export function addPluginRpc(app: FastifyInstance, { rpc, authenticate, checkRole }: RpcRoutesOptions): void {
  app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, parsed) => {
      parsed(null, text);
    });
    scope.addHook('onRequest', async (request) => {
      request.caller = await authenticate(request);
    });
    scope.post<Named>(
      '/plugin/:plugin/rpc/:method',
      { bodyLimit: MAX_INPUT_BYTES },
      async (request, reply) => {
        const { params, body, caller } = request;
        const method = rpc.find(params.plugin, params.method);
        checkRole(request, caller, method.declared.minRole);
        const gone = new AbortController();
        reply.raw.once('close', () => {
          gone.abort('the answer is out, or the caller is gone');
        });
        const output = await method.call(inputOf(body), caller, gone.signal);
        return reply.type('application/json; charset=utf-8').send(output);
      },
    );
    done();
  });
}

function inputOf(body: unknown): string {
  if (typeof body !== 'string' || body === '') return 'null';
  if (isDeeperThan(body, MAX_JSON_DEPTH)) {
    throw new BulkheadError(
      ErrorCode.INVALID_ARGUMENT,
      `the input nests deeper than ${String(MAX_JSON_DEPTH)} levels`,
    );
  }
  try {
    return stringifyJson(parseJson(body));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BulkheadError(ErrorCode.INVALID_ARGUMENT, `the body is not JSON: ${why}`);
  }
}
