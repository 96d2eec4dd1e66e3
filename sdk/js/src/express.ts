import { count, isRefusal, type CountOptions, type Counter, type Refusal, type UserOf } from './limit.js';

export type { Counter, CountOptions, Refusal, UserOf } from './limit.js';

/** What is needed of a response of Express, or of Node's own server. */
export interface ResponseLike {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(text: string): unknown;
  locals?: Record<string, unknown>;
}

export interface LimitOptions<Req, Res> extends CountOptions<Req> {
  /** Answers a request that is not let through, in the place of the usual JSON. */
  onRefusal?: (refusal: Refusal, request: Req, response: Res) => unknown;
}

/**
 * Counts each request for the user whose it is, and lets it through while the user's plan grants it:
 * `app.post('/generate', withLimit(dream, (req) => req.user.id), generate)`. Behind it `res.locals.usage` is the usage.
 */
export function withLimit<Req = any, Res extends ResponseLike = ResponseLike>(
  dream: Counter, user: UserOf<Req>, options: LimitOptions<Req, Res> = {},
): (request: Req, response: Res, next: (problem?: any) => void) => Promise<void> {
  return async (request, response, next) => {
    let outcome;
    try {
      outcome = await count(dream, user, options, request);
      if (isRefusal(outcome)) {
        await (options.onRefusal ?? refuse)(outcome, request, response);
        return;
      }
    } catch (problem) { // of onRefusal or onError, which Express is to hear of
      next(problem);
      return;
    }
    if (response.locals) response.locals.usage = outcome;
    next();
  };
}

function refuse({ status, headers, body }: Refusal, _request: unknown, response: ResponseLike): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(JSON.stringify(body));
}
