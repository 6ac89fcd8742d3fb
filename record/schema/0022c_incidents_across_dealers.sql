-- Like cars may be spread so thinly that no dealer sees it: then all dealers' cars of a model are
-- counted, and each dealer still decides for its own.
ALTER TABLE incident ADD COLUMN across boolean NOT NULL DEFAULT false;
