-- What a visit takes besides a bay and a technician: parts, loaner cars, runs that fetch and return
-- cars. Whoever tries and however many at once, none of them is promised twice.

ALTER TABLE dealer
    ADD COLUMN group_name text,      -- sites of one group send customers to each other
    ADD COLUMN address text NOT NULL DEFAULT '',
    ADD COLUMN latitude double precision CHECK (latitude BETWEEN -90 AND 90),
    ADD COLUMN longitude double precision CHECK (longitude BETWEEN -180 AND 180),
    -- the share of a day's technician hours that is kept for walk-ins until the day itself
    ADD COLUMN walk_in_share real NOT NULL DEFAULT 0 CHECK (walk_in_share BETWEEN 0 AND 0.5),
    ADD COLUMN mobile_technician boolean NOT NULL DEFAULT false,
    ADD COLUMN tow_phone text;       -- E.164
CREATE INDEX dealer_group ON dealer (group_name) WHERE group_name IS NOT NULL;

ALTER TABLE technician ADD COLUMN efficiency real NOT NULL DEFAULT 1
    CHECK (efficiency BETWEEN 0.5 AND 2); -- a factor on the op-code's minutes
ALTER TABLE op_code
    ADD COLUMN price_cents integer CHECK (price_cents >= 0),
    ADD COLUMN mobile boolean NOT NULL DEFAULT false; -- can be done where the car stands

CREATE TABLE technician_absence (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    technician_id integer NOT NULL REFERENCES technician ON DELETE CASCADE,
    during tstzrange NOT NULL CHECK (NOT isempty(during)),
    reason text NOT NULL DEFAULT ''
);
CREATE INDEX technician_absence_when ON technician_absence USING gist (technician_id, during);

CREATE TABLE dealer_closure (
    dealer_id integer NOT NULL REFERENCES dealer,
    day date NOT NULL,               -- the dealer's local day
    reason text NOT NULL DEFAULT '',
    PRIMARY KEY (dealer_id, day)
);

-- Where a customer's car can be fetched, where we know it.
CREATE TABLE customer_place (
    customer_id integer PRIMARY KEY REFERENCES customer ON DELETE CASCADE,
    address text NOT NULL DEFAULT '',
    latitude double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180)
);

CREATE TABLE part (
    part_no text PRIMARY KEY,
    title text NOT NULL,
    price_cents integer CHECK (price_cents >= 0)
);
CREATE TABLE op_code_part (
    op_code text NOT NULL REFERENCES op_code,
    part_no text NOT NULL REFERENCES part,
    quantity integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (op_code, part_no)
);
-- `reserved` follows the rows of booking_part by trigger; the CHECK is the promise.
CREATE TABLE part_stock (
    dealer_id integer NOT NULL REFERENCES dealer,
    part_no text NOT NULL REFERENCES part,
    on_hand integer NOT NULL,
    reserved integer NOT NULL DEFAULT 0,
    PRIMARY KEY (dealer_id, part_no),
    CONSTRAINT part_stock_enough CHECK (reserved BETWEEN 0 AND on_hand)
);
CREATE TABLE part_arrival (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    part_no text NOT NULL REFERENCES part,
    quantity integer NOT NULL CHECK (quantity > 0),
    reserved integer NOT NULL DEFAULT 0,
    expected_at timestamptz NOT NULL,
    arrived_at timestamptz,
    CONSTRAINT part_arrival_enough CHECK (reserved BETWEEN 0 AND quantity)
);
CREATE INDEX part_arrival_open ON part_arrival (dealer_id, part_no, expected_at)
    WHERE arrived_at IS NULL;

CREATE TABLE loaner (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    name text NOT NULL,
    plate text,
    active boolean NOT NULL DEFAULT true,
    UNIQUE (dealer_id, name)
);

-- A driver who fetches cars before a time and returns them after another, on some weekdays. Its seats
-- are rows, so that its capacity is a foreign key and not a sum.
CREATE TABLE run (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    driver text NOT NULL,
    radius_km real NOT NULL CHECK (radius_km > 0),
    weekdays smallint[] NOT NULL DEFAULT '{1,2,3,4,5}',
    fetches_from time NOT NULL,      -- dealer's local time
    fetches_until time NOT NULL,
    returns_from time NOT NULL,
    returns_until time NOT NULL,
    CHECK (fetches_from < fetches_until AND fetches_until <= returns_from
        AND returns_from < returns_until)
);
CREATE TABLE run_seat (
    run_id integer NOT NULL REFERENCES run,
    seat smallint NOT NULL CHECK (seat > 0),
    PRIMARY KEY (run_id, seat)
);

ALTER TABLE booking
    ADD COLUMN sequence integer NOT NULL DEFAULT 0, -- how often it was moved, for calendars
    ADD COLUMN loaner_id integer REFERENCES loaner,
    ADD COLUMN loaner_until timestamptz,
    ADD COLUMN run_id integer,
    ADD COLUMN run_seat smallint,
    ADD COLUMN run_day date,
    ADD COLUMN pick_up text,         -- the address, as the customer wrote it
    ADD COLUMN parts_late_at timestamptz, -- since when we know that its parts come too late
    ADD CHECK ((loaner_id IS NULL) = (loaner_until IS NULL)),
    ADD CHECK (loaner_until > lower(during)),
    ADD CHECK (num_nulls(run_id, run_seat, run_day) IN (0, 3)),
    ADD FOREIGN KEY (run_id, run_seat) REFERENCES run_seat,
    ADD CONSTRAINT booking_loaner_free EXCLUDE USING gist
        (loaner_id WITH =, tstzrange(lower(during), loaner_until) WITH &&)
        WHERE (loaner_id IS NOT NULL AND state IN ('held', 'booked', 'arrived', 'done'));
CREATE UNIQUE INDEX booking_seat_free ON booking (run_id, run_day, run_seat)
    WHERE run_id IS NOT NULL AND state IN ('held', 'booked', 'arrived', 'done');
CREATE INDEX booking_late ON booking (dealer_id, id) WHERE parts_late_at IS NOT NULL;

-- What else is done on the same visit, and for which alert.
CREATE TABLE booking_op (
    booking_id bigint NOT NULL REFERENCES booking ON DELETE CASCADE,
    op_code text NOT NULL REFERENCES op_code,
    alert_id bigint REFERENCES alert,
    PRIMARY KEY (booking_id, op_code)
);
CREATE INDEX booking_op_alert ON booking_op (alert_id) WHERE alert_id IS NOT NULL;

-- The parts that a booking has: from the shelf, or from an arrival that is on its way.
CREATE TABLE booking_part (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    booking_id bigint NOT NULL REFERENCES booking ON DELETE CASCADE,
    dealer_id integer NOT NULL REFERENCES dealer,
    part_no text NOT NULL REFERENCES part,
    quantity integer NOT NULL CHECK (quantity > 0),
    arrival_id integer REFERENCES part_arrival,
    used boolean NOT NULL DEFAULT false
);
CREATE INDEX booking_part_booking ON booking_part (booking_id);
CREATE INDEX booking_part_arrival ON booking_part (arrival_id) WHERE arrival_id IS NOT NULL;

CREATE FUNCTION reserve_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND NOT OLD.used THEN
        UPDATE part_stock SET reserved = reserved - OLD.quantity
        WHERE OLD.arrival_id IS NULL AND dealer_id = OLD.dealer_id AND part_no = OLD.part_no;
        UPDATE part_arrival SET reserved = reserved - OLD.quantity WHERE id = OLD.arrival_id;
    END IF;
    IF TG_OP <> 'DELETE' AND NOT NEW.used THEN
        IF NEW.arrival_id IS NULL THEN
            UPDATE part_stock SET reserved = reserved + NEW.quantity
            WHERE dealer_id = NEW.dealer_id AND part_no = NEW.part_no;
        ELSE
            UPDATE part_arrival SET reserved = reserved + NEW.quantity
            WHERE id = NEW.arrival_id AND dealer_id = NEW.dealer_id AND part_no = NEW.part_no
              AND arrived_at IS NULL;
        END IF;
        IF NOT FOUND THEN
            RAISE check_violation USING MESSAGE = 'no such part here';
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER reserve_part AFTER INSERT OR UPDATE OR DELETE ON booking_part
    FOR EACH ROW EXECUTE FUNCTION reserve_part();

-- A booking that ends gives its parts back; one that is done has used what lay on the shelf.
CREATE FUNCTION settle_parts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    IF NEW.state = 'done' THEN
        DELETE FROM booking_part WHERE booking_id = NEW.id AND arrival_id IS NOT NULL;
        FOR one IN UPDATE booking_part SET used = true WHERE booking_id = NEW.id AND NOT used
                   RETURNING dealer_id, part_no, quantity LOOP
            UPDATE part_stock SET on_hand = on_hand - one.quantity
            WHERE dealer_id = one.dealer_id AND part_no = one.part_no;
        END LOOP;
    ELSE
        DELETE FROM booking_part WHERE booking_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER settle_parts AFTER UPDATE OF state ON booking FOR EACH ROW
    WHEN (NEW.state IN ('done', 'cancelled', 'no_show', 'expired') AND OLD.state <> NEW.state)
    EXECUTE FUNCTION settle_parts();

-- The workshop's calendar for other programs: whoever has the address reads it until it is revoked.
CREATE TABLE calendar_feed (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    staff_id integer NOT NULL REFERENCES staff,
    token_hash bytea NOT NULL UNIQUE, -- SHA-256: who reads the database can't read calendars by it
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON part_arrival FOR EACH STATEMENT EXECUTE FUNCTION tell_pages();
CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON part_stock FOR EACH STATEMENT EXECUTE FUNCTION tell_pages();
