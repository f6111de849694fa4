-- +goose Up
-- Days and moments are TEXT, YYYY-MM-DD and UTC with up to six decimals: of the
-- types DATE and TIMESTAMP the driver would try ten formats for each value.
CREATE TABLE users (
	id                TEXT      NOT NULL PRIMARY KEY,
	version           INTEGER   NOT NULL,
	created_at        TEXT      NOT NULL,
	updated_at        TEXT      NOT NULL,
	username          TEXT      NOT NULL,
	username_key      TEXT      NOT NULL,
	email             TEXT      NOT NULL,
	email_key         TEXT      NOT NULL,
	name              TEXT,
	role              TEXT      NOT NULL CHECK (role IN ('admin', 'employee', 'user')),
	language          TEXT      NOT NULL,
	phone             TEXT,
	address           TEXT,
	citizenship_id    TEXT,
	profile_photo_url TEXT,
	active            BOOLEAN   NOT NULL,
	password_hash     TEXT      NOT NULL DEFAULT '',
	last_login        TEXT,
	last_active_at    TEXT,
	search            TEXT      NOT NULL
) WITHOUT ROWID; -- people are looked up for every row of a list: one search instead of two
CREATE UNIQUE INDEX users_username_key_key ON users (username_key);
CREATE UNIQUE INDEX users_email_key_key ON users (email_key);
CREATE INDEX users_role ON users (role);
CREATE INDEX users_created_at ON users (created_at, id);
CREATE INDEX users_last_active_at ON users (last_active_at, id);

-- The last active admin stays one, whoever tries otherwise.
-- +goose StatementBegin
CREATE TRIGGER users_last_admin_update BEFORE UPDATE OF role, active ON users
WHEN OLD.role = 'admin' AND OLD.active AND NOT (NEW.role = 'admin' AND NEW.active)
	AND NOT EXISTS (SELECT 1 FROM users u WHERE u.role = 'admin' AND u.active AND u.id <> OLD.id)
BEGIN
	SELECT RAISE(ABORT, 'users_last_admin');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_last_admin_delete BEFORE DELETE ON users
WHEN OLD.role = 'admin' AND OLD.active
	AND NOT EXISTS (SELECT 1 FROM users u WHERE u.role = 'admin' AND u.active AND u.id <> OLD.id)
BEGIN
	SELECT RAISE(ABORT, 'users_last_admin');
END;
-- +goose StatementEnd

CREATE TABLE sessions (
	id         TEXT      NOT NULL PRIMARY KEY,
	user_id    TEXT      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	created_at TEXT      NOT NULL,
	expires_at TEXT      NOT NULL,
	ends_at    TEXT      NOT NULL,
	ip         TEXT      NOT NULL,
	user_agent TEXT      NOT NULL
);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE session_tokens (
	digest     TEXT    NOT NULL PRIMARY KEY,
	session_id TEXT    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
	number     INTEGER NOT NULL,
	used_at    TEXT
);
CREATE UNIQUE INDEX session_tokens_session_id_number_key ON session_tokens (session_id, number);

CREATE TABLE setup_code (
	id         INTEGER   PRIMARY KEY CHECK (id = 1),
	digest     TEXT      NOT NULL,
	expires_at TEXT      NOT NULL
);

CREATE TABLE cars (
	id                TEXT      NOT NULL PRIMARY KEY,
	version           INTEGER   NOT NULL,
	created_at        TEXT      NOT NULL,
	updated_at        TEXT      NOT NULL,
	manufacturer      TEXT      NOT NULL,
	manufacturer_fold TEXT      NOT NULL,
	model             TEXT      NOT NULL,
	model_fold        TEXT      NOT NULL,
	year              INTEGER   NOT NULL,
	license_plate     TEXT      NOT NULL,
	plate_key         TEXT      NOT NULL,
	plate_fold        TEXT      NOT NULL,
	fuel_type         TEXT      NOT NULL,
	transmission      TEXT      NOT NULL,
	price_per_day     BIGINT    NOT NULL CHECK (price_per_day >= 0),
	category          TEXT      NOT NULL,
	status            TEXT      NOT NULL,
	chassis_number    TEXT,
	color             TEXT,
	seats             INTEGER,
	doors             INTEGER,
	mileage           INTEGER   NOT NULL CHECK (mileage >= 0),
	engine_power      INTEGER,
	current_location  TEXT,
	photo_url         TEXT,
	is_archived       BOOLEAN   NOT NULL,
	archived_at       TEXT,
	archived_by       TEXT      REFERENCES users (id),
	created_by        TEXT      REFERENCES users (id),
	updated_by        TEXT      REFERENCES users (id),
	deleted_at        TEXT,
	search            TEXT      NOT NULL
);
CREATE UNIQUE INDEX cars_plate_key_key ON cars (plate_key) WHERE deleted_at IS NULL;
CREATE INDEX cars_license_plate ON cars (license_plate, id);
CREATE INDEX cars_status ON cars (status);
CREATE INDEX cars_category ON cars (category);
CREATE INDEX cars_status_archived ON cars (status, is_archived);
CREATE INDEX cars_manufacturer ON cars (manufacturer_fold, id);
CREATE INDEX cars_manufacturer_model ON cars (manufacturer_fold, model_fold);
CREATE INDEX cars_created_at ON cars (created_at, id);
CREATE INDEX cars_price_per_day ON cars (price_per_day, id);
CREATE INDEX cars_year ON cars (year, id);
CREATE INDEX cars_mileage ON cars (mileage, id);
CREATE INDEX cars_archived_by ON cars (archived_by);
CREATE INDEX cars_created_by ON cars (created_by);
CREATE INDEX cars_updated_by ON cars (updated_by);

CREATE TABLE customers (
	id                        TEXT      NOT NULL PRIMARY KEY,
	version                   INTEGER   NOT NULL,
	created_at                TEXT      NOT NULL,
	updated_at                TEXT      NOT NULL,
	name                      TEXT      NOT NULL,
	name_fold                 TEXT      NOT NULL,
	driver_license_number     TEXT      NOT NULL,
	license_key               TEXT      NOT NULL,
	passport_number           TEXT      NOT NULL,
	passport_key              TEXT      NOT NULL,
	country_of_origin         TEXT      NOT NULL,
	country_fold              TEXT      NOT NULL,
	email                     TEXT,
	phone_number              TEXT,
	address                   TEXT,
	father_name               TEXT,
	city_of_residence         TEXT,
	city_fold                 TEXT      NOT NULL,
	id_of_person              TEXT,
	driving_license_photo_url TEXT,
	passport_photo_url        TEXT,
	notes                     TEXT,
	created_by                TEXT      REFERENCES users (id),
	updated_by                TEXT      REFERENCES users (id),
	deleted_at                TEXT,
	search                    TEXT      NOT NULL
);
CREATE UNIQUE INDEX customers_passport_key_key ON customers (passport_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX customers_license_key_key ON customers (license_key) WHERE deleted_at IS NULL;
CREATE INDEX customers_name ON customers (name_fold, id);
CREATE INDEX customers_created_at ON customers (created_at, id);
CREATE INDEX customers_country ON customers (country_fold);
CREATE INDEX customers_city ON customers (city_fold);
CREATE INDEX customers_created_by ON customers (created_by);
CREATE INDEX customers_updated_by ON customers (updated_by);

CREATE TABLE contract_numbers (
	year INTEGER PRIMARY KEY,
	last INTEGER NOT NULL
);

CREATE TABLE contracts (
	id                  TEXT      NOT NULL PRIMARY KEY,
	version             INTEGER   NOT NULL,
	created_at          TEXT      NOT NULL,
	updated_at          TEXT      NOT NULL,
	number              TEXT      NOT NULL,
	number_fold         TEXT      NOT NULL,
	customer_id         TEXT      NOT NULL REFERENCES customers (id),
	car_id              TEXT      NOT NULL REFERENCES cars (id),
	start_date          TEXT      NOT NULL,
	end_date            TEXT      NOT NULL CHECK (end_date >= start_date),
	days                INTEGER   NOT NULL CHECK (days BETWEEN 1 AND 365),
	daily_rate          BIGINT    NOT NULL CHECK (daily_rate >= 0),
	total_amount        BIGINT    NOT NULL CHECK (total_amount >= 0),
	price_agreed        BOOLEAN   NOT NULL,
	additional_notes    TEXT,
	photo_url           TEXT,
	cancelled_at        TEXT,
	cancellation_reason TEXT,
	notification_sent   BOOLEAN   NOT NULL,
	created_by          TEXT      REFERENCES users (id),
	updated_by          TEXT      REFERENCES users (id),
	deleted_at          TEXT
);
CREATE UNIQUE INDEX contracts_number_key ON contracts (number);
CREATE INDEX contracts_customer_id ON contracts (customer_id, created_at, id);
CREATE INDEX contracts_car_id ON contracts (car_id, created_at, id);
CREATE INDEX contracts_start_date ON contracts (start_date, id) WHERE deleted_at IS NULL;
CREATE INDEX contracts_end_date ON contracts (end_date, id) WHERE deleted_at IS NULL;
CREATE INDEX contracts_start_end ON contracts (start_date, end_date);
CREATE INDEX contracts_car_start_end ON contracts (car_id, start_date, end_date);
CREATE INDEX contracts_created_at ON contracts (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX contracts_total_amount ON contracts (total_amount, id) WHERE deleted_at IS NULL;
CREATE INDEX contracts_created_by ON contracts (created_by);
CREATE INDEX contracts_updated_by ON contracts (updated_by);

-- The occupancy ledger: who holds which car from starts up to, but not including, ends.
CREATE TABLE holds (
	id          TEXT NOT NULL PRIMARY KEY,
	car_id      TEXT NOT NULL REFERENCES cars (id),
	customer_id TEXT REFERENCES customers (id), -- nobody for a block
	starts      TEXT NOT NULL,
	ends        TEXT NOT NULL CHECK (ends > starts),
	kind        TEXT NOT NULL CHECK (kind IN ('contract', 'booking', 'block')),
	contract_id TEXT REFERENCES contracts (id)
);
CREATE UNIQUE INDEX holds_contract_id_key ON holds (contract_id);
CREATE INDEX holds_car_starts ON holds (car_id, starts, ends);
CREATE INDEX holds_car_ends ON holds (car_id, ends);
CREATE INDEX holds_customer_id ON holds (customer_id);
CREATE INDEX holds_starts ON holds (starts);
CREATE INDEX holds_ends ON holds (ends);

-- PostgreSQL has an exclusion constraint for this; here two triggers do its
-- work. The holds of a car never overlap, so the last one that begins before
-- NEW ends is the only one that can be in the way.
-- +goose StatementBegin
CREATE TRIGGER holds_no_overlap_insert BEFORE INSERT ON holds
WHEN (SELECT h.ends FROM holds h WHERE h.car_id = NEW.car_id AND h.starts < NEW.ends
	ORDER BY h.starts DESC LIMIT 1) > NEW.starts
BEGIN
	SELECT RAISE(ABORT, 'holds_no_overlap');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER holds_no_overlap_update BEFORE UPDATE ON holds
WHEN (SELECT h.ends FROM holds h WHERE h.id <> NEW.id AND h.car_id = NEW.car_id AND h.starts < NEW.ends
	ORDER BY h.starts DESC LIMIT 1) > NEW.starts
BEGIN
	SELECT RAISE(ABORT, 'holds_no_overlap');
END;
-- +goose StatementEnd

CREATE TABLE audit_logs (
	id          TEXT      NOT NULL PRIMARY KEY,
	user_id     TEXT,
	username    TEXT,
	user_role   TEXT,
	ip_address  TEXT,
	user_agent  TEXT,
	request_id  TEXT,
	action      TEXT      NOT NULL,
	resource    TEXT      NOT NULL,
	resource_id TEXT,
	description TEXT      NOT NULL,
	changes     TEXT      NOT NULL,
	status      TEXT      NOT NULL,
	created_at  TEXT      NOT NULL,
	search      TEXT      NOT NULL
);
CREATE INDEX audit_logs_created_at ON audit_logs (created_at, id);
CREATE INDEX audit_logs_user_id ON audit_logs (user_id, created_at);
CREATE INDEX audit_logs_resource ON audit_logs (resource, resource_id, created_at);
CREATE INDEX audit_logs_action ON audit_logs (action, created_at);

-- The feed of changes: seq is the order in which transactions committed.
CREATE TABLE changes (
	seq     BIGINT    NOT NULL PRIMARY KEY,
	topic   TEXT      NOT NULL,
	id      TEXT      NOT NULL,
	kind    TEXT      NOT NULL CHECK (kind IN ('created', 'updated', 'deleted')),
	version INTEGER   NOT NULL,
	at      TEXT      NOT NULL
);
CREATE INDEX changes_at ON changes (at);
CREATE TABLE change_counter (
	id  INTEGER PRIMARY KEY CHECK (id = 1),
	seq BIGINT  NOT NULL
);
INSERT INTO change_counter (id, seq) VALUES (1, 0);

CREATE TABLE idempotency_keys (
	caller      TEXT      NOT NULL,
	route       TEXT      NOT NULL,
	name        TEXT      NOT NULL,
	fingerprint TEXT      NOT NULL,
	status      INTEGER   NOT NULL,
	location    TEXT      NOT NULL,
	body        TEXT      NOT NULL,
	created_at  TEXT      NOT NULL,
	PRIMARY KEY (caller, route, name)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- Rows that transactions lock to take turns; one writer needs none of them.
CREATE TABLE locks (name TEXT NOT NULL PRIMARY KEY);
INSERT INTO locks (name) VALUES ('admins');
