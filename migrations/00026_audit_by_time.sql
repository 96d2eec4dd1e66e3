-- +goose Up
-- The audit log is read by time, from a day to a day: a page of it is found by the index, however far back it lies.
CREATE INDEX audit_log_time_idx ON platform.audit_log (developer_id, at DESC, id DESC);
DROP INDEX platform.audit_log_developer_idx;
