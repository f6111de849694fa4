-- +goose Up
-- What lists are sorted by, as on SQLite.
DROP INDEX contracts_start_date;
DROP INDEX contracts_end_date;
DROP INDEX contracts_total_amount;
CREATE INDEX contracts_start_date ON contracts (start_date, id);
CREATE INDEX contracts_end_date ON contracts (end_date, id);
CREATE INDEX contracts_total_amount ON contracts (total_amount, id);

-- What is rare among the contracts, and asked for.
CREATE INDEX contracts_cancelled ON contracts (created_at, id) WHERE cancelled_at IS NOT NULL;
CREATE INDEX contracts_pending ON contracts (created_at, id) WHERE NOT notification_sent;

-- Each filter of the audit log has its entries in order.
DROP INDEX audit_logs_user_id;
DROP INDEX audit_logs_resource;
DROP INDEX audit_logs_action;
CREATE INDEX audit_logs_user_id ON audit_logs (user_id, created_at, id);
CREATE INDEX audit_logs_resource ON audit_logs (resource, created_at, id);
CREATE INDEX audit_logs_resource_id ON audit_logs (resource_id, resource, created_at, id);
CREATE INDEX audit_logs_action ON audit_logs (action, created_at, id);
-- Failures are rare, and asked for.
CREATE INDEX audit_logs_failure ON audit_logs (created_at, id) WHERE status = 'failure';
