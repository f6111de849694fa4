-- +goose Up
-- Whoever follows the feed of changes is woken when it has grown, whichever
-- program it was, once the transaction is committed.
-- +goose StatementBegin
CREATE FUNCTION changes_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('cartracker_changes', '');
	RETURN NULL;
END;
$$;
-- +goose StatementEnd
CREATE TRIGGER changes_notify AFTER INSERT ON changes
	FOR EACH STATEMENT EXECUTE FUNCTION changes_notify();
