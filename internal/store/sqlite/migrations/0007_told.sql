-- +goose Up
-- The ends of a contract of which the admins were told, before and after. Who
-- tells them changes nothing that clients see, so these are not in its version.
ALTER TABLE contracts ADD COLUMN told_ending TEXT;
ALTER TABLE contracts ADD COLUMN told_ended TEXT;
