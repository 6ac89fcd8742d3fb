-- Several ways to one person: which are allowed, which one was taken, how fast and at what cost.

-- A message keeps its order of preference; which of them it takes is settled when it is claimed.
ALTER TABLE outreach DROP CONSTRAINT outreach_channel_check;
ALTER TABLE outreach
    ADD CONSTRAINT outreach_channel_check
        CHECK (channel IN ('sms', 'whatsapp', 'email', 'wecom', 'voice')),
    ADD COLUMN channels text[] NOT NULL DEFAULT '{sms}' CHECK (channels <> '{}'
        AND channels <@ '{sms,whatsapp,email,wecom,voice}'),
    ADD COLUMN root_id bigint REFERENCES outreach, -- what this is a further attempt at, by another channel
    ADD COLUMN draft text,             -- its words before the claim, for such an attempt
    ADD COLUMN content_sid text,       -- the approved template that said it, on WhatsApp
    ADD COLUMN media_url text CHECK (media_url ~ '^https?://'),
    ADD COLUMN cost_micros bigint,     -- millionths of the currency; of the rate table, then the provider's
    ADD COLUMN currency text CHECK (currency ~ '^[A-Z]{3}$'),
    ADD COLUMN cost_is_final boolean NOT NULL DEFAULT true, -- nothing more is to be asked
    ADD COLUMN asked_at timestamptz,   -- wall clock: when the provider was last asked what became of it
    ADD COLUMN asks integer NOT NULL DEFAULT 0,
    ADD CHECK ((cost_micros IS NULL) = (currency IS NULL));
-- An id is unique within its provider only, but Twilio's, WeCom's and our own Message-IDs differ in
-- form, so the one index on provider_sid holds for all.
CREATE INDEX outreach_root ON outreach (root_id) WHERE root_id IS NOT NULL;
CREATE INDEX outreach_to_ask ON outreach (asked_at NULLS FIRST)
    WHERE state = 'sent' OR (state IN ('delivered', 'undelivered') AND NOT cost_is_final);

COMMENT ON COLUMN outreach.to_phone IS
    'The address at the moment of sending, as suppression.phone: +13125551200 (SMS), '
    'whatsapp:+13125551200, ada@example.com, wecom:woAJ2GCAAAXtWyujaWJHDDGi0mACAAAA';
COMMENT ON COLUMN suppression.phone IS 'An address of any channel, written as outreach.to_phone.';

ALTER TABLE consent DROP CONSTRAINT IF EXISTS consent_channel_check;
ALTER TABLE consent ADD CONSTRAINT consent_channel_check
    CHECK (channel IN ('sms', 'whatsapp', 'email', 'wecom', 'voice'));

ALTER TABLE customer ADD COLUMN wecom_id text UNIQUE CHECK (wecom_id ~ '^[A-Za-z0-9_-]{1,64}$');
ALTER TABLE staff ADD COLUMN wecom_id text UNIQUE CHECK (wecom_id ~ '^[A-Za-z0-9_.@-]{1,64}$');

-- WhatsApp lets us speak first only in words that it has approved: which of its templates stands for
-- ours. Variables are filled in the order given: first_name, dealer, link, body.
CREATE TABLE content_template (
    template text NOT NULL,
    language text NOT NULL,
    content_sid text NOT NULL CHECK (content_sid ~ '^HX[0-9a-fA-F]{32}$'),
    variables text[] NOT NULL DEFAULT '{}'
        CHECK (variables <@ '{first_name,dealer,link,body}'),
    PRIMARY KEY (template, language)
);

-- A token bucket for each channel, so that all senders together keep the pace.
CREATE TABLE channel_pace (
    channel text PRIMARY KEY,
    tokens real NOT NULL,
    at timestamptz NOT NULL -- wall clock
);

-- What a message costs until the provider says so: the longest prefix of the address counts.
CREATE TABLE channel_rate (
    channel text NOT NULL,
    prefix text NOT NULL,
    micros bigint NOT NULL CHECK (micros >= 0), -- for each segment
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    PRIMARY KEY (channel, prefix)
);
INSERT INTO channel_rate (channel, prefix, micros, currency) VALUES
    ('sms', '', 79000, 'USD'),
    ('sms', '+1', 7900, 'USD'),
    ('whatsapp', '', 5000, 'USD'),
    ('email', '', 0, 'USD'),
    ('wecom', '', 0, 'USD');
