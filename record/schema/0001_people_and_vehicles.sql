-- Who is there: dealers and their staff, customers, cars, and who owned which car when.

CREATE EXTENSION IF NOT EXISTS timescaledb;
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Story time for demos and tests; no row means the wall clock.
CREATE TABLE clock (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    base_wall timestamptz NOT NULL,
    base_time timestamptz NOT NULL,
    rate double precision NOT NULL CHECK (rate >= 0)
);

CREATE TABLE dealer (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    country char(2) NOT NULL DEFAULT 'US',
    time_zone text NOT NULL,
    phone text NOT NULL,                 -- E.164, for people to call
    opens time NOT NULL DEFAULT '08:00', -- workshop hours, dealer's local time
    closes time NOT NULL DEFAULT '17:00',
    open_weekdays smallint[] NOT NULL DEFAULT '{1,2,3,4,5}', -- ISO, Monday = 1
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE staff (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    name text NOT NULL,
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('advisor', 'technician', 'manager', 'admin')),
    active boolean NOT NULL DEFAULT true,
    -- raised to end all of a person's sessions at once; the signed cookie carries it
    session_epoch integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Wrong passwords, so that guessing gets slow however many processes answer. Wall time: story time
-- may run a thousand times faster, and guesses are made by the wall.
CREATE TABLE sign_in_failure (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    address text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_failure_email ON sign_in_failure (email, at);
CREATE INDEX sign_in_failure_address ON sign_in_failure (address, at);

CREATE TABLE customer (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    advisor_id integer REFERENCES staff,
    name text NOT NULL,
    phone text CHECK (phone ~ '^\+[1-9][0-9]{6,14}$'), -- E.164
    email text,
    language text NOT NULL DEFAULT 'en',
    time_zone text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX customer_phone ON customer (phone);
CREATE INDEX customer_dealer ON customer (dealer_id, name);

CREATE TABLE vehicle (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vin text NOT NULL UNIQUE CHECK (vin ~ '^[A-HJ-NPR-Z0-9]{17}$'),
    dealer_id integer REFERENCES dealer,
    make text NOT NULL DEFAULT '',
    model text NOT NULL DEFAULT '',
    model_year smallint,
    powertrain text NOT NULL DEFAULT 'petrol'
        CHECK (powertrain IN ('petrol', 'diesel', 'hybrid', 'electric')),
    plate text,
    -- the maker's schedule: whichever comes first
    service_interval_m integer,
    service_interval_days integer,
    service_interval_hours real,
    last_service_at timestamptz,
    last_service_odometer_m integer,
    last_service_engine_hours real,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX vehicle_dealer ON vehicle (dealer_id);

-- A sold car's new data is not the old owner's, and the reverse.
CREATE TABLE ownership (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vehicle_id integer NOT NULL REFERENCES vehicle,
    customer_id integer NOT NULL REFERENCES customer,
    during tstzrange NOT NULL,
    EXCLUDE USING gist (vehicle_id WITH =, during WITH &&)
);
CREATE INDEX ownership_customer ON ownership (customer_id);

-- Append-only: the newest row for a purpose and channel is in force.
CREATE TABLE consent (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customer,
    purpose text NOT NULL CHECK (purpose IN ('service', 'marketing')),
    channel text NOT NULL CHECK (channel IN ('sms')),
    granted boolean NOT NULL,
    source text NOT NULL,   -- 'sales contract', 'reply START', 'web form'
    wording text NOT NULL,  -- version of the text that the person agreed to
    at timestamptz NOT NULL
);
CREATE INDEX consent_customer ON consent (customer_id, purpose, channel, at DESC);

-- Append-only ledger of STOP and START by number, not by person: the number's newest row is in force.
CREATE TABLE suppression (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    phone text NOT NULL,
    stopped boolean NOT NULL,
    source text NOT NULL,   -- 'reply STOP', 'Twilio 21610', 'advisor'
    at timestamptz NOT NULL
);
CREATE INDEX suppression_phone ON suppression (phone, at DESC, id DESC);

-- Everything that is done, and by whom.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,    -- 'staff:3', 'customer:7', 'care'
    action text NOT NULL,
    subject text NOT NULL,  -- 'alert:12'
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_subject ON audit (subject, at DESC);
