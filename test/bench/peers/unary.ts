import { Client, credentials } from '@grpc/grpc-js';
import { InvokeRequest, type InvokeResponse } from '@bulkhead/proto/plugin';
import type { Subject } from '../measure.ts';
import { payload } from '../payload.ts';
import { startPeer } from './child.ts';
import { invokeMethod } from './unary-method.ts';

/** Naive unary gRPC with grpc-js over a Unix socket: one HTTP/2 stream per call. */
export async function connectUnary(): Promise<Subject> {
  const peer = await startPeer('unary-server.ts');
  const client = new Client(`unix:${peer.socket}`, credentials.createInsecure());
  return {
    call: async () =>
      new Promise<InvokeResponse>((resolve, reject) => {
        const request = InvokeRequest.fromPartial({
          hook: 'tool_pre_invoke',
          payload: Buffer.from(JSON.stringify(payload)),
          context: { requestId: 'r' },
        });
        client.makeUnaryRequest(
          invokeMethod.path,
          invokeMethod.requestSerialize,
          invokeMethod.responseDeserialize,
          request,
          (error, response) => {
            if (error !== null) reject(error);
            else if (response === undefined) reject(new Error('no response'));
            else resolve(response);
          },
        );
      }),
    async close() {
      client.close();
      await peer.stop();
    },
  };
}
