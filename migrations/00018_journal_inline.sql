-- +goose Up

-- The line of a batch over some thirty platforms is larger than the 2 KB from which PostgreSQL compresses. That costs nearly
-- as much as the look-ups of their epochs, and ids that are random hardly get shorter by it: so a line stays as it is for as
-- long as it fits into a page.
ALTER TABLE tenant_usage.journal SET (toast_tuple_target = 8160);
