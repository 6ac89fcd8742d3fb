-- One list of the days on which a dealer is closed, for promises of time and for visits alike.
INSERT INTO dealer_closure (dealer_id, day, reason) SELECT dealer_id, day, why FROM closure
    ON CONFLICT DO NOTHING;
DROP TABLE closure;

-- A bay or a technician that is gone keeps its past, and gets no visit any more.
ALTER TABLE bay ADD COLUMN active boolean NOT NULL DEFAULT true;
ALTER TABLE technician ADD COLUMN active boolean NOT NULL DEFAULT true;
ALTER TABLE run ADD COLUMN active boolean NOT NULL DEFAULT true;
