import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import type { InvokeRequest, InvokeResponse } from '@bulkhead/proto/plugin';
import { invokeMethod } from './unary-method.ts';

// What one writes first: a plain unary service.
const server = new Server();
server.addService(
  { invoke: invokeMethod },
  {
    invoke: (
      _call: ServerUnaryCall<InvokeRequest, InvokeResponse>,
      callback: sendUnaryData<InvokeResponse>,
    ) => {
      callback(null, {
        decision: 0,
        changed: [],
        payload: Buffer.alloc(0),
        violation: undefined,
        state: {},
        shared: {},
        metadata: {},
      });
    },
  },
);
server.bindAsync(`unix:${process.argv[2] ?? ''}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
  process.stdout.write('listening\n');
});
