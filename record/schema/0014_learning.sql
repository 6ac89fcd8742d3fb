-- Which words at which hour lead to bookings; and what the law asks besides.

-- Where a person lives, ISO 3166: 'US-FL', 'CN'. NULL: the number is a hint.
ALTER TABLE customer ADD COLUMN region text CHECK (region ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$');

-- Separate consent to showing and using where the car is (PIPL Art. 29); its channel is the car.
ALTER TABLE consent DROP CONSTRAINT IF EXISTS consent_purpose_check;
ALTER TABLE consent ADD CONSTRAINT consent_purpose_check
    CHECK (purpose IN ('service', 'marketing', 'location'));
ALTER TABLE consent DROP CONSTRAINT IF EXISTS consent_channel_check;
ALTER TABLE consent ADD CONSTRAINT consent_channel_check
    CHECK (channel IN ('sms', 'whatsapp', 'email', 'wecom', 'voice', 'car'));
ALTER TABLE consent ADD CONSTRAINT consent_location_channel
    CHECK ((purpose = 'location') = (channel = 'car'));

-- Requests of a person about their own data, and until when the law wants an answer.
CREATE TABLE privacy_request (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customer,
    kind text NOT NULL CHECK (kind IN ('access', 'erasure')),
    how text NOT NULL,               -- 'e-mail', 'letter', 'in person'
    received_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    noted_by text NOT NULL,          -- 'staff:3'
    done_at timestamptz,
    done_by text,
    answer text,                     -- what was done, or why it was refused
    CHECK ((done_at IS NULL) = (done_by IS NULL) AND (done_at IS NULL) = (answer IS NULL))
);
-- One open request of a kind: asking twice doesn't begin the month anew.
CREATE UNIQUE INDEX privacy_request_one_open ON privacy_request (customer_id, kind)
    WHERE done_at IS NULL;
CREATE INDEX privacy_request_due ON privacy_request (due_at) WHERE done_at IS NULL;
CREATE INDEX privacy_request_customer ON privacy_request (customer_id, received_at DESC);

-- Whether a dealer lets us try other words and other hours; no row means no.
CREATE TABLE learning (
    dealer_id integer PRIMARY KEY REFERENCES dealer,
    texts boolean NOT NULL,
    hours boolean NOT NULL,
    hold_out real NOT NULL CHECK (hold_out BETWEEN 0 AND 0.5),
    set_by text NOT NULL,
    set_at timestamptz NOT NULL
);

-- One choice that was made for a message, and what came of it. Models are made of these rows alone.
CREATE TABLE choice (
    outreach_id bigint NOT NULL REFERENCES outreach,
    kind text NOT NULL CHECK (kind IN ('text', 'hour')),
    dealer_id integer NOT NULL REFERENCES dealer,
    template text NOT NULL,
    arm text NOT NULL,
    context jsonb NOT NULL,          -- what was known of the moment, names to words
    propensity double precision NOT NULL CHECK (propensity > 0 AND propensity <= 1),
    held_out boolean NOT NULL,       -- this customer always gets the default
    chosen_at timestamptz NOT NULL,
    look_at timestamptz NOT NULL,    -- when to look next for what came of it
    reward smallint CHECK (reward IN (0, 1)),
    rewarded_at timestamptz,         -- with no reward: the message never reached anybody
    booking_id bigint REFERENCES booking,
    PRIMARY KEY (outreach_id, kind),
    UNIQUE (booking_id, kind),       -- a booking is owed to one message
    CHECK (reward IS NULL OR rewarded_at IS NOT NULL),
    CHECK ((booking_id IS NOT NULL) = (reward IS NOT DISTINCT FROM 1))
);
CREATE INDEX choice_open ON choice (look_at) WHERE rewarded_at IS NULL;
CREATE INDEX choice_learned ON choice (dealer_id, template, kind, rewarded_at)
    WHERE reward IS NOT NULL;

-- What a day's choices rest on: made of the rows once, the same for all processes. Groups of arm and
-- context with their number and rewards, so that it can be read, and no model is stored.
CREATE TABLE learned (
    dealer_id integer NOT NULL REFERENCES dealer,
    template text NOT NULL,
    kind text NOT NULL,
    day date NOT NULL,
    groups jsonb NOT NULL,
    PRIMARY KEY (dealer_id, template, kind, day)
);

CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON privacy_request
    FOR EACH STATEMENT EXECUTE FUNCTION tell_pages();
