-- Who moves a standing clock wakes whoever waits for the time to come.
CREATE FUNCTION tell_clock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY clock;
    RETURN NULL;
END $$;
CREATE TRIGGER tell_clock AFTER INSERT OR UPDATE ON clock
    FOR EACH STATEMENT EXECUTE FUNCTION tell_clock();

-- Findings are taken up by when the car showed them.
DROP INDEX finding_unhandled;
CREATE INDEX finding_unhandled ON finding (at, vehicle_id, id) WHERE handled_at IS NULL;
