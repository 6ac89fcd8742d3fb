-- What is wrong, or due. Written by detectors, read by care; frame_log (0002) is how frames get here.

-- One row a vehicle: the states of its whole bank as MessagePack, and up to which frame it was judged.
CREATE TABLE detector_state (
    vehicle_id integer PRIMARY KEY,
    judged_ts timestamptz NOT NULL,
    versions text NOT NULL,      -- of every detector and of River; on mismatch recent history is replayed
    state bytea NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now()
);
-- Rewritten every few seconds: room for the new version beside the old one, and prompt cleaning.
ALTER TABLE detector_state SET (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE detector_state ALTER COLUMN state SET STORAGE MAIN;

-- Workers take shards, and let others know that they live, by session advisory locks: those end
-- with the connection, so no table of heartbeats has to be kept or believed.

-- A bank knows its car's row (the service schedule, the last service); updated_at tells it to look
-- again, so every change must move it.
CREATE FUNCTION vehicle_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.updated_at = OLD.updated_at THEN
        NEW.updated_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER vehicle_touched BEFORE UPDATE ON vehicle
    FOR EACH ROW EXECUTE FUNCTION vehicle_touched();

CREATE TABLE finding (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vehicle_id integer NOT NULL REFERENCES vehicle,
    detector text NOT NULL,
    cause text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('raised', 'refreshed', 'recovered')),
    at timestamptz NOT NULL,
    urgency text NOT NULL CHECK (urgency IN ('stop', 'soon', 'service', 'info')),
    confidence real NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    summary text NOT NULL,
    evidence jsonb NOT NULL,
    expect_from timestamptz,
    expect_to timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    handled_at timestamptz,      -- when care took it up; NULL is the work list
    UNIQUE (vehicle_id, detector, cause, at, kind)
);
CREATE INDEX finding_unhandled ON finding (id) WHERE handled_at IS NULL;
CREATE INDEX finding_vehicle ON finding (vehicle_id, at DESC);
