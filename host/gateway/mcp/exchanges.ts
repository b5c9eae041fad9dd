import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@bulkhead/proto/json';
import type { Clock } from '../../clock.js';
import type { Caller } from '../../upstream/caller.js';
import { RpcCode, RpcError } from '../../upstream/rpc-error.js';
import { resultOf } from './asked-of-client.js';

/** One HTTP request of an exchange: the first, or a retry with the answers that were asked for. */
export interface Leg {
  readonly signal: AbortSignal;
  /** Runs before a question is put to this client; throws when it cannot be asked. */
  readonly assertCan: (method: string) => void;
  /** Tells this client something on the way to the answer. */
  readonly notify: Caller['notify'];
}

/** A call that outlives its HTTP request while the client is asked something. */
interface Exchange {
  readonly abort: AbortController;
  readonly result: Promise<JsonObject>;
  readonly principal: string;
  readonly method: string;
  leg: Leg;
  question:
    | {
        readonly method: string;
        readonly params: JsonObject | undefined;
        readonly answer: (value: unknown) => void;
      }
    | undefined;
  /** Settles when there is a question. */
  asked: PromiseWithResolvers<void>;
  cancelExpiry: () => void;
}

/** How long a client may take to answer what it was asked. */
const ANSWER_WITHIN_MS = 10 * 60_000;
const MAX_PARKED = 1_000;
const KEY = 'request';

/**
 * The newer protocol has no requests from server to client: a call that needs an answer ends with `input_required`,
 * and the client repeats it with the answer. The upstream's call waits here meanwhile.
 */
export interface Exchanges {
  begin(
    method: string,
    principal: string,
    leg: Leg,
    run: (caller: Caller, signal: AbortSignal) => Promise<JsonObject>,
  ): Promise<JsonObject>;
  /** @throws RpcError -32602 when nothing waits under that state for this principal */
  resume(state: string, method: string, principal: string, leg: Leg, answers: unknown): Promise<JsonObject>;
  /** Gives up all that wait. */
  close(): void;
}

export function createExchanges(clock: Clock): Exchanges {
  const parked = new Map<string, Exchange>();

  function callerOf(exchange: () => Exchange, key: string): Caller {
    return {
      key,
      notify(method, params) {
        exchange().leg.notify(method, params);
      },
      async request(method, params, signal) {
        const current = exchange();
        current.leg.assertCan(method);
        if (current.question !== undefined) {
          throw new RpcError(
            RpcCode.INTERNAL_ERROR,
            `${method}: the client is being asked something else at the moment`,
          );
        }
        const answer = Promise.withResolvers<unknown>();
        const cancelled = (): void => {
          answer.reject(new RpcError(RpcCode.INTERNAL_ERROR, `${method}: the request was cancelled`));
        };
        signal.addEventListener('abort', cancelled, { once: true });
        current.abort.signal.addEventListener('abort', cancelled, { once: true });
        current.question = { method, params, answer: answer.resolve };
        current.asked.resolve();
        try {
          return resultOf(await answer.promise);
        } finally {
          current.question = undefined;
          signal.removeEventListener('abort', cancelled);
          current.abort.signal.removeEventListener('abort', cancelled);
        }
      },
    };
  }

  /** Until there is a result, or a question to hand to the client. */
  async function follow(exchange: Exchange, leg: Leg): Promise<JsonObject> {
    exchange.leg = leg;
    const onAbort = (): void => {
      exchange.abort.abort(leg.signal.reason);
    };
    leg.signal.addEventListener('abort', onAbort, { once: true });
    try {
      const question = exchange.asked.promise.then(() => undefined);
      const result = await Promise.race([exchange.result, question]);
      if (result !== undefined) return result;
      return park(exchange);
    } finally {
      leg.signal.removeEventListener('abort', onAbort);
    }
  }

  function park(exchange: Exchange): JsonObject {
    const { question } = exchange;
    exchange.asked = Promise.withResolvers();
    if (question === undefined || parked.size >= MAX_PARKED) {
      exchange.abort.abort('too many calls wait for their clients');
      throw new RpcError(RpcCode.INTERNAL_ERROR, 'too many calls wait for their clients; try again later');
    }
    const state = randomBytes(24).toString('base64url');
    parked.set(state, exchange);
    exchange.cancelExpiry = clock.after(ANSWER_WITHIN_MS, () => {
      parked.delete(state);
      exchange.abort.abort('the client did not answer in time');
    });
    const { method, params } = question;
    const embedded: JsonObject = { method, ...(params === undefined ? {} : { params }) };
    return { resultType: 'input_required', inputRequests: { [KEY]: embedded }, requestState: state };
  }

  return {
    begin(method, principal, leg, run) {
      const abort = new AbortController();
      const holder: { exchange?: Exchange } = {};
      const caller = callerOf(
        () => {
          if (holder.exchange === undefined)
            throw new RpcError(RpcCode.INTERNAL_ERROR, 'the call has not begun');
          return holder.exchange;
        },
        `exchange-${randomBytes(9).toString('base64url')}`,
      );
      const exchange: Exchange = {
        abort,
        principal,
        method,
        leg,
        question: undefined,
        asked: Promise.withResolvers(),
        cancelExpiry: () => {},
        result: Promise.resolve().then(() => run(caller, abort.signal)),
      };
      holder.exchange = exchange;
      // While it waits for the client nobody listens for its end.
      exchange.result.catch(() => {});
      return follow(exchange, leg);
    },
    resume(state, method, principal, leg, answers) {
      const exchange = parked.get(state);
      if (exchange === undefined || exchange.principal !== principal || exchange.method !== method) {
        return Promise.reject(
          new RpcError(
            RpcCode.INVALID_PARAMS,
            'requestState is unknown or has expired; call again without it',
          ),
        );
      }
      parked.delete(state);
      exchange.cancelExpiry();
      const answer: unknown =
        typeof answers === 'object' && answers !== null ? Reflect.get(answers, KEY) : undefined;
      const { question } = exchange;
      exchange.leg = leg;
      question?.answer(answer);
      exchange.question = undefined;
      return follow(exchange, leg);
    },
    close() {
      for (const exchange of parked.values()) {
        exchange.cancelExpiry();
        exchange.abort.abort('the gateway is going down');
      }
      parked.clear();
    },
  };
}
