-- +goose Up
-- The end of a contract that the admins were told of once it was over.
ALTER TABLE contracts ADD COLUMN told_ended TEXT;
