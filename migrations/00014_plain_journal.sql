-- +goose Up

-- The fast lane writes into the journal what it was asked to count, and which of it was counted: to have PostgreSQL put sums
-- together for each commit cost more than the writing.
ALTER TABLE tenant_usage.journal
    ADD COLUMN tallies int[],
    ADD COLUMN counted bigint[];
COMMENT ON COLUMN tenant_usage.journal.counts IS 'of each tally (platform, meter, plan); or of each group, where there are groups';
COMMENT ON COLUMN tenant_usage.journal.tallies IS 'the number of the tally of each group; NULL: there are no groups';
COMMENT ON COLUMN tenant_usage.journal.counted IS 'the numbers of the groups that were counted; NULL: there are no groups';

-- Each batch looks up the epochs of its platforms, and in most collations that costs several times as much.
CREATE UNIQUE INDEX settings_fence_idx ON tenant.settings (platform_id COLLATE "C");
