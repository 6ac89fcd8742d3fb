-- Many like cars with the same alert in a week: one matter for a manager, not a storm of texts.
CREATE TABLE incident (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer NOT NULL REFERENCES dealer,
    cause text NOT NULL,
    make text,
    model text, -- NULL: cars of all models, as in a cold snap
    opened_at timestamptz NOT NULL,
    cars integer NOT NULL,       -- of so many
    alerting integer NOT NULL,   -- so many had it, when it was opened
    expected real NOT NULL,      -- where so many are usual in a week
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'released', 'closed')),
    code text,                   -- a reason of care.dismissal, where it was closed
    why text,
    decided_by text,             -- 'staff:3', or 'care'
    decided_at timestamptz,
    CHECK ((make IS NULL) = (model IS NULL)),
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK ((state = 'open') = (decided_by IS NULL)),
    CHECK ((state = 'closed') = (code IS NOT NULL))
);
CREATE UNIQUE INDEX incident_one_open ON incident
    (dealer_id, cause, coalesce(make, ''), coalesce(model, '')) WHERE state = 'open';
CREATE INDEX incident_newest ON incident (dealer_id, opened_at DESC);

ALTER TABLE alert ADD COLUMN incident_id integer REFERENCES incident;
CREATE INDEX alert_incident ON alert (incident_id) WHERE incident_id IS NOT NULL;
CREATE INDEX alert_of_cause ON alert (cause, opened_at);
CREATE INDEX alert_opened ON alert (opened_at);
