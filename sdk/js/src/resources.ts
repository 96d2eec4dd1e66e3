import { pathOf, withAnswer, type Call, type Reply } from './http.js';
import { listOf, type List } from './list.js';
import type {
  Adjustment, Answered, CallOptions, Customer, CustomerFilter, CustomerUpdate, Granted, Invitation, NewCustomer, NewGrant, NewInvitation,
  NewlyInvited, OnceOptions, Tier,
} from './types.js';

export type Send = (call: Call) => Promise<Reply>;

/** The users of a platform whom the API knows. */
export class Customers {
  readonly #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  /** Makes a customer. A `ConflictError` with `customer_exists` says which customer it is already. */
  async create(customer: NewCustomer, options?: OnceOptions): Promise<Customer & Answered> {
    return this.#one({
      method: 'POST', path: '/api/customers', body: customer, once: true, idempotencyKey: options?.idempotencyKey, options,
    });
  }

  async get(id: string, options?: CallOptions): Promise<Customer & Answered> {
    return this.#one({ method: 'GET', path: pathOf('api', 'customers', id), options });
  }

  /** Changes a customer. It is not tried again once it may have arrived, as another change may have come in between. */
  async update(id: string, change: CustomerUpdate, options?: CallOptions): Promise<Customer & Answered> {
    return this.#one({ method: 'PATCH', path: pathOf('api', 'customers', id), body: change, options });
  }

  /**
   * Ends the membership, deletes what was counted and cancels the subscription at once. It is not tried again once it may
   * have arrived: a `NotFoundError` then says that it was carried out.
   */
  async delete(id: string, options?: CallOptions): Promise<{ id: string } & Answered> {
    const { body, answered } = await this.#send({ method: 'DELETE', path: pathOf('api', 'customers', id), options });
    return withAnswer(body.deleted, answered);
  }

  /** The customers, the newest first: `for await (const customer of dream.customers.list())`. */
  list(filter: CustomerFilter = {}): List<Customer> {
    const { email, plan, q, ...options } = filter;
    return listOf(this.#send, { method: 'GET', path: '/api/customers', query: { email, plan, q }, options });
  }

  /** All that is held of a customer. */
  async export(id: string, options?: CallOptions): Promise<Record<string, unknown> & Answered> {
    const { body, answered } = await this.#send({ method: 'GET', path: pathOf('api', 'customers', id, 'export'), options });
    return withAnswer(body, answered);
  }

  async #one(call: Call): Promise<Customer & Answered> {
    const { body, answered } = await this.#send(call);
    return withAnswer(body.customer, answered);
  }
}

/** The price list. */
export class Tiers {
  readonly #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  async list(options?: CallOptions): Promise<Tier[] & Answered> {
    const { body, answered } = await this.#send({ method: 'GET', path: '/api/tiers', options });
    return withAnswer(body.tiers, answered);
  }
}

/** Units that a user is given beyond what the plan grants. */
export class Grants {
  readonly #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  async create(grant: NewGrant, options?: OnceOptions): Promise<Granted & Answered> {
    const { body, answered } = await this.#send({
      method: 'POST', path: '/api/grants', body: grant, once: true, idempotencyKey: options?.idempotencyKey, options,
    });
    return withAnswer({ grant: body.grant, usage: body.usage }, answered);
  }

  /** What was granted to a user and given back, the latest first. */
  list(userId: string, options?: CallOptions): List<Adjustment> {
    return listOf(this.#send, { method: 'GET', path: '/api/adjustments', query: { userId }, options });
  }
}

/** Invitations let one address each sign up, once. */
export class Invitations {
  readonly #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  /** Invites an address. `url` is the link to send. */
  async create(invitation: NewInvitation, options?: OnceOptions): Promise<NewlyInvited & Answered> {
    const made = await this.#create(invitation, options);
    if (made.url !== null || options?.idempotencyKey !== undefined) return made;
    // The answer with the link was lost, and the link is told once. Nobody has it, so another invitation takes its place.
    await this.revoke(made.id, options);
    return this.#create(invitation, options);
  }

  async #create(invitation: NewInvitation, options?: OnceOptions): Promise<NewlyInvited & Answered> {
    const { body, answered } = await this.#send({
      method: 'POST', path: '/api/invitations', body: invitation, once: true, idempotencyKey: options?.idempotencyKey, options,
    });
    return withAnswer({ ...body.invitation, url: body.url ?? null }, answered);
  }

  /** The invitations, the newest first. */
  list(options?: CallOptions): List<Invitation> {
    return listOf(this.#send, { method: 'GET', path: '/api/invitations', options });
  }

  /** Takes an invitation back that was not accepted. */
  async revoke(id: string, options?: CallOptions): Promise<Invitation & Answered> {
    const { body, answered } = await this.#send({ method: 'DELETE', path: pathOf('api', 'invitations', id), repeatable: true, options });
    return withAnswer(body.invitation, answered);
  }
}
