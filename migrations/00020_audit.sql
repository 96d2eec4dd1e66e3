-- +goose Up
-- Who did what on the platform side, when and from where. An entry is written before the act, and its outcome after it: what a
-- crash cut off has none.
CREATE TABLE platform.audit_log (
    id           text PRIMARY KEY,
    developer_id text NOT NULL REFERENCES platform.developers (id),
    of_platform  text REFERENCES platform.platforms (id),
    at           timestamptz NOT NULL DEFAULT dreamapi.now(),
    action       text NOT NULL,
    target       text NOT NULL DEFAULT '',
    via          text NOT NULL CHECK (via IN ('dashboard', 'token', 'clerk')),
    ip           text NOT NULL,
    request_id   text NOT NULL,
    outcome      text CHECK (outcome IN ('done', 'refused'))
);
CREATE INDEX audit_log_developer_idx ON platform.audit_log (developer_id, id DESC);
CREATE INDEX audit_log_platform_idx ON platform.audit_log (of_platform, id DESC) WHERE of_platform IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (outcome, target) ON platform.audit_log TO dreamapi_developer;
GRANT SELECT, DELETE ON platform.audit_log TO dreamapi_worker;
