import type { QueryResult } from '../query.js';
import type { Question } from './messages.js';

/** What a process asks. */
export interface Session {
  /** @param text parameters as a JSON list, or the answer in which the rows are */
  answer(question: Question, text: string): QueryResult | Promise<QueryResult>;
}
