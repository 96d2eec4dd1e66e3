-- +goose Up

-- The fast lane writes into the journal what it was asked to count, and which of it was counted: to have PostgreSQL put sums
-- together for each commit cost more than the writing.
ALTER TABLE tenant_usage.journal
    ADD COLUMN tallies int[],
    ADD COLUMN counted bigint[];
UPDATE tenant_usage.journal SET
    tallies = ARRAY(SELECT generate_series(1, cardinality(counts))), counted = ARRAY(SELECT generate_series(1, cardinality(counts)));
ALTER TABLE tenant_usage.journal
    ALTER COLUMN tallies SET NOT NULL,
    ALTER COLUMN counted SET NOT NULL;
COMMENT ON COLUMN tenant_usage.journal.counts IS 'of each group of calls';
COMMENT ON COLUMN tenant_usage.journal.tallies IS 'for each group the number of its platform, meter and plan';
COMMENT ON COLUMN tenant_usage.journal.counted IS 'the numbers of the groups that were counted';

-- Each batch looks up the epochs of its platforms, and in most collations that costs several times as much.
CREATE UNIQUE INDEX settings_fence_idx ON tenant.settings (platform_id COLLATE "C");
