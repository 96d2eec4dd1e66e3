import { count, isRefusal, responseOf, type CountOptions, type Counter, type Refusal, type UserOf } from './limit.js';
import type { Usage } from './types.js';

export type { Counter, CountOptions, Refusal, UserOf } from './limit.js';

export interface LimitOptions<Req> extends CountOptions<Req> {
  /** Answers a request that is not let through, in the place of the usual JSON. */
  onRefusal?: (refusal: Refusal, request: Req) => Response | Promise<Response>;
}

/**
 * A route handler that counts each request for the user whose it is, and is called while the user's plan grants it:
 * `export const POST = withLimit(dream, userOf, async (request) => Response.json(…))`. Its third argument is the usage.
 */
export function withLimit<Req extends Request = Request, Context = unknown>(
  dream: Counter, user: UserOf<Req>, handler: (request: Req, context: Context, usage: Usage) => Response | Promise<Response>,
  options: LimitOptions<Req> = {},
): (request: Req, context: Context) => Promise<Response> {
  return async (request, context) => {
    const outcome = await count(dream, user, options, request);
    if (isRefusal(outcome)) return (options.onRefusal ?? responseOf)(outcome, request);
    return handler(request, context, outcome);
  };
}
