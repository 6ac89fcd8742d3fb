-- How right each detector was, where it stands, and what trials on history said of it.

ALTER TABLE finding ADD COLUMN version smallint NOT NULL DEFAULT 0; -- of its detector; 0: not kept

-- Where a detector stands: the newest row of each is in force. Append-only.
CREATE TABLE detector_stage (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    detector text NOT NULL,
    stage text NOT NULL CHECK (stage IN ('shadow', 'probation', 'in_force', 'set_aside')),
    by text NOT NULL,        -- 'staff:3', or 'detectors' where it began
    at timestamptz NOT NULL,
    why text NOT NULL CHECK (why <> ''),
    evidence jsonb NOT NULL DEFAULT '{}'    -- what was measured when it was decided
);
CREATE INDEX detector_stage_newest ON detector_stage (detector, id DESC);

-- One detector's part in one alert; or, while nobody is told (alert_id is NULL), what would have
-- been one. Its label is the newest answer of a workshop, or of who dismissed it.
CREATE TABLE detector_case (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    detector text NOT NULL,
    version smallint NOT NULL,
    cause text NOT NULL,     -- under which it was told
    vehicle_id integer NOT NULL REFERENCES vehicle,
    alert_id bigint REFERENCES alert,
    finding_id bigint NOT NULL REFERENCES finding,  -- the first one
    at timestamptz NOT NULL,
    features jsonb NOT NULL, -- what was known then: names to numbers and words
    label text CHECK (label IN ('confirmed', 'confirmed_other', 'no_fault_found')),
    answered_at timestamptz,
    answered_by text,        -- 'staff:3', 'repair_order:5'
    CHECK ((label IS NULL) = (answered_at IS NULL)),
    CHECK ((label IS NULL) = (answered_by IS NULL))
);
CREATE UNIQUE INDEX detector_case_alert ON detector_case (alert_id, detector);
CREATE INDEX detector_case_vehicle ON detector_case (vehicle_id, at DESC);
CREATE INDEX detector_case_record
    ON detector_case (detector, version, cause, at) INCLUDE (label, answered_at, alert_id);
CREATE INDEX detector_case_answered ON detector_case (answered_at, id) WHERE label IS NOT NULL;

INSERT INTO detector_case (detector, version, cause, vehicle_id, alert_id, finding_id, at, features,
        label, answered_at, answered_by)
    SELECT f.detector, 0, a.cause, a.vehicle_id, a.id, f.id, f.at, '{}',
           answer.label, answer.at, answer.by
    FROM (SELECT DISTINCT ON (l.alert_id, f.detector) l.alert_id, f.id, f.detector, f.at
          FROM alert_finding l JOIN finding f ON f.id = l.finding_id
          WHERE f.kind <> 'recovered' ORDER BY l.alert_id, f.detector, f.at, f.id) AS f
    JOIN alert a ON a.id = f.alert_id
    LEFT JOIN LATERAL (
        SELECT label, at, 'repair_order:' || repair_order_id AS by FROM outcome
        WHERE alert_id = a.id AND label IN ('confirmed', 'confirmed_other', 'no_fault_found')
        UNION ALL
        SELECT label, at, coalesce('staff:' || staff_id, 'care') FROM dismissal_label
        WHERE alert_id = a.id AND label IS NOT NULL
        ORDER BY at DESC LIMIT 1) AS answer ON true;

-- Tasks are ranked anew once a day, for answers have come since.
ALTER TABLE task ADD COLUMN ranked_on date;
CREATE INDEX task_ranked ON task (ranked_on NULLS FIRST, id)
    WHERE state = 'open' AND alert_id IS NOT NULL;

-- A trial on stored history that somebody wanted to keep. Names no vehicle.
CREATE TABLE backtest (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    detector text NOT NULL,         -- or 'all'
    versions text NOT NULL,         -- of the detectors that were tried: 'weak_battery 4'
    source text NOT NULL,           -- 'stored history', or a world's file by name
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    at timestamptz NOT NULL,
    report jsonb NOT NULL,
    CHECK (since < until)
);
CREATE INDEX backtest_detector ON backtest (detector, id DESC);
