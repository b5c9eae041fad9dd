import type { ServerOptions } from '@grpc/grpc-js';

/** Largest message of one RPC; the host's own limit is smaller and is the one that users meet. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const MAX_METADATA_BYTES = 64 * 1024;
const MAX_STREAMS = 4_096;

/** The limits of every server of a plugin. */
export const SERVER_OPTIONS: ServerOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_metadata_size': MAX_METADATA_BYTES,
  'grpc.max_concurrent_streams': MAX_STREAMS,
};
