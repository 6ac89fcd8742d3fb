-- What we say to whom in which order: journeys as data, who is on one, and campaigns.

-- A version is never changed; the newest one that was activated is in force for who begins now.
CREATE TABLE journey (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    version integer NOT NULL,
    source text NOT NULL,            -- the YAML as it was written
    begins text[] NOT NULL,          -- its triggers, for finding it
    active boolean NOT NULL,
    made_by text NOT NULL,           -- 'shipped' or 'staff:3'
    made_at timestamptz NOT NULL,
    UNIQUE (name, version)
);
CREATE UNIQUE INDEX journey_one_active ON journey (name) WHERE active;

CREATE TABLE campaign (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    journey text NOT NULL,
    title text NOT NULL,             -- as customers read it
    conditions jsonb NOT NULL,
    hold_out real NOT NULL CHECK (hold_out BETWEEN 0 AND 0.5),
    made_by text NOT NULL,
    made_at timestamptz NOT NULL
);
CREATE INDEX campaign_dealer ON campaign (dealer_id, made_at DESC);

CREATE TABLE campaign_car (
    campaign_id integer NOT NULL REFERENCES campaign,
    vehicle_id integer NOT NULL REFERENCES vehicle,
    customer_id integer NOT NULL REFERENCES customer,
    held_out boolean NOT NULL,
    PRIMARY KEY (campaign_id, vehicle_id)
);

CREATE TABLE enrolment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    journey_id integer NOT NULL REFERENCES journey,
    customer_id integer NOT NULL REFERENCES customer,
    vehicle_id integer REFERENCES vehicle,
    alert_id bigint REFERENCES alert,
    booking_id bigint REFERENCES booking,
    repair_order_id bigint REFERENCES repair_order,
    campaign_id integer REFERENCES campaign,
    occasion text NOT NULL,          -- what makes beginning twice the same beginning
    state text NOT NULL CHECK (state IN ('active', 'done', 'stopped')),
    step smallint NOT NULL DEFAULT 0, -- the one that comes next
    since timestamptz NOT NULL,      -- when the step before was done
    next_at timestamptz NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    reason text,                     -- why it stopped
    UNIQUE (journey_id, occasion),
    CHECK ((state = 'active') = (ended_at IS NULL)),
    CHECK ((state = 'stopped') = (reason IS NOT NULL))
);
CREATE INDEX enrolment_due ON enrolment (next_at, id) WHERE state = 'active';
CREATE INDEX enrolment_customer ON enrolment (customer_id, began_at DESC);
CREATE INDEX enrolment_alert ON enrolment (alert_id) WHERE state = 'active';
CREATE INDEX enrolment_booking ON enrolment (booking_id) WHERE state = 'active';

ALTER TABLE outreach ADD COLUMN enrolment_id bigint REFERENCES enrolment;
CREATE INDEX outreach_enrolment ON outreach (enrolment_id);

-- The days on which birthdays and long absences were looked for.
CREATE TABLE journey_scan (day date PRIMARY KEY);

ALTER TABLE setback DROP CONSTRAINT setback_kind_check;
ALTER TABLE setback ADD CONSTRAINT setback_kind_check
    CHECK (kind IN ('finding', 'reply', 'outreach', 'task', 'enrolment'));

CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON enrolment
    FOR EACH STATEMENT EXECUTE FUNCTION tell_pages();
