-- +goose Up

-- The journal is taken in no order, so its lines need no number: the sequence and the index were a tenth of what a lone
-- call costs. Where somebody publishes all tables by logical replication, a line is known by all of itself.
ALTER TABLE tenant_usage.journal DROP COLUMN id;
ALTER TABLE tenant_usage.journal REPLICA IDENTITY FULL;
