-- +goose Up
-- What a user has used of a meter in a period can be set to nothing.
ALTER TABLE tenant_usage.adjustments DROP CONSTRAINT adjustments_kind_check,
    ADD CONSTRAINT adjustments_kind_check CHECK (kind IN ('return', 'grant', 'reset'));
