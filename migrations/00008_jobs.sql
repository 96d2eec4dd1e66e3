-- +goose Up
-- Who may do what with River's tables: the customer surface enqueues, the worker does the rest. Arguments of jobs are ids only, so
-- the tables carry no row-level security.

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA river TO dreamapi_worker;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA river TO dreamapi_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA river TO dreamapi_worker;

GRANT SELECT, INSERT, UPDATE ON river.river_job TO dreamapi_customer;
GRANT USAGE ON SEQUENCE river.river_job_id_seq TO dreamapi_customer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA river TO dreamapi_customer;
