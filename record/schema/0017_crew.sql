-- The chat of staff that goes with a repair, and which of its states was told there last.
CREATE TABLE repair_chat (
    repair_order_id bigint PRIMARY KEY REFERENCES repair_order,
    told text NOT NULL DEFAULT '',         -- '' until the chat is made
    members text[] NOT NULL,
    next_at timestamptz NOT NULL,          -- not tried before
    why text                               -- it failed, or will not be tried any more
);

-- In whose name a message went, where a member of staff must send it: asked about under that name.
ALTER TABLE outreach ADD COLUMN sent_by text;
