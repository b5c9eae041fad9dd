import type { Client } from '@grpc/grpc-js';
import { StdioData, StdioData_Channel, StdioEmpty } from '@bulkhead/proto/plugin';
import type { FloodMeter } from './flood/flood-meter.js';
import { LineSplitter } from './line-splitter.js';
import { MAX_LINE_BYTES, type PluginLog } from './plugin-log.js';
import { readAnswer } from './read-message.js';

const STREAM_PATH = '/plugin.GRPCStdio/StreamStdio';

/**
 * Reads what a plugin made with go-plugin prints: after the handshake that library takes stdout and stderr for
 * itself and gives them out here only, and a plugin whose output nobody takes stands still once its pipe is full.
 * A plugin that does not serve the stream loses nothing: its pipes are read anyway.
 */
export function followGoStdio(client: Client, log: PluginLog, meter: FloodMeter): void {
  const stdout = new LineSplitter(MAX_LINE_BYTES, (line, total) => {
    log.line('stdout', line, total);
  });
  const stderr = new LineSplitter(MAX_LINE_BYTES, (line, total) => {
    log.line('stderr', line, total);
  });
  const stream = client.makeServerStreamRequest(
    STREAM_PATH,
    (message: StdioEmpty) => Buffer.from(StdioEmpty.encode(message).finish()),
    (bytes) => {
      meter.received(bytes.length);
      return readAnswer(StdioData, bytes);
    },
    {},
  );
  stream.on('data', (data: StdioData) => {
    const splitter = data.channel === StdioData_Channel.STDERR ? stderr : stdout;
    splitter.write(Buffer.from(data.data.buffer, data.data.byteOffset, data.data.byteLength));
  });
  // Not served, or the plugin is gone: neither is news.
  stream.on('error', () => {});
  stream.on('close', () => {
    stdout.end();
    stderr.end();
  });
}
