export { Dream } from './client.js';
export type { DreamOptions, Track, User } from './client.js';
export { errorCodes } from './codes.js';
export type { ErrorCode } from './codes.js';
export {
  AuthenticationError, ConflictError, ConnectionError, DreamError, InvalidRequestError, NotFoundError, PermissionError, RateLimitError,
  ServerError, TierLimitError, TimeoutError, TokenError, UsageError,
} from './errors.js';
export type { Fault } from './errors.js';
export type { List, Page } from './list.js';
export type { Customers, Grants, Invitations, Tiers } from './resources.js';
export type { Sessions } from './sessions.js';
export * from './types.js'; // types alone; older compilers do not know export type *
export { version } from './version.js';
