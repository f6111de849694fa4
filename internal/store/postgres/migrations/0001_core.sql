-- +goose Up
-- Keys, and what lists sort by, compare byte by byte as on SQLite: COLLATE "C".
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE users (
	id                TEXT COLLATE "C" PRIMARY KEY,
	version           INTEGER   NOT NULL,
	created_at        TIMESTAMPTZ NOT NULL,
	updated_at        TIMESTAMPTZ NOT NULL,
	username          TEXT      NOT NULL,
	username_key      TEXT COLLATE "C" NOT NULL,
	email             TEXT      NOT NULL,
	email_key         TEXT COLLATE "C" NOT NULL,
	name              TEXT,
	role              TEXT      NOT NULL CHECK (role IN ('admin', 'employee', 'user')),
	language          TEXT      NOT NULL,
	phone             TEXT,
	address           TEXT,
	citizenship_id    TEXT,
	profile_photo_url TEXT,
	active            BOOLEAN   NOT NULL,
	password_hash     TEXT      NOT NULL DEFAULT '',
	last_login        TIMESTAMPTZ,
	last_active_at    TIMESTAMPTZ,
	search            TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX users_username_key_key ON users (username_key);
CREATE UNIQUE INDEX users_email_key_key ON users (email_key);
CREATE INDEX users_role ON users (role);
CREATE INDEX users_created_at ON users (created_at, id);
CREATE INDEX users_last_active_at ON users (last_active_at, id);

-- The last active admin stays one, whoever tries otherwise. Everybody who takes
-- an admin away locks the same row, so that two cannot take each other's.
-- +goose StatementBegin
CREATE FUNCTION users_keep_admin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF OLD.role = 'admin' AND OLD.active AND (TG_OP = 'DELETE' OR NOT (NEW.role = 'admin' AND NEW.active)) THEN
		PERFORM 1 FROM locks WHERE name = 'admins' FOR UPDATE;
		IF NOT EXISTS (SELECT 1 FROM users u WHERE u.role = 'admin' AND u.active AND u.id <> OLD.id) THEN
			RAISE EXCEPTION 'users_last_admin' USING ERRCODE = 'check_violation', CONSTRAINT = 'users_last_admin';
		END IF;
	END IF;
	IF TG_OP = 'DELETE' THEN
		RETURN OLD;
	END IF;
	RETURN NEW;
END;
$$;
-- +goose StatementEnd
CREATE TRIGGER users_last_admin BEFORE UPDATE OF role, active OR DELETE ON users
	FOR EACH ROW EXECUTE FUNCTION users_keep_admin();

CREATE TABLE sessions (
	id         TEXT COLLATE "C" PRIMARY KEY,
	user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	created_at TIMESTAMPTZ NOT NULL,
	expires_at TIMESTAMPTZ NOT NULL,
	ends_at    TIMESTAMPTZ NOT NULL,
	ip         TEXT      NOT NULL,
	user_agent TEXT      NOT NULL
);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE session_tokens (
	digest     TEXT COLLATE "C" PRIMARY KEY,
	session_id TEXT COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
	number     INTEGER NOT NULL,
	used_at    TIMESTAMPTZ
);
CREATE UNIQUE INDEX session_tokens_session_id_number_key ON session_tokens (session_id, number);

CREATE TABLE setup_code (
	id         INTEGER   PRIMARY KEY CHECK (id = 1),
	digest     TEXT      NOT NULL,
	expires_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE cars (
	id                TEXT COLLATE "C" PRIMARY KEY,
	version           INTEGER   NOT NULL,
	created_at        TIMESTAMPTZ NOT NULL,
	updated_at        TIMESTAMPTZ NOT NULL,
	manufacturer      TEXT      NOT NULL,
	manufacturer_fold TEXT COLLATE "C" NOT NULL,
	model             TEXT      NOT NULL,
	model_fold        TEXT COLLATE "C" NOT NULL,
	year              INTEGER   NOT NULL,
	license_plate     TEXT COLLATE "C" NOT NULL,
	plate_key         TEXT COLLATE "C" NOT NULL,
	plate_fold        TEXT COLLATE "C" NOT NULL,
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
	archived_at       TIMESTAMPTZ,
	archived_by       TEXT COLLATE "C" REFERENCES users (id),
	created_by        TEXT COLLATE "C" REFERENCES users (id),
	updated_by        TEXT COLLATE "C" REFERENCES users (id),
	deleted_at        TIMESTAMPTZ,
	search            TEXT COLLATE "C" NOT NULL
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
	id                        TEXT COLLATE "C" PRIMARY KEY,
	version                   INTEGER   NOT NULL,
	created_at                TIMESTAMPTZ NOT NULL,
	updated_at                TIMESTAMPTZ NOT NULL,
	name                      TEXT      NOT NULL,
	name_fold                 TEXT COLLATE "C" NOT NULL,
	driver_license_number     TEXT      NOT NULL,
	license_key               TEXT COLLATE "C" NOT NULL,
	passport_number           TEXT      NOT NULL,
	passport_key              TEXT COLLATE "C" NOT NULL,
	country_of_origin         TEXT      NOT NULL,
	country_fold              TEXT COLLATE "C" NOT NULL,
	email                     TEXT,
	phone_number              TEXT,
	address                   TEXT,
	father_name               TEXT,
	city_of_residence         TEXT,
	city_fold                 TEXT COLLATE "C" NOT NULL,
	id_of_person              TEXT,
	driving_license_photo_url TEXT,
	passport_photo_url        TEXT,
	notes                     TEXT,
	created_by                TEXT COLLATE "C" REFERENCES users (id),
	updated_by                TEXT COLLATE "C" REFERENCES users (id),
	deleted_at                TIMESTAMPTZ,
	search                    TEXT COLLATE "C" NOT NULL
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
	id                  TEXT COLLATE "C" PRIMARY KEY,
	version             INTEGER   NOT NULL,
	created_at          TIMESTAMPTZ NOT NULL,
	updated_at          TIMESTAMPTZ NOT NULL,
	number              TEXT      NOT NULL,
	number_fold         TEXT COLLATE "C" NOT NULL,
	customer_id         TEXT COLLATE "C" NOT NULL REFERENCES customers (id),
	car_id              TEXT COLLATE "C" NOT NULL REFERENCES cars (id),
	start_date          DATE      NOT NULL,
	end_date            DATE      NOT NULL CHECK (end_date >= start_date),
	days                INTEGER   NOT NULL CHECK (days BETWEEN 1 AND 365),
	daily_rate          BIGINT    NOT NULL CHECK (daily_rate >= 0),
	total_amount        BIGINT    NOT NULL CHECK (total_amount >= 0),
	price_agreed        BOOLEAN   NOT NULL,
	additional_notes    TEXT,
	photo_url           TEXT,
	cancelled_at        TIMESTAMPTZ,
	cancellation_reason TEXT,
	notification_sent   BOOLEAN   NOT NULL,
	created_by          TEXT COLLATE "C" REFERENCES users (id),
	updated_by          TEXT COLLATE "C" REFERENCES users (id),
	deleted_at          TIMESTAMPTZ
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
	id          TEXT COLLATE "C" PRIMARY KEY,
	car_id      TEXT COLLATE "C" NOT NULL REFERENCES cars (id),
	customer_id TEXT COLLATE "C" REFERENCES customers (id), -- nobody for a block
	starts      DATE NOT NULL,
	ends        DATE NOT NULL CHECK (ends > starts),
	kind        TEXT NOT NULL CHECK (kind IN ('contract', 'booking', 'block')),
	contract_id TEXT COLLATE "C" REFERENCES contracts (id),
	CONSTRAINT holds_no_overlap EXCLUDE USING gist (car_id WITH =, daterange(starts, ends) WITH &&)
);
CREATE UNIQUE INDEX holds_contract_id_key ON holds (contract_id);
CREATE INDEX holds_car_starts ON holds (car_id, starts, ends);
CREATE INDEX holds_car_ends ON holds (car_id, ends);
CREATE INDEX holds_customer_id ON holds (customer_id);
CREATE INDEX holds_starts ON holds (starts);
CREATE INDEX holds_ends ON holds (ends);

CREATE TABLE audit_logs (
	id          TEXT COLLATE "C" PRIMARY KEY,
	user_id     TEXT COLLATE "C",
	username    TEXT,
	user_role   TEXT,
	ip_address  TEXT,
	user_agent  TEXT,
	request_id  TEXT,
	action      TEXT      NOT NULL,
	resource    TEXT      NOT NULL,
	resource_id TEXT COLLATE "C",
	description TEXT      NOT NULL,
	changes     TEXT      NOT NULL,
	status      TEXT      NOT NULL,
	created_at  TIMESTAMPTZ NOT NULL,
	search      TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_logs_created_at ON audit_logs (created_at, id);
CREATE INDEX audit_logs_user_id ON audit_logs (user_id, created_at);
CREATE INDEX audit_logs_resource ON audit_logs (resource, resource_id, created_at);
CREATE INDEX audit_logs_action ON audit_logs (action, created_at);

-- The feed of changes: seq is the order in which transactions committed.
CREATE TABLE changes (
	seq     BIGINT    PRIMARY KEY,
	topic   TEXT      NOT NULL,
	id      TEXT      NOT NULL,
	kind    TEXT      NOT NULL CHECK (kind IN ('created', 'updated', 'deleted')),
	version INTEGER   NOT NULL,
	at      TIMESTAMPTZ NOT NULL
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
	created_at  TIMESTAMPTZ NOT NULL,
	PRIMARY KEY (caller, route, name)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- Rows that transactions lock to take turns.
CREATE TABLE locks (name TEXT COLLATE "C" PRIMARY KEY);
INSERT INTO locks (name) VALUES ('admins');

-- Contains-searches on folded text.
CREATE INDEX users_search_trgm ON users USING gin (search gin_trgm_ops);
CREATE INDEX cars_search_trgm ON cars USING gin (search gin_trgm_ops);
CREATE INDEX cars_plate_trgm ON cars USING gin (plate_fold gin_trgm_ops);
CREATE INDEX customers_search_trgm ON customers USING gin (search gin_trgm_ops);
CREATE INDEX customers_name_trgm ON customers USING gin (name_fold gin_trgm_ops);
CREATE INDEX contracts_number_trgm ON contracts USING gin (number_fold gin_trgm_ops);
CREATE INDEX audit_logs_search_trgm ON audit_logs USING gin (search gin_trgm_ops);
