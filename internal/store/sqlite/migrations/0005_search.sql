-- +goose Up
-- Finds a contract by a part of its number, by an index of every three
-- characters in a row. The id stands here and not the rowid, which VACUUM may
-- change. A number never changes.
CREATE VIRTUAL TABLE numbers_search USING fts5 (id UNINDEXED, number_fold, tokenize = 'trigram', columnsize = 0);
INSERT INTO numbers_search (id, number_fold) SELECT id, number_fold FROM contracts;

-- +goose StatementBegin
CREATE TRIGGER contracts_number AFTER INSERT ON contracts
BEGIN
	INSERT INTO numbers_search (id, number_fold) VALUES (NEW.id, NEW.number_fold);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER contracts_number_gone AFTER DELETE ON contracts
BEGIN
	DELETE FROM numbers_search WHERE rowid IN (
		SELECT rowid FROM numbers_search WHERE number_fold MATCH '"' || OLD.number_fold || '"' AND id = OLD.id);
END;
-- +goose StatementEnd
