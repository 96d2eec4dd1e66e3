-- +goose Up
-- Where customers go after a checkout that does not say it itself.
ALTER TABLE tenant.settings ADD COLUMN checkout_success_url text, ADD COLUMN checkout_cancel_url text;
COMMENT ON COLUMN tenant.settings.checkout_success_url IS 'at an allowed origin, as is the other; NULL: to a page of ours';
