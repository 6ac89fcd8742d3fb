-- What the cars said, what could not be used, and what waits to be judged.

-- One row is one frame, one column each signal of record/signals.py (a test compares the two).
-- No foreign key to vehicle: ingest looks every VIN up before it stores a frame, and a key would
-- repeat that look-up, and lock the vehicle's row, once more for each frame. Who deletes a vehicle
-- deletes its telemetry.
CREATE TABLE telemetry (
    vehicle_id integer NOT NULL,
    ts timestamptz NOT NULL,
    seq bigint,
    -- driving and surroundings
    ignition text,
    speed_kmh real,
    odometer_m integer,
    gear smallint,
    accelerator_pedal_pct real,
    accelerator_pedal_e_pct real,
    latitude_deg double precision,
    longitude_deg double precision,
    altitude_m real,
    heading_deg real,
    ambient_temp_c real,
    ambient_humidity_pct real,
    barometric_pressure_kpa real,
    -- combustion engine
    engine_running boolean,
    engine_speed_rpm real,
    engine_load_pct real,
    engine_torque_nm smallint,
    engine_hours_h real,
    run_time_s integer,
    coolant_temp_c real,
    coolant_level text,
    oil_temp_c real,
    oil_pressure_kpa smallint,
    oil_level text,
    oil_life_s integer,
    intake_air_temp_c real,
    intake_pressure_kpa real,
    air_flow_g_s real,
    throttle_pct real,
    throttle_relative_pct real,
    throttle_b_pct real,
    throttle_commanded_pct real,
    timing_advance_deg real,
    short_fuel_trim_1_pct real,
    long_fuel_trim_1_pct real,
    short_fuel_trim_2_pct real,
    long_fuel_trim_2_pct real,
    equivalence_ratio real,
    o2_b1s1_voltage_v real,
    o2_b1s2_voltage_v real,
    catalyst_temp_b1s1_c real,
    catalyst_temp_b1s2_c real,
    evap_purge_pct real,
    egr_commanded_pct real,
    egr_error_pct real,
    fuel_rail_pressure_kpa real,
    dpf_delta_pressure_pa real,
    dpf_inlet_temp_c real,
    dpf_outlet_temp_c real,
    def_level_pct smallint,
    -- fuel
    fuel_level_pct real,
    fuel_range_m integer,
    fuel_rate_l_h real,
    fuel_consumption_l_100km real,
    -- 12 V battery
    battery_voltage_v real,
    battery_current_a real,
    -- transmission
    transmission_temp_c real,
    clutch_wear_pct smallint,
    -- wheels and brakes
    tire_pressure_front_left_kpa smallint,
    tire_pressure_front_right_kpa smallint,
    tire_pressure_rear_left_kpa smallint,
    tire_pressure_rear_right_kpa smallint,
    tire_temp_front_left_c smallint,
    tire_temp_front_right_c smallint,
    tire_temp_rear_left_c smallint,
    tire_temp_rear_right_c smallint,
    pad_wear_front_left_pct smallint,
    pad_wear_front_right_pct smallint,
    pad_wear_rear_left_pct smallint,
    pad_wear_rear_right_pct smallint,
    brake_fluid_level_pct smallint,
    -- traction battery and electric drive
    soc_displayed_pct real,
    soc_pct real,
    soh_pct real,
    cell_voltage_min_v real,
    cell_voltage_max_v real,
    pack_temp_c real,
    pack_temp_min_c real,
    pack_temp_max_c real,
    pack_voltage_v real,
    pack_current_a real,
    charging boolean,
    charging_power_kw real,
    charging_time_left_s integer,
    electric_range_m integer,
    motor_temp_c real,
    -- diagnostics and service
    mil_on boolean,
    dtc_count smallint,
    freeze_dtc text,
    distance_mil_km integer,
    run_time_mil_min integer,
    distance_since_clear_km integer,
    time_since_clear_min integer,
    warmups_since_clear smallint,
    distance_to_service_km real,
    time_to_service_s integer,
    service_due boolean,
    washer_fluid_low boolean,
    -- the rest of the frame
    dtcs text[],
    other jsonb,     -- {VSS path: value} of paths that the catalogue does not know
    rejected jsonb,  -- {VSS path: [value as text, reason]} of signals that were refused
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (vehicle_id, ts)
);

-- A day a chunk: 100,000 cars at an hour's driving and a frame each 10 s fill about 36 million rows
-- with 1 GB of primary key, which fits in memory. Frames of today and late ones of yesterday touch
-- two chunks. Always bound ts in a query, so that the other chunks need not even be planned.
-- The primary key is the only index: read backwards it gives the last frames of a vehicle, forwards
-- a chart over a window. Timescale's default index on ts alone would serve neither.
DO $$ BEGIN -- a bare SELECT would print its row at every migration
    PERFORM create_hypertable(
        'telemetry',
        by_range('ts', INTERVAL '1 day'),
        create_default_indexes => false
    );
END $$;

-- Messages and frames that could not be used, whole, until somebody replays or deletes them.
-- The broker may deliver a message twice, and a device may repeat its mistake for weeks: the same
-- bytes on the same topic are one row, counted.
CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now(), -- first
    seen_at timestamptz NOT NULL DEFAULT now(),     -- last
    seen integer NOT NULL DEFAULT 1,
    topic text NOT NULL,
    vin text,                       -- as claimed by the topic, known to us or not
    payload bytea NOT NULL,
    digest bytea NOT NULL GENERATED ALWAYS AS (sha256(payload)) STORED,
    reason_code text NOT NULL,      -- stable, for counting: unknown_vin, clock_ahead
    reason text NOT NULL,           -- for people
    ts timestamptz,                 -- of the frame, where it has a readable one
    replayed_at timestamptz,        -- set when a replay stored it
    attempts integer NOT NULL DEFAULT 0,
    UNIQUE (topic, digest)
);

CREATE INDEX quarantine_waiting ON quarantine (reason_code, id) WHERE replayed_at IS NULL;
CREATE INDEX quarantine_vin ON quarantine (vin, received_at);

-- Stored frames on their way to the detectors, written in the transaction that stores them and
-- deleted in the one that stores what was found. Consumers delete exactly the ids that they read:
-- ids are handed out before commit, so "id > last" would skip rows.
CREATE TABLE frame_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shard smallint NOT NULL,
    frame_count integer NOT NULL,
    frames bytea NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX frame_log_shard ON frame_log (shard, id);

-- Rows live for seconds: compressing them would be wasted, and dead ones must go soon.
ALTER TABLE frame_log ALTER COLUMN frames SET STORAGE EXTERNAL;
ALTER TABLE frame_log SET (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000
);

-- Online or offline, as the car's last will says.
CREATE TABLE vehicle_status (
    vehicle_id integer PRIMARY KEY REFERENCES vehicle (id) ON DELETE CASCADE,
    online boolean NOT NULL,
    changed_at timestamptz NOT NULL
);
