-- Detectors' records, counted as cases come and are answered: a page that counted a million anew
-- took a second.

-- What is counted; months are UTC's, for they are all dealers'. Of leads the logarithms are summed:
-- their mean is the geometric one, which for times as skewed as these lies near the median.
CREATE TABLE detector_count (
    detector text NOT NULL,
    version smallint NOT NULL,
    cause text NOT NULL,
    month date NOT NULL,
    told boolean NOT NULL,
    label text NOT NULL,               -- empty: not answered
    cases integer NOT NULL,
    log_lead double precision NOT NULL, -- sum of ln(hours to the answer) where there was a fault
    PRIMARY KEY (detector, version, cause, month, told, label)
);

-- What was added since, to be folded into the former (care.store.cases.fold). Only appended to, so
-- that who writes a case waits for nobody.
CREATE TABLE detector_change (LIKE detector_count);

CREATE VIEW detector_tally AS TABLE detector_count UNION ALL TABLE detector_change;

CREATE FUNCTION count_case(c detector_case, cases integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO detector_change VALUES (
        c.detector, c.version, c.cause, date_trunc('month', c.at AT TIME ZONE 'UTC')::date,
        c.alert_id IS NOT NULL, coalesce(c.label, ''), cases,
        cases * CASE WHEN c.label IN ('confirmed', 'confirmed_other')
            THEN ln(greatest(extract(epoch FROM c.answered_at - c.at)::float8 / 3600, 1)) ELSE 0 END)
$$;

CREATE FUNCTION count_cases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM count_case(OLD, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM count_case(NEW, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER count_cases AFTER INSERT OR UPDATE OR DELETE ON detector_case
    FOR EACH ROW EXECUTE FUNCTION count_cases();

DO $$ BEGIN
    PERFORM count_case(c, 1) FROM detector_case AS c;
END $$;

-- A page lists the newest of which nobody was told.
CREATE INDEX detector_case_silent ON detector_case (detector, at DESC, id DESC)
    WHERE alert_id IS NULL;
