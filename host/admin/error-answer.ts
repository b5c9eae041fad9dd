import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import type { FastifyInstance } from 'fastify';

/** How the control plane tells of an error. */
export interface ErrorAnswer {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly problems: readonly Problem[];
  };
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  [ErrorCode.PLUGIN_NOT_FOUND]: 404,
  [ErrorCode.USAGE]: 400,
  [ErrorCode.HOST_NOT_ALLOWED]: 403,
  [ErrorCode.ORIGIN_NOT_ALLOWED]: 403,
  [ErrorCode.SHUTTING_DOWN]: 503,
  [ErrorCode.INTERNAL]: 500,
};

/** What a valid request could not have done now. */
const CONFLICT = 409;

/** Answers every error, wrong paths and wrong parameters too, in one shape. */
export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler(async (thrown, _request, reply) => {
    const error = isValidation(thrown)
      ? new BulkheadError(ErrorCode.USAGE, thrown.message)
      : BulkheadError.from(thrown);
    await reply.code(STATUS[error.code] ?? CONFLICT).send(toErrorAnswer(error));
  });
  app.setNotFoundHandler(async (request, reply) => {
    const error = new BulkheadError(
      ErrorCode.USAGE,
      `Nothing answers ${request.method} ${request.url} here.`,
    );
    await reply.code(404).send(toErrorAnswer(error));
  });
}

function toErrorAnswer({ code, message, problems }: BulkheadError): ErrorAnswer {
  return { error: { code, message, problems } };
}

function isValidation(thrown: unknown): thrown is Error {
  return thrown instanceof Error && 'statusCode' in thrown && thrown.statusCode === 400;
}
