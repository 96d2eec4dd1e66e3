-- +goose Up
-- End users sign in on our pages: how the pages look, who may come, and the sessions that come of it.

-- How a platform's pages look, and whom they let in.
CREATE TABLE tenant.sign_in (
    platform_id       text PRIMARY KEY REFERENCES platform.platforms (id),
    product_name      text NOT NULL DEFAULT '',
    logo              bytea,
    color             text CHECK (color ~ '^#[0-9a-f]{6}$'),
    home_url          text,
    terms_url         text,
    privacy_url       text,
    support_url       text,
    sign_up           text NOT NULL DEFAULT 'open' CHECK (sign_up IN ('open', 'invitation', 'closed')),
    email_domains     text[] NOT NULL DEFAULT '{}',
    sign_ups_per_hour integer NOT NULL DEFAULT 200 CHECK (sign_ups_per_hour > 0),
    plan              text,
    CONSTRAINT sign_in_plan_fkey FOREIGN KEY (platform_id, plan) REFERENCES tenant.tiers (platform_id, name)
);
COMMENT ON COLUMN tenant.sign_in.logo IS 'a PNG, as we encoded it';
COMMENT ON COLUMN tenant.sign_in.email_domains IS 'whose addresses alone may sign up; none: all';
COMMENT ON COLUMN tenant.sign_in.plan IS 'of those who sign up; NULL: whatever the default tier is';

INSERT INTO tenant.sign_in (platform_id, product_name)
    SELECT p.id, trim(left(regexp_replace(j.name, '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufffd]', '', 'g'), 60))
    FROM platform.platforms p JOIN platform.projects j ON j.id = p.project_id;

-- What a browser brings back to the developer's product, to be traded for a session. Only the SHA-256 is kept.
CREATE TABLE tenant.sign_in_codes (
    platform_id      text NOT NULL,
    hash             bytea NOT NULL,
    customer_id      text NOT NULL,
    redirect_url     text NOT NULL,
    code_challenge   text,
    publishable_key  text NOT NULL,
    clerk_session_id text NOT NULL,
    authenticated_at timestamptz NOT NULL,
    user_agent       text NOT NULL,
    expires_at       timestamptz NOT NULL,
    session_id       text,
    PRIMARY KEY (platform_id, hash),
    FOREIGN KEY (platform_id, customer_id) REFERENCES tenant.customers (platform_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN tenant.sign_in_codes.session_id IS 'for which it was traded';
CREATE INDEX ON tenant.sign_in_codes (platform_id, customer_id);

-- Where a customer is signed in: in the developer's product (kind 'product', which renews its tokens), or on our own
-- pages (kind 'page', by a cookie, of which the SHA-256 is kept).
CREATE TABLE tenant.sessions (
    platform_id      text NOT NULL,
    id               text NOT NULL,
    customer_id      text NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('product', 'page')),
    hash             bytea,
    generation       integer NOT NULL DEFAULT 0,
    retry_hash       bytea,
    token_until      timestamptz,
    publishable_key  text NOT NULL,
    clerk_session_id text NOT NULL,
    authenticated_at timestamptz NOT NULL,
    user_agent       text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT dreamapi.now(),
    seen_at          timestamptz NOT NULL DEFAULT dreamapi.now(),
    expires_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    end_reason       text CHECK (end_reason IN ('signed_out', 'ended_by_developer', 'reuse', 'code_reuse', 'clerk')),
    PRIMARY KEY (platform_id, id),
    CONSTRAINT a_page_has_a_cookie CHECK ((kind = 'page') = (hash IS NOT NULL)),
    FOREIGN KEY (platform_id, customer_id) REFERENCES tenant.customers (platform_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN tenant.sessions.generation IS 'of the refresh token that is good; those before it were used';
COMMENT ON COLUMN tenant.sessions.retry_hash IS 'of the idempotency key with which that token was asked for';
COMMENT ON COLUMN tenant.sessions.token_until IS 'when the last token of the session expires, by the clock of the world';
CREATE INDEX ON tenant.sessions (platform_id, customer_id, id);
CREATE UNIQUE INDEX sessions_cookie_key ON tenant.sessions (platform_id, hash) WHERE hash IS NOT NULL;

CREATE TABLE tenant.invitations (
    platform_id text NOT NULL REFERENCES platform.platforms (id),
    id          text NOT NULL,
    email       text NOT NULL,
    plan        text,
    hash        bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT dreamapi.now(),
    expires_at  timestamptz NOT NULL,
    accepted_at timestamptz,
    accepted_by text,
    revoked_at  timestamptz,
    PRIMARY KEY (platform_id, id),
    CONSTRAINT invitations_hash_key UNIQUE (platform_id, hash),
    CONSTRAINT invitations_plan_fkey FOREIGN KEY (platform_id, plan) REFERENCES tenant.tiers (platform_id, name)
);

-- How many signed up in an hour: on the platform (source ''), and from each address, of which an HMAC is kept.
CREATE TABLE tenant.sign_ups (
    platform_id text NOT NULL REFERENCES platform.platforms (id),
    hour        timestamptz NOT NULL,
    source      text NOT NULL,
    count       integer NOT NULL,
    PRIMARY KEY (platform_id, hour, source)
);

-- Sessions at Clerk that we ended because a user asked to be signed out of one platform: the event that says so ends
-- nothing on others.
CREATE TABLE tenant.clerk_sessions_ended (
    id       text PRIMARY KEY,
    ended_at timestamptz NOT NULL DEFAULT dreamapi.now()
);

-- Who signs in as a user of the shared Clerk app need not be the person: a platform that creates a user chooses the
-- password, and Clerk takes its word for the address. On that platform this is as it should be; on any other it proves nothing.
ALTER TABLE tenant.customers ADD COLUMN vouched boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tenant.customers.vouched IS
    'the platform made the user at Clerk itself, or the user has proved the address: whoever signs in as the user is let in';
UPDATE tenant.customers c SET vouched = true
    WHERE (SELECT count(*) FROM directory.memberships m WHERE m.user_id = c.id) = 1;

CALL dreamapi.isolate('tenant.sign_in');
CALL dreamapi.isolate('tenant.sign_in_codes');
CALL dreamapi.isolate('tenant.sessions');
CALL dreamapi.isolate('tenant.invitations');
CALL dreamapi.isolate('tenant.sign_ups');

GRANT SELECT, INSERT, UPDATE ON tenant.sign_in TO dreamapi_developer;
GRANT SELECT ON tenant.sign_in TO dreamapi_customer;
GRANT SELECT, INSERT, UPDATE ON tenant.sign_in_codes, tenant.sign_ups TO dreamapi_customer;
GRANT SELECT, INSERT, UPDATE ON tenant.sessions, tenant.invitations TO dreamapi_customer;
GRANT INSERT ON tenant.clerk_sessions_ended TO dreamapi_customer;
GRANT SELECT, INSERT, DELETE ON tenant.clerk_sessions_ended TO dreamapi_worker;
GRANT SELECT, UPDATE ON tenant.sessions, tenant.sign_in_codes TO dreamapi_worker;
GRANT SELECT, DELETE ON tenant.sign_in_codes, tenant.sign_ups, tenant.sessions, tenant.invitations TO dreamapi_worker;
GRANT SELECT ON tenant.sessions, tenant.invitations TO dreamapi_developer;

ALTER TABLE tenant.clerk_events ADD COLUMN session_id text NOT NULL DEFAULT '';
