import type { MethodDefinition } from '@grpc/grpc-js';
import { InvokeRequest, InvokeResponse } from '@bulkhead/proto/plugin';

export const invokeMethod: MethodDefinition<InvokeRequest, InvokeResponse> = {
  path: '/bench.Naive/Invoke',
  requestStream: false,
  responseStream: false,
  requestSerialize: (message) => Buffer.from(InvokeRequest.encode(message).finish()),
  requestDeserialize: (bytes) => InvokeRequest.decode(bytes),
  responseSerialize: (message) => Buffer.from(InvokeResponse.encode(message).finish()),
  responseDeserialize: (bytes) => InvokeResponse.decode(bytes),
};
