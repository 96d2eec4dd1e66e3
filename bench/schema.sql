-- Tables of the servers that the program is compared with, isolated as the program's own are.
CREATE SCHEMA bench;

CREATE TABLE bench.keys (
    hash        bytea PRIMARY KEY,
    platform_id text COLLATE "C" NOT NULL
);

CREATE TABLE bench.tiers (
    platform_id text COLLATE "C" NOT NULL,
    name        text NOT NULL,
    rate_limit  bigint NOT NULL,
    max         bigint NOT NULL,
    PRIMARY KEY (platform_id, name)
);

-- Of the naive server.
CREATE TABLE bench.windows (
    platform_id text COLLATE "C" NOT NULL,
    user_id     text COLLATE "C" NOT NULL,
    minute      timestamptz NOT NULL,
    calls       bigint NOT NULL,
    PRIMARY KEY (platform_id, user_id)
) WITH (fillfactor = 70);

CREATE TABLE bench.counters (
    platform_id text COLLATE "C" NOT NULL,
    user_id     text COLLATE "C" NOT NULL,
    meter       text COLLATE "C" NOT NULL,
    month       timestamptz NOT NULL,
    count       bigint NOT NULL,
    PRIMARY KEY (platform_id, user_id, meter, month)
) WITH (fillfactor = 70);

-- Of the server with one upsert a call.
CREATE TABLE bench.users (
    platform_id text COLLATE "C" NOT NULL,
    user_id     text COLLATE "C" NOT NULL,
    meter       text COLLATE "C" NOT NULL,
    minute      timestamptz NOT NULL,
    calls       bigint NOT NULL,
    month       timestamptz NOT NULL,
    count       bigint NOT NULL,
    PRIMARY KEY (platform_id, user_id, meter)
) WITH (fillfactor = 70);

CALL dreamapi.isolate('bench.tiers');
CALL dreamapi.isolate('bench.windows');
CALL dreamapi.isolate('bench.counters');
CALL dreamapi.isolate('bench.users');

GRANT USAGE ON SCHEMA bench TO dreamapi_customer;
GRANT SELECT ON bench.keys, bench.tiers TO dreamapi_customer;
GRANT SELECT, INSERT, UPDATE ON bench.windows, bench.counters, bench.users TO dreamapi_customer;
