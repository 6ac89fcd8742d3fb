-- Who does which task, until when, how many a day, and what came of it.

-- An adviser for insurance takes over cases that are handed to them, and sees no others' customers.
ALTER TABLE staff DROP CONSTRAINT staff_role_check;
ALTER TABLE staff ADD CONSTRAINT staff_role_check
    CHECK (role IN ('advisor', 'technician', 'insurance', 'manager', 'admin'));
ALTER TABLE staff ADD COLUMN calls_a_day smallint NOT NULL DEFAULT 25
    CHECK (calls_a_day BETWEEN 0 AND 200);

-- Public holidays come from the country and its part; a dealer's own closing days from here.
ALTER TABLE dealer ADD COLUMN subdivision text; -- ISO 3166-2 without the country: 'IL', 'BY'
CREATE TABLE closure (
    dealer_id integer NOT NULL REFERENCES dealer,
    day date NOT NULL,
    why text NOT NULL,      -- 'stock-taking'
    PRIMARY KEY (dealer_id, day)
);

-- What a case may be worth; NULL is "not known", which counts as usual.
ALTER TABLE op_code ADD COLUMN usual_value real CHECK (usual_value > 0);
ALTER TABLE vehicle ADD COLUMN warranty_until date;

ALTER TABLE task
    ADD COLUMN factors jsonb NOT NULL DEFAULT '[]', -- why it is where it is: [{name, times, why}]
    ADD COLUMN must_today boolean NOT NULL DEFAULT false, -- no budget puts it off: the car should stop
    ADD COLUMN claimed_until timestamptz,  -- its owner works on it; nobody else does until then
    ADD COLUMN snoozed_until timestamptz,
    ADD COLUMN snooze_reason text,
    ADD COLUMN tries smallint NOT NULL DEFAULT 0, -- calls that nobody took
    ADD COLUMN escalations smallint NOT NULL DEFAULT 0,
    ADD COLUMN escalated_at timestamptz,
    ADD COLUMN escalated_to integer REFERENCES staff,
    ADD COLUMN escalate_at timestamptz,    -- when it is looked at next; NULL: at its deadline
    ADD CHECK (claimed_until IS NULL OR owner_id IS NOT NULL),
    ADD CHECK ((snoozed_until IS NULL) = (snooze_reason IS NULL));
UPDATE task SET must_today = true FROM alert
    WHERE alert.id = task.alert_id AND alert.urgency = 'stop' AND task.state = 'open';

CREATE INDEX task_overdue ON task ((coalesce(escalate_at, deadline)), id)
    WHERE state = 'open' AND escalations < 3;
CREATE INDEX task_snoozed ON task (snoozed_until) WHERE state = 'open' AND snoozed_until IS NOT NULL;
-- The first so-many of each owner, and of nobody: an advisor's day.
CREATE INDEX task_day ON task (dealer_id, owner_id, must_today DESC, priority DESC, id)
    WHERE state = 'open' AND kind <> 'watch';
DROP INDEX task_counts;
CREATE INDEX task_counts ON task (dealer_id, kind, owner_id) INCLUDE (snoozed_until, escalations)
    WHERE state = 'open';
CREATE INDEX task_done_by ON task (done_by, done_at) WHERE state = 'done';

ALTER TABLE setback DROP CONSTRAINT setback_kind_check;
ALTER TABLE setback ADD CONSTRAINT setback_kind_check
    CHECK (kind IN ('finding', 'reply', 'outreach', 'task'));

-- A case handed to a colleague with all its history. It comes back with an answer.
CREATE TABLE handover (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL REFERENCES task,
    dealer_id integer NOT NULL REFERENCES dealer,
    from_staff_id integer NOT NULL REFERENCES staff,
    to_role text CHECK (to_role IN ('technician', 'insurance')),
    to_staff_id integer REFERENCES staff,   -- a named colleague, or whoever of the role accepts it
    note text NOT NULL CHECK (note <> ''),
    at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'accepted', 'returned', 'over')),
    accepted_at timestamptz,
    answer text,
    ended_at timestamptz,
    CHECK (to_role IS NOT NULL OR to_staff_id IS NOT NULL),
    CHECK (state <> 'accepted' OR to_staff_id IS NOT NULL),
    CHECK ((state IN ('returned', 'over')) = (ended_at IS NOT NULL)),
    CHECK (state <> 'returned' OR answer <> '')
);
CREATE UNIQUE INDEX handover_one_live ON handover (task_id) WHERE state IN ('waiting', 'accepted');
CREATE INDEX handover_dealer ON handover (dealer_id, at) WHERE state IN ('waiting', 'accepted');
CREATE INDEX handover_task ON handover (task_id, at DESC);

-- What came of each call.
CREATE TABLE call (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL REFERENCES task,
    customer_id integer REFERENCES customer,
    staff_id integer NOT NULL REFERENCES staff,
    at timestamptz NOT NULL,
    result text NOT NULL CHECK (result IN
        ('booked', 'declined', 'not_reached', 'wrong_number', 'sold')),
    reason text,
    note text,
    CHECK (result <> 'declined' OR reason IS NOT NULL)
);
CREATE INDEX call_task ON call (task_id, at DESC);
CREATE INDEX call_staff ON call (staff_id, at);
CREATE INDEX call_customer ON call (customer_id, at DESC);

-- Why a person said that an alert is not a problem. Where that says something of the detector, it
-- has a label like a workshop's outcome; "the customer knows" has none. Append-only.
CREATE TABLE dismissal_label (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id bigint NOT NULL REFERENCES alert,
    reason text NOT NULL,
    label text CHECK (label IN ('confirmed', 'no_fault_found')),
    note text NOT NULL DEFAULT '',
    staff_id integer REFERENCES staff,
    at timestamptz NOT NULL
);
CREATE INDEX dismissal_label_alert ON dismissal_label (alert_id, at DESC);

CREATE TRIGGER tell_pages AFTER INSERT OR UPDATE ON handover
    FOR EACH STATEMENT EXECUTE FUNCTION tell_pages();
