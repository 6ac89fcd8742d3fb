-- What people look for, and the order in which pages list it.

-- Part of a name, a plate, a VIN or a phone number finds its row without reading them all.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX customer_name_part ON customer USING gin (name gin_trgm_ops);
CREATE INDEX customer_phone_part ON customer USING gin (phone gin_trgm_ops);
CREATE INDEX vehicle_vin_part ON vehicle USING gin (vin gin_trgm_ops);
-- Plates are typed with and without blanks and hyphens.
CREATE INDEX vehicle_plate_part ON vehicle
    USING gin (translate(upper(plate), ' -.', '') gin_trgm_ops);

CREATE INDEX vehicle_by_model ON vehicle (dealer_id, make, model, id);
CREATE INDEX customer_by_name ON customer (dealer_id, name, id);

CREATE INDEX task_list ON task (dealer_id, priority DESC, id) WHERE state = 'open';
CREATE INDEX task_counts ON task (dealer_id, kind, owner_id) WHERE state = 'open';
CREATE INDEX task_alert ON task (alert_id);
CREATE INDEX booking_alert ON booking (alert_id);
CREATE INDEX reply_time ON reply (received_at DESC);
CREATE INDEX task_customer ON task (customer_id) WHERE state = 'open';
