-- Who belongs together, what people are like, what they earned; who came by file, and who left.

-- Every channel that somebody may agree to, whichever of them we can send on today.
ALTER TABLE consent DROP CONSTRAINT IF EXISTS consent_channel_check;
ALTER TABLE consent ADD CONSTRAINT consent_channel_check
    CHECK (channel IN ('sms', 'whatsapp', 'email', 'wecom', 'voice'));

-- People who share a home count as one when we ask how often we spoke. One alone needs no row.
CREATE TABLE household (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    created_at timestamptz NOT NULL
);
ALTER TABLE customer
    ADD COLUMN household_id integer REFERENCES household,
    ADD COLUMN merged_into integer REFERENCES customer, -- two records were one person; this one is over
    ADD COLUMN erased_at timestamptz;                   -- asked to be forgotten: no personal data here
CREATE INDEX customer_household ON customer (household_id) WHERE household_id IS NOT NULL;
CREATE INDEX customer_merged ON customer (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX customer_email ON customer (dealer_id, lower(email)) WHERE email IS NOT NULL;

-- Tags by hand. Those by behaviour are computed whenever somebody looks.
CREATE TABLE customer_tag (
    customer_id integer NOT NULL REFERENCES customer,
    tag text NOT NULL CHECK (tag <> '' AND length(tag) <= 40),
    by text NOT NULL,       -- 'staff:3'
    at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, tag)
);
CREATE INDEX customer_tag_tag ON customer_tag (tag);

-- A saved question about customers: a list of {"field", "value"}, all of which must hold.
CREATE TABLE segment (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 80),
    conditions jsonb NOT NULL,
    by text NOT NULL,
    at timestamptz NOT NULL,
    UNIQUE (dealer_id, name)
);

-- A file that somebody looks at before it is read in. Its bytes go when it is, or is given up.
CREATE TABLE upload (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    name text NOT NULL,
    content bytea,
    report jsonb,           -- counts, and while the bytes are there what is wrong in which line
    state text NOT NULL CHECK (state IN ('open', 'applied', 'discarded')),
    by text NOT NULL,
    at timestamptz NOT NULL,
    CHECK ((state = 'open') = (content IS NOT NULL))
);
CREATE INDEX upload_dealer ON upload (dealer_id, id DESC);

-- A row of a file that may be somebody, or some car, that we know. A person decides.
CREATE TABLE duplicate (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    kind text NOT NULL CHECK (kind IN ('phone', 'vin')),
    customer_id integer NOT NULL REFERENCES customer, -- who has the number, or the car
    data jsonb,             -- the row; NULL once it is decided
    digest bytea NOT NULL,  -- of the row, so that the same file read twice asks once
    state text NOT NULL CHECK (state IN ('open', 'same', 'apart', 'sold')),
    at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by text,
    UNIQUE (dealer_id, digest),
    CHECK ((state = 'open') = (data IS NOT NULL)),
    CHECK ((state = 'open') = (decided_at IS NULL))
);
CREATE INDEX duplicate_open ON duplicate (dealer_id, id) WHERE state = 'open';
CREATE INDEX duplicate_customer ON duplicate (customer_id);

-- STOP outlives the person's data: numbers that were stopped when their owner was erased, as
-- salted digests. Whoever has both tables could try all numbers; nobody can read one off.
CREATE TABLE erasure_salt (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    salt text NOT NULL DEFAULT gen_random_uuid()::text || gen_random_uuid()::text
);
INSERT INTO erasure_salt DEFAULT VALUES;
CREATE TABLE suppression_kept (
    digest bytea PRIMARY KEY,
    at timestamptz NOT NULL
);

-- Points: what earns them, what they lead to, and the ledger, which is only ever added to.
CREATE TABLE loyalty_reason (
    code text PRIMARY KEY,
    title text NOT NULL,
    points integer NOT NULL CHECK (points > 0)
);
CREATE TABLE loyalty_tier (
    code text PRIMARY KEY,
    title text NOT NULL,
    from_points integer NOT NULL UNIQUE CHECK (from_points >= 0)
);
CREATE TABLE loyalty_benefit (
    tier text NOT NULL REFERENCES loyalty_tier,
    benefit text NOT NULL,
    PRIMARY KEY (tier, benefit)
);
CREATE TABLE loyalty_ledger (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customer,
    reason text NOT NULL REFERENCES loyalty_reason,
    subject text NOT NULL,  -- 'booking:12': one thing earns once
    points integer NOT NULL CHECK (points <> 0),
    at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    reverses bigint UNIQUE REFERENCES loyalty_ledger,
    CHECK ((points < 0) = (reverses IS NOT NULL))
);
CREATE UNIQUE INDEX loyalty_once ON loyalty_ledger (customer_id, reason, subject)
    WHERE reverses IS NULL;

INSERT INTO loyalty_reason (code, title, points) VALUES
    ('visit_kept', 'Came to a booked visit', 100),
    ('check_attended', 'Came to a check that the car asked for', 150),
    ('feedback', 'Rated a repair', 50),
    ('referral', 'Brought a friend', 300),
    ('connected', 'Kept the car connected for a month', 20),
    ('quick_answer', 'Answered within a quarter of an hour', 10);
INSERT INTO loyalty_tier (code, title, from_points) VALUES
    ('silver', 'Silver', 0), ('gold', 'Gold', 500), ('platinum', 'Platinum', 1200);
INSERT INTO loyalty_benefit (tier, benefit) VALUES
    ('silver', 'A free check of tyres and fluids each season'),
    ('gold', 'First choice of loaner car'),
    ('gold', 'A wash with every visit'),
    ('platinum', 'Pick-up and delivery without charge');

CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON customer FOR EACH STATEMENT EXECUTE FUNCTION tell_pages();
CREATE TRIGGER tell_pages AFTER INSERT ON loyalty_ledger FOR EACH STATEMENT EXECUTE FUNCTION tell_pages();
