-- +goose Up
-- Lists and numbers of customers that do not get slower with how many there are.

-- What a list is filtered, sorted and searched by stands with the customer. What follows from the subscription is written
-- by Restand, in the transaction that changes it.
ALTER TABLE tenant.customers
    ADD COLUMN subscribed       text,
    ADD COLUMN subscribed_until timestamptz,
    ADD COLUMN standing         text NOT NULL DEFAULT 'none'
        CHECK (standing IN ('none', 'trialing', 'active', 'past_due', 'paused')),
    ADD COLUMN cancelling       boolean NOT NULL DEFAULT false,
    ADD COLUMN placed  text COLLATE "C" NOT NULL GENERATED ALWAYS AS (coalesce(subscribed, plan, '')) STORED,
    ADD COLUMN address text COLLATE "C" NOT NULL GENERATED ALWAYS AS (coalesce(lower(email), '')) STORED,
    ADD COLUMN sought  text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (lower(id || ' ' || coalesce(email, '') || ' ' || first_name || ' ' || last_name)) STORED;
COMMENT ON COLUMN tenant.customers.subscribed IS 'the tier of the subscription that counts';
COMMENT ON COLUMN tenant.customers.subscribed_until IS 'when it counts no more if nothing else happens: its grace is over';
COMMENT ON COLUMN tenant.customers.standing IS 'of the subscription that lives; an unpaid one is past due';
COMMENT ON COLUMN tenant.customers.placed IS 'the plan, empty for the default tier, as far as subscribed_until has not come';
DROP INDEX tenant.customers_email_idx;
CREATE INDEX customers_address_idx ON tenant.customers (platform_id, address, id);
CREATE INDEX customers_placed_idx ON tenant.customers (platform_id, placed, created_at DESC, id DESC);
CREATE INDEX customers_standing_idx ON tenant.customers (platform_id, standing, created_at DESC, id DESC) WHERE standing <> 'none';
CREATE INDEX customers_cancelling_idx ON tenant.customers (platform_id, created_at DESC, id DESC) WHERE cancelling;
CREATE INDEX customers_lapsing_idx ON tenant.customers (platform_id, subscribed_until) WHERE subscribed_until IS NOT NULL;

-- How many customers there are of each kind: the sum. Whatever adds, moves or removes a customer adds a line, in the same
-- statement, so that nobody waits for anybody; the worker makes one line of many.
CREATE TABLE tenant.customer_counts (
    platform_id text COLLATE "C" NOT NULL,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    placed      text COLLATE "C" NOT NULL,
    standing    text COLLATE "C" NOT NULL,
    cancelling  boolean NOT NULL,
    customers   bigint NOT NULL,
    PRIMARY KEY (platform_id, id)
);
CALL dreamapi.isolate('tenant.customer_counts');
GRANT SELECT, INSERT ON tenant.customer_counts TO dreamapi_customer;
GRANT SELECT, INSERT, DELETE ON tenant.customer_counts TO dreamapi_worker;
GRANT SELECT ON tenant.customer_counts TO dreamapi_developer;

-- The subscription of a customer that lives, and how it stands.
CREATE VIEW billing.living_subscriptions WITH (security_invoker = true) AS
    SELECT platform_id, customer_id, created_at, CASE status WHEN 'unpaid' THEN 'past_due' ELSE status END AS standing,
        cancel_at IS NOT NULL AS cancelling
    FROM billing.subscriptions WHERE status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused');
GRANT SELECT ON billing.living_subscriptions TO dreamapi_developer, dreamapi_customer, dreamapi_worker;

-- Whoever mends the count of a platform adds what it lacks, which two at once would add twice.
CREATE FUNCTION tenant.one_counts_at_a_time(platform text) RETURNS void
    LANGUAGE sql SET search_path = ''
    AS $$ SELECT pg_advisory_xact_lock(hashtextextended('tenant.customer_counts ' || platform, 0)) $$;
GRANT EXECUTE ON FUNCTION tenant.one_counts_at_a_time(text) TO dreamapi_worker;

-- +goose StatementBegin
-- Works out all of the above for a platform whose rows were written by hand, or before there was any of it. What is
-- counted meanwhile counts. For the owner.
CREATE FUNCTION tenant.recount(platform text) RETURNS void
    LANGUAGE plpgsql SET search_path = ''
    AS $$
BEGIN
    PERFORM tenant.one_counts_at_a_time(platform);
    PERFORM FROM tenant.customers c WHERE c.platform_id = platform ORDER BY c.id FOR NO KEY UPDATE; -- so that no subscription moves
    UPDATE tenant.customers c SET
        subscribed = s.tier, subscribed_until = s.grace_until, standing = coalesce(s.standing, 'none'),
        cancelling = coalesce(s.cancelling, false)
    FROM (
        SELECT k.id, counts.tier, counts.grace_until, lives.standing, lives.cancelling FROM tenant.customers k
        LEFT JOIN LATERAL (SELECT * FROM billing.counting_subscriptions b WHERE b.platform_id = k.platform_id
            AND b.customer_id = k.id ORDER BY b.created_at DESC LIMIT 1) counts ON true
        LEFT JOIN LATERAL (SELECT * FROM billing.living_subscriptions b WHERE b.platform_id = k.platform_id
            AND b.customer_id = k.id ORDER BY b.created_at DESC LIMIT 1) lives ON true
        WHERE k.platform_id = platform
    ) s
    WHERE c.platform_id = platform AND c.id = s.id
        AND (c.subscribed, c.subscribed_until, c.standing, c.cancelling)
            IS DISTINCT FROM (s.tier, s.grace_until, coalesce(s.standing, 'none'), coalesce(s.cancelling, false));
    INSERT INTO tenant.customer_counts (platform_id, placed, standing, cancelling, customers)
        SELECT d.platform_id, d.placed, d.standing, d.cancelling, sum(d.n) FROM (
            SELECT c.platform_id, c.placed, c.standing, c.cancelling, count(*) AS n FROM tenant.customers c
            WHERE c.platform_id = platform GROUP BY 1, 2, 3, 4
            UNION ALL
            SELECT k.platform_id, k.placed, k.standing, k.cancelling, -k.customers FROM tenant.customer_counts k WHERE k.platform_id = platform
        ) d GROUP BY 1, 2, 3, 4 HAVING sum(d.n) <> 0;
END
$$;
-- +goose StatementEnd
SELECT tenant.recount(id) FROM platform.platforms;

-- A search finds what has the text anywhere in it. Its words are cut into threes, each hashed along with the platform, so that
-- a search meets no other platform's. It is an index of PostgreSQL's own: no extension has to be there.

-- +goose StatementBegin
CREATE FUNCTION tenant.threes(platform text, sought text) RETURNS bigint[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = ''
    AS $$
    SELECT coalesce(array_agg(DISTINCT hashtextextended(platform || ' ' || substr(sought, i, 3), 0)), '{}')
    FROM generate_series(1, length(sought) - 2) AS i
$$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION tenant.threes(text, text) TO dreamapi_developer, dreamapi_customer, dreamapi_worker;
CREATE INDEX customers_threes_idx ON tenant.customers USING gin (tenant.threes(platform_id, sought)) WITH (gin_pending_list_limit = 256);

-- +goose StatementBegin
-- The ids of the customers, of the platform that the transaction has entered, that have the text in the id, the email or a
-- name: the first so many behind a place, newest first, or by email. It runs as the owner because row-level security, rightly,
-- keeps operators that could tell of other rows away from an index; it gives ids away and nothing else, and who asks reads the
-- rows under row-level security. plans, standings: NULL for any. ending: of those that are being cancelled alone.
--
-- What nearly everybody has is found among the next two thousand, what many have among some more, so that all pages together look at
-- each customer a few times; what few have is found by the index, which answers with all who have it. So neither takes long.
CREATE FUNCTION directory.find_customers(
    q text, plans text[], standings text[], ending boolean, by_email boolean, behind_at timestamptz, behind_email text,
    behind_id text, most int
) RETURNS text[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' SET enable_seqscan = off
    AS $$
DECLARE
    here    text := dreamapi.platform();
    present timestamptz := dreamapi.now();
    pattern text := '%' || replace(replace(replace(lower(q), '\', '\\'), '%', '\%'), '_', '\_') || '%';
    wanted  bigint[] := tenant.threes(here, lower(q));
    near    int := 2000;
    found   text[];
BEGIN
    behind_id := coalesce(behind_id, '');
    behind_at := coalesce(behind_at, 'infinity');
    behind_email := coalesce(behind_email, '');
    IF cardinality(wanted) = 0 THEN -- too short to be looked up
        near := NULL;
    END IF;
    LOOP
        IF by_email THEN
            found := ARRAY(
                SELECT n.id FROM (
                    SELECT * FROM tenant.customers c WHERE c.platform_id = here AND (c.address, c.id) > (behind_email, behind_id)
                    ORDER BY c.address, c.id LIMIT near
                ) n
                WHERE n.sought LIKE pattern AND (standings IS NULL OR n.standing = ANY(standings)) AND (NOT ending OR n.cancelling)
                    AND (plans IS NULL OR CASE WHEN n.subscribed_until <= present THEN coalesce(n.plan, '') ELSE n.placed END = ANY(plans))
                ORDER BY n.address, n.id LIMIT most);
        ELSE
            found := ARRAY(
                SELECT n.id FROM (
                    SELECT * FROM tenant.customers c WHERE c.platform_id = here AND (c.created_at, c.id) < (behind_at, behind_id)
                    ORDER BY c.created_at DESC, c.id DESC LIMIT near
                ) n
                WHERE n.sought LIKE pattern AND (standings IS NULL OR n.standing = ANY(standings)) AND (NOT ending OR n.cancelling)
                    AND (plans IS NULL OR CASE WHEN n.subscribed_until <= present THEN coalesce(n.plan, '') ELSE n.placed END = ANY(plans))
                ORDER BY n.created_at DESC, n.id DESC LIMIT most);
        END IF;
        IF cardinality(found) = most OR near IS NULL THEN
            RETURN found;
        END IF;
        -- As many as would do, and half as many again, if those behind are like these.
        EXIT WHEN cardinality(found) = 0 OR near >= 32000;
        near := greatest(near * 2::bigint, least(near * 1.5 * most / cardinality(found), 1e9))::int;
        EXIT WHEN near > 64000;
    END LOOP;
    RETURN ARRAY(
        WITH n AS MATERIALIZED (SELECT * FROM tenant.customers c WHERE tenant.threes(c.platform_id, c.sought) @> wanted)
        SELECT n.id FROM n
        WHERE n.platform_id = here AND n.sought LIKE pattern AND (standings IS NULL OR n.standing = ANY(standings))
            AND (NOT ending OR n.cancelling)
            AND (plans IS NULL OR CASE WHEN n.subscribed_until <= present THEN coalesce(n.plan, '') ELSE n.placed END = ANY(plans))
            AND CASE WHEN by_email THEN (n.address, n.id) > (behind_email, behind_id) ELSE (n.created_at, n.id) < (behind_at, behind_id) END
        ORDER BY CASE WHEN by_email THEN n.address END, CASE WHEN by_email THEN n.id END, n.created_at DESC, n.id DESC LIMIT most);
END
$$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION directory.find_customers(text, text[], text[], boolean, boolean, timestamptz, text, text, int)
    TO dreamapi_developer, dreamapi_customer;
