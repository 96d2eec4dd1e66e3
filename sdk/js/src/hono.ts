import { count, isRefusal, responseOf, type CountOptions, type Counter, type Refusal, type UserOf } from './limit.js';

export type { Counter, CountOptions, Refusal, UserOf } from './limit.js';

export interface LimitOptions<C> extends CountOptions<C> {
  /** Answers a request that is not let through, in the place of the usual JSON. */
  onRefusal?: (refusal: Refusal, context: C) => Response | Promise<Response>;
}

/**
 * Counts each request for the user whose it is, and lets it through while the user's plan grants it:
 * `app.use('/generate', withLimit(dream, (c) => c.get('userId')))`. Behind it `c.get('usage')` is the usage.
 */
export function withLimit<C = any>(
  dream: Counter, user: UserOf<C>, options: LimitOptions<C> = {},
): (context: C, next: () => Promise<void>) => Promise<Response | void> {
  return async (context, next) => {
    const outcome = await count(dream, user, options, context);
    if (isRefusal(outcome)) return (options.onRefusal ?? responseOf)(outcome, context);
    (context as { set?: (name: string, value: unknown) => void }).set?.('usage', outcome);
    await next();
  };
}
