-- What was done at services beside the service itself, and when last: an item of record/maintenance.yaml
-- to {"at", "odometer_m", "engine_hours"}. An item that is not there was never seen done.
ALTER TABLE vehicle ADD COLUMN service_items jsonb NOT NULL DEFAULT '{}'
    CHECK (jsonb_typeof(service_items) = 'object');
