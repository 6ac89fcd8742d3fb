-- What the cars of an incident have in common, and by one rule, whose care a car is in.

-- Its owner's dealer; its own where nobody is known to own it. Inlined: who asks of one car reads
-- one row, who asks of a dealer's cars reads them in one pass.
CREATE FUNCTION in_care(at timestamptz) RETURNS TABLE (vehicle_id integer, dealer_id integer)
LANGUAGE sql STABLE AS $$
    SELECT v.id, coalesce(c.dealer_id, v.dealer_id)
    FROM vehicle v
    LEFT JOIN ownership w ON w.vehicle_id = v.id AND w.during @> at
    LEFT JOIN customer c ON c.id = w.customer_id
$$;

-- A gateway may tell its firmware when it comes online.
ALTER TABLE vehicle_status ADD COLUMN firmware text;

ALTER TABLE incident
    ADD COLUMN waits_since timestamptz, -- it was opened, or opened again
    ADD COLUMN counted integer,         -- alerts that it had when its cars were compared
    ADD COLUMN counted_at timestamptz,
    ADD COLUMN elsewhere integer;       -- cars of other dealers that had the same alert meanwhile
UPDATE incident SET waits_since = opened_at;
ALTER TABLE incident ALTER COLUMN waits_since SET NOT NULL;

-- Of each kind of trait the one that says most. Counts only: it names no car.
CREATE TABLE incident_trait (
    incident_id integer NOT NULL REFERENCES incident ON DELETE CASCADE,
    kind text NOT NULL,      -- a key of care.traits.KINDS
    value text NOT NULL,
    cars integer NOT NULL,     -- so many of its cars have it (of its days, in weather)
    of_cars integer NOT NULL,  -- of those that are known
    fleet integer NOT NULL,    -- and so many of the cars to compare with, these among them
    of_fleet integer NOT NULL,
    chance double precision NOT NULL CHECK (chance BETWEEN 0 AND 1), -- that it is a coincidence
    PRIMARY KEY (incident_id, kind)
);
