-- +goose Up
-- What people are told of. What a text needs is in data; the text itself is
-- made when it is read, in the language of the recipient.
CREATE TABLE notifications (
	id           TEXT COLLATE "C" PRIMARY KEY,
	recipient_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	sender_id    TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL, -- nobody for the program itself
	type         TEXT NOT NULL,
	data         TEXT NOT NULL, -- a JSON object
	status       TEXT NOT NULL CHECK (status IN ('new', 'seen')),
	created_at   TIMESTAMPTZ NOT NULL,
	updated_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX notifications_recipient_id ON notifications (recipient_id, created_at, id);
CREATE INDEX notifications_unseen ON notifications (recipient_id, created_at, id) WHERE status = 'new';
CREATE INDEX notifications_sender_id ON notifications (sender_id);
CREATE INDEX notifications_seen ON notifications (updated_at) WHERE status = 'seen';
