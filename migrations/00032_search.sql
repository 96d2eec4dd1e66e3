-- +goose Up
-- A search whose text some have, but not many, went by hand through as many customers as might have a page of it. Who the index finds is
-- less to look at, unless there are many.

-- +goose StatementBegin
-- The ids of the customers, of the platform that the transaction has entered, that have the text in the id, the email or a
-- name: the first so many behind a place, newest first, or by email. It runs as the owner because row-level security, rightly,
-- keeps operators that could tell of other rows away from an index; it gives ids away and nothing else, and who asks reads the
-- rows under row-level security. plans, standings: NULL for any. ending: of those that are being cancelled alone.
--
-- What nearly everybody has is found among the next two thousand. Behind them there are two ways, and it goes the shorter one: to look at
-- as many more as will have a page of it if they are like these, or to have the index answer with all who have it. So neither takes long,
-- and all pages together look at each customer a few times.
CREATE OR REPLACE FUNCTION directory.find_customers(
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
    farther numeric;
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
        farther := greatest(near * 2, near * 1.5 * most / cardinality(found));
        -- One whom the index finds is twice as dear: those stand anywhere. Of those who are filtered, it is not known how many have the text.
        EXIT WHEN farther > 64000
            OR plans IS NULL AND standings IS NULL AND NOT ending AND 2.0 * cardinality(found) / near
                * (SELECT coalesce(sum(n.customers), 0) FROM tenant.customer_counts n WHERE n.platform_id = here) < farther;
        near := farther::int;
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
