-- +goose Up

-- The usage of a customer, as the dashboard shows it, tells how much is left of the limit for all users.
GRANT SELECT ON tenant_usage.platforms TO dreamapi_developer;
