-- +goose Up
-- Links by which a user sets a password once. They are in mails; here are
-- their digests only. A user has one for each purpose: the last that was sent.
CREATE TABLE links (
	digest     TEXT NOT NULL PRIMARY KEY,
	user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	purpose    TEXT NOT NULL CHECK (purpose IN ('welcome', 'reset')),
	mail_id    TEXT NOT NULL, -- of the mail that it is in
	created_at TEXT NOT NULL,
	expires_at TEXT NOT NULL
);
CREATE UNIQUE INDEX links_user_id_purpose_key ON links (user_id, purpose);
