import { withAnswer, type Call, type Reply } from './http.js';
import type { Answered } from './types.js';

/** A page of a list. */
export interface Page<T> extends Answered {
  data: (T & Answered)[];
  hasMore: boolean;
  nextCursor: string | null;
}

/** A list: `for await` goes through all of it, a hundred to a request; `page` gets one page. */
export interface List<T> extends AsyncIterable<T & Answered> {
  page(options?: { limit?: number; cursor?: string | null }): Promise<Page<T>>;
}

export function listOf<T extends object>(send: (call: Call) => Promise<Reply>, call: Call): List<T> {
  const page = async ({ limit = 100, cursor }: { limit?: number; cursor?: string | null } = {}): Promise<Page<T>> => {
    const { body, answered } = await send({ ...call, query: { ...call.query, limit, cursor: cursor ?? undefined } });
    for (const one of body.data) withAnswer(one, answered);
    return withAnswer(body, answered);
  };
  return {
    page,
    async *[Symbol.asyncIterator]() {
      for (let cursor: string | null = null; ;) {
        const got: Page<T> = await page({ cursor });
        yield* got.data;
        if (!got.hasMore || got.nextCursor === null) return;
        cursor = got.nextCursor;
      }
    },
  };
}
