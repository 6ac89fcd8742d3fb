-- Whom we tell, and what we book.

CREATE TABLE alert (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vehicle_id integer NOT NULL REFERENCES vehicle,
    cause text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'closed')),
    urgency text NOT NULL CHECK (urgency IN ('stop', 'soon', 'service', 'info')),
    confidence real NOT NULL,
    summary text NOT NULL,
    opened_at timestamptz NOT NULL,
    refreshed_at timestamptz NOT NULL,
    expect_from timestamptz,
    expect_to timestamptz,
    closed_at timestamptz,
    close_reason text CHECK (close_reason IN ('recovered', 'repaired', 'no_fault_found', 'dismissed')),
    reopened integer NOT NULL DEFAULT 0,
    recovered_at timestamptz, -- the car says it is fine, but a booking keeps the alert open
    CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CHECK ((state = 'closed') = (close_reason IS NOT NULL))
);
-- The promise of one open alert per vehicle and root cause, kept by the database.
CREATE UNIQUE INDEX alert_one_open ON alert (vehicle_id, cause) WHERE state = 'open';
CREATE INDEX alert_vehicle ON alert (vehicle_id, opened_at DESC);
CREATE INDEX alert_cause ON alert (vehicle_id, cause, opened_at DESC);
CREATE INDEX alert_open ON alert (opened_at DESC) WHERE state = 'open';

CREATE TABLE alert_finding (
    alert_id bigint NOT NULL REFERENCES alert,
    finding_id bigint NOT NULL REFERENCES finding,
    PRIMARY KEY (alert_id, finding_id)
);
CREATE INDEX alert_finding_finding ON alert_finding (finding_id);

CREATE TABLE task (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    alert_id bigint REFERENCES alert,       -- NULL for a reply that a person must read
    customer_id integer REFERENCES customer,
    owner_id integer REFERENCES staff,
    kind text NOT NULL CHECK (kind IN ('call', 'watch', 'reply', 'handle')),
    title text NOT NULL,
    next_action text NOT NULL,
    priority real NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'done')),
    created_at timestamptz NOT NULL,
    deadline timestamptz NOT NULL,
    done_at timestamptz,
    done_by text,
    done_reason text,
    CHECK ((state = 'done') = (done_at IS NOT NULL))
);
CREATE UNIQUE INDEX task_one_open ON task (alert_id) WHERE state = 'open' AND alert_id IS NOT NULL;
CREATE UNIQUE INDEX task_one_reply ON task (customer_id) WHERE state = 'open' AND kind = 'reply';
CREATE INDEX task_open ON task (dealer_id, priority DESC) WHERE state = 'open';

-- What the workshop has, and what work takes.
CREATE TABLE bay (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    name text NOT NULL,
    kind text NOT NULL DEFAULT 'general' CHECK (kind IN ('general', 'quick', 'ev')),
    UNIQUE (dealer_id, name)
);

CREATE TABLE technician (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    staff_id integer UNIQUE REFERENCES staff,
    name text NOT NULL,
    skills text[] NOT NULL DEFAULT '{general}',
    shift_starts time NOT NULL DEFAULT '08:00', -- dealer's local time
    shift_ends time NOT NULL DEFAULT '17:00',
    weekdays smallint[] NOT NULL DEFAULT '{1,2,3,4,5}'
);

CREATE TABLE op_code (
    code text PRIMARY KEY,
    title text NOT NULL,
    minutes integer NOT NULL CHECK (minutes > 0),
    bay_kind text NOT NULL DEFAULT 'general',
    skill text NOT NULL DEFAULT 'general'
);

CREATE TABLE booking (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vehicle_id integer NOT NULL REFERENCES vehicle,
    customer_id integer NOT NULL REFERENCES customer,
    dealer_id integer NOT NULL REFERENCES dealer,
    alert_id bigint REFERENCES alert,
    bay_id integer NOT NULL REFERENCES bay,
    technician_id integer NOT NULL REFERENCES technician,
    during tstzrange NOT NULL CHECK (NOT isempty(during)),
    op_code text NOT NULL REFERENCES op_code,
    state text NOT NULL CHECK (state IN
        ('held', 'booked', 'arrived', 'done', 'cancelled', 'no_show', 'expired')),
    hold_expires_at timestamptz,
    source text NOT NULL,           -- 'reply', 'slot page', 'advisor'
    created_at timestamptz NOT NULL,
    CHECK (state <> 'held' OR hold_expires_at IS NOT NULL),
    -- Overbooking cannot happen, whoever tries and however many at once.
    CONSTRAINT booking_bay_free EXCLUDE USING gist (bay_id WITH =, during WITH &&)
        WHERE (state IN ('held', 'booked', 'arrived', 'done')),
    CONSTRAINT booking_technician_free EXCLUDE USING gist (technician_id WITH =, during WITH &&)
        WHERE (state IN ('held', 'booked', 'arrived', 'done'))
);
CREATE UNIQUE INDEX booking_one_live ON booking (alert_id)
    WHERE alert_id IS NOT NULL AND state IN ('held', 'booked', 'arrived');
CREATE INDEX booking_day ON booking USING gist (dealer_id, during);
CREATE INDEX booking_vehicle ON booking (vehicle_id);
CREATE INDEX booking_customer ON booking (customer_id);
CREATE INDEX booking_held ON booking (hold_expires_at) WHERE state = 'held';

-- The outbox. A row is committed before any call to a provider, and is never deleted.
CREATE TABLE outreach (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customer,
    alert_id bigint REFERENCES alert,
    booking_id bigint REFERENCES booking,
    channel text NOT NULL CHECK (channel IN ('sms')),
    purpose text NOT NULL CHECK (purpose IN ('service', 'marketing', 'reply')),
    template text NOT NULL,
    dedupe_key text NOT NULL UNIQUE, -- what makes two messages the same message
    body text NOT NULL,              -- a draft while planned: '{link}' is filled in when it is claimed
    to_phone text,                   -- as it was at the moment of sending
    state text NOT NULL CHECK (state IN
        ('planned', 'sending', 'sent', 'delivered', 'undelivered', 'failed', 'dropped')),
    reason text,                     -- why it was dropped, delayed or failed: always there when it was
    answers_at timestamptz,          -- when the person did what this answers; NULL: we speak first
    planned_at timestamptz NOT NULL,
    not_before timestamptz NOT NULL, -- quiet hours and caps move it
    sending_at timestamptz,          -- wall clock: it is compared with what the provider says
    sent_at timestamptz,
    settled_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    provider_sid text UNIQUE,
    error_code integer,
    CHECK (state NOT IN ('dropped', 'failed', 'undelivered') OR reason IS NOT NULL),
    CHECK (state IN ('planned', 'dropped') OR to_phone IS NOT NULL),
    CHECK (state <> 'sending' OR sending_at IS NOT NULL),
    CHECK (state NOT IN ('sent', 'delivered', 'undelivered')
        OR (provider_sid IS NOT NULL AND sent_at IS NOT NULL))
);
CREATE INDEX outreach_due ON outreach (not_before, id) WHERE state = 'planned';
-- One message at a time on its way to a number: order is kept, and what a crash left is never ambiguous.
CREATE UNIQUE INDEX outreach_one_sending ON outreach (to_phone) WHERE state = 'sending';
CREATE INDEX outreach_sending ON outreach (sending_at) WHERE state = 'sending';
CREATE INDEX outreach_customer ON outreach (customer_id, planned_at DESC);
CREATE INDEX outreach_phone ON outreach (to_phone, sent_at DESC);
CREATE INDEX outreach_alert ON outreach (alert_id);

-- What the provider told of deliveries. It may tell twice, out of order, and before we have
-- committed that we sent: the row is kept and the outreach takes the furthest state.
CREATE TABLE delivery (
    provider_sid text NOT NULL,
    status text NOT NULL,
    error_code integer,
    at timestamptz NOT NULL,
    PRIMARY KEY (provider_sid, status)
);

-- The three choices that a message carried, so that the answer "2" means one thing.
CREATE TABLE offer (
    outreach_id bigint NOT NULL REFERENCES outreach,
    choice smallint NOT NULL CHECK (choice > 0),
    bay_id integer NOT NULL REFERENCES bay,
    technician_id integer NOT NULL REFERENCES technician,
    during tstzrange NOT NULL,
    PRIMARY KEY (outreach_id, choice),
    CHECK (NOT isempty(during))
);

-- What customers answered. The provider's id makes a repeated webhook harmless.
CREATE TABLE reply (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider_sid text NOT NULL UNIQUE,
    customer_id integer REFERENCES customer, -- NULL: a number we don't know
    from_phone text NOT NULL,
    body text NOT NULL,
    received_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- wall, as outreach.sending_at
    meaning text,                    -- 'choice 2', 'stop', 'unclear' ...
    handled_at timestamptz
);
CREATE INDEX reply_phone ON reply (from_phone, received_at DESC);
CREATE INDEX reply_unhandled ON reply (id) WHERE handled_at IS NULL;
CREATE INDEX reply_customer ON reply (customer_id, received_at DESC);

-- A row that could not be handled waits here, by the wall clock, so that it never blocks the others.
CREATE TABLE setback (
    kind text NOT NULL CHECK (kind IN ('finding', 'reply', 'outreach')),
    id bigint NOT NULL,
    tries integer NOT NULL DEFAULT 1,
    next_at timestamptz NOT NULL,
    why text NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE repair_order (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    booking_id bigint NOT NULL UNIQUE REFERENCES booking,
    vehicle_id integer NOT NULL REFERENCES vehicle,
    state text NOT NULL CHECK (state IN ('open', 'in_progress', 'closed')),
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    concern text NOT NULL,
    cause text,
    correction text,
    finding text CHECK (finding IN ('confirmed', 'no_fault_found')),
    odometer_m integer,
    CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CHECK (state <> 'closed' OR (correction IS NOT NULL AND finding IS NOT NULL))
);
CREATE INDEX repair_order_vehicle ON repair_order (vehicle_id, opened_at DESC);

-- The label that measures every detector.
CREATE TABLE outcome (
    alert_id bigint NOT NULL REFERENCES alert,
    repair_order_id bigint NOT NULL REFERENCES repair_order,
    label text NOT NULL CHECK (label IN ('confirmed', 'no_fault_found')),
    at timestamptz NOT NULL,
    PRIMARY KEY (alert_id, repair_order_id) -- a relapse brings a second repair order
);

-- Pages follow what happens: every change says which table should be read again.
CREATE FUNCTION tell_pages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('pages', TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON alert FOR EACH STATEMENT EXECUTE FUNCTION tell_pages();
CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON task FOR EACH STATEMENT EXECUTE FUNCTION tell_pages();
CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON outreach FOR EACH STATEMENT EXECUTE FUNCTION tell_pages();
CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON reply FOR EACH STATEMENT EXECUTE FUNCTION tell_pages();
CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON booking FOR EACH STATEMENT EXECUTE FUNCTION tell_pages();
CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON repair_order FOR EACH STATEMENT EXECUTE FUNCTION tell_pages();
