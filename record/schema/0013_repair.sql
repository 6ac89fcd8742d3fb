-- The repair that a customer can follow: its steps, notes, estimate, rating, and the car's own proof.

-- What a dealer charges. Money is whole minor units (cents) of a currency; taxes are in 1/100 %.
ALTER TABLE dealer
    ADD COLUMN currency char(3) NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    ADD COLUMN labour_minor integer NOT NULL DEFAULT 14000 CHECK (labour_minor >= 0), -- an hour
    ADD COLUMN labour_tax_bp integer NOT NULL DEFAULT 0 CHECK (labour_tax_bp BETWEEN 0 AND 5000),
    ADD COLUMN parts_tax_bp integer NOT NULL DEFAULT 0 CHECK (parts_tax_bp BETWEEN 0 AND 5000);

-- 'open' is "received". Which state may follow which is data in care/repair.py.
ALTER TABLE repair_order DROP CONSTRAINT repair_order_state_check;
ALTER TABLE repair_order ADD CONSTRAINT repair_order_state_check CHECK (state IN
    ('open', 'diagnosing', 'waiting_approval', 'waiting_parts', 'in_progress', 'quality_check',
     'ready', 'closed'));
ALTER TABLE repair_order DROP CONSTRAINT repair_order_finding_check;
ALTER TABLE repair_order ADD CONSTRAINT repair_order_finding_check CHECK (finding IN
    ('confirmed', 'confirmed_other', 'no_fault_found', 'not_reproduced', 'customer_declined',
     'already_repaired'));
ALTER TABLE repair_order
    ADD COLUMN actual_cause text,           -- a key of record.causes, where the alert named another
    ADD COLUMN invoice_minor bigint CHECK (invoice_minor >= 0),
    ADD COLUMN invoice_currency char(3),
    ADD COLUMN comeback_of bigint REFERENCES repair_order, -- the repair that did not hold
    ADD CHECK ((invoice_minor IS NULL) = (invoice_currency IS NULL));
CREATE INDEX repair_order_working ON repair_order (state) WHERE state <> 'closed';

ALTER TABLE outcome DROP CONSTRAINT outcome_label_check;
ALTER TABLE outcome ADD CONSTRAINT outcome_label_check CHECK (label IN
    ('confirmed', 'confirmed_other', 'no_fault_found', 'not_reproduced', 'customer_declined',
     'already_repaired'));

-- Append-only: what a repair went through, and who said so.
CREATE TABLE repair_step (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repair_order_id bigint NOT NULL REFERENCES repair_order ON DELETE CASCADE,
    state text NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    note text NOT NULL DEFAULT ''
);
CREATE INDEX repair_step_order ON repair_step (repair_order_id, id);
INSERT INTO repair_step (repair_order_id, state, at, actor)
    SELECT id, 'open', opened_at, 'care' FROM repair_order
    UNION ALL SELECT id, 'closed', closed_at, 'care' FROM repair_order WHERE closed_at IS NOT NULL;

CREATE TABLE repair_note (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repair_order_id bigint NOT NULL REFERENCES repair_order ON DELETE CASCADE,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    body text NOT NULL,
    for_customer boolean NOT NULL
);
CREATE INDEX repair_note_order ON repair_note (repair_order_id, id);

-- A note's picture, made anew by us: nothing of the uploaded file is kept (docs/decisions/0062).
CREATE TABLE repair_photo (
    note_id bigint PRIMARY KEY REFERENCES repair_note ON DELETE CASCADE,
    jpeg bytea NOT NULL CHECK (octet_length(jpeg) <= 8 * 1024 * 1024),
    width smallint NOT NULL,
    height smallint NOT NULL
);
ALTER TABLE repair_photo ALTER COLUMN jpeg SET STORAGE EXTERNAL; -- compressed already

-- A version is never changed once it was sent.
CREATE TABLE estimate (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repair_order_id bigint NOT NULL REFERENCES repair_order ON DELETE CASCADE,
    version smallint NOT NULL CHECK (version > 0),
    currency char(3) NOT NULL,
    labour_tax_bp integer NOT NULL,
    parts_tax_bp integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    sent_at timestamptz,
    UNIQUE (repair_order_id, version)
);

CREATE TABLE estimate_line (
    estimate_id bigint NOT NULL REFERENCES estimate ON DELETE CASCADE,
    line smallint NOT NULL CHECK (line > 0),
    kind text NOT NULL CHECK (kind IN ('labour', 'part')),
    title text NOT NULL,
    hundredths integer NOT NULL CHECK (hundredths > 0), -- of an hour, or of a piece
    unit_minor integer NOT NULL CHECK (unit_minor >= 0),
    PRIMARY KEY (estimate_id, line)
);

-- Append-only: a line's newest answer is in force. It keeps what was shown, and where it came from.
CREATE TABLE estimate_answer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    estimate_id bigint NOT NULL,
    line smallint NOT NULL,
    approved boolean NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,   -- 'customer:7' by the link, 'staff:3' who was told
    wording text NOT NULL, -- the line and the sentence that was agreed to, as shown
    address text NOT NULL, -- network address; or how the advisor was told
    FOREIGN KEY (estimate_id, line) REFERENCES estimate_line ON DELETE CASCADE
);
CREATE INDEX estimate_answer_line ON estimate_answer (estimate_id, line, id DESC);

-- Work that a customer declined: the advisor is told again when it may suit better.
CREATE TABLE declined_work (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repair_order_id bigint NOT NULL UNIQUE REFERENCES repair_order ON DELETE CASCADE,
    titles text NOT NULL,
    due_at timestamptz NOT NULL,
    told_at timestamptz
);
CREATE INDEX declined_work_due ON declined_work (due_at) WHERE told_at IS NULL;

-- One for each order, the customer's to change for a week.
CREATE TABLE rating (
    repair_order_id bigint PRIMARY KEY REFERENCES repair_order ON DELETE CASCADE,
    customer_id integer NOT NULL REFERENCES customer,
    stars smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    words text NOT NULL,
    source text NOT NULL CHECK (source IN ('link', 'reply')),
    first_at timestamptz NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX rating_customer ON rating (customer_id);

-- Who is unhappy gets no advertising until a person lifts it.
CREATE TABLE promotion_stop (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customer,
    repair_order_id bigint REFERENCES repair_order ON DELETE SET NULL,
    since timestamptz NOT NULL,
    reason text NOT NULL,
    lifted_at timestamptz,
    lifted_by text
);
CREATE UNIQUE INDEX promotion_stop_one ON promotion_stop (customer_id) WHERE lifted_at IS NULL;

-- For two weeks after a repair the car itself tells whether it holds.
CREATE TABLE verification (
    repair_order_id bigint PRIMARY KEY REFERENCES repair_order ON DELETE CASCADE,
    vehicle_id integer NOT NULL REFERENCES vehicle,
    alert_id bigint NOT NULL REFERENCES alert,
    reopened integer NOT NULL,       -- the alert's count when the repair was closed
    causes text[] NOT NULL,          -- the repaired cause, and what may show that it is back
    began_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    extended boolean NOT NULL DEFAULT false,
    state text NOT NULL CHECK (state IN ('watching', 'verified', 'came_back', 'no_data')),
    decided_at timestamptz,
    comeback_alert_id bigint REFERENCES alert,
    evidence jsonb NOT NULL DEFAULT '{}',
    failed_at timestamptz,           -- wall clock: a row that could not be judged rests a while
    CHECK ((state = 'watching') = (decided_at IS NULL)),
    CHECK ((state = 'came_back') = (comeback_alert_id IS NOT NULL))
);
CREATE INDEX verification_until ON verification (state, until_at);
CREATE INDEX verification_vehicle ON verification (vehicle_id, began_at DESC);

-- All of these are read on the pages of repair orders, which follow that one name.
CREATE FUNCTION tell_repair_pages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('pages', 'repair_order');
    RETURN NULL;
END $$;
CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON repair_note
    FOR EACH STATEMENT EXECUTE FUNCTION tell_repair_pages();
CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON estimate
    FOR EACH STATEMENT EXECUTE FUNCTION tell_repair_pages();
CREATE TRIGGER tell_pages AFTER INSERT ON estimate_answer
    FOR EACH STATEMENT EXECUTE FUNCTION tell_repair_pages();
CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON rating
    FOR EACH STATEMENT EXECUTE FUNCTION tell_repair_pages();
CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON verification
    FOR EACH STATEMENT EXECUTE FUNCTION tell_repair_pages();
