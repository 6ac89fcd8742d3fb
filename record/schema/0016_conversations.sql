-- What we know how to answer: a row for each version, the newest in force; of nobody, or one dealer's.
CREATE TABLE article (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id integer REFERENCES dealer,   -- NULL: shipped, for whoever has none of the same name
    name text NOT NULL CHECK (name ~ '^[a-z0-9-]{1,60}$'),
    language text NOT NULL CHECK (language IN ('en', 'zh')),
    version integer NOT NULL,
    question text NOT NULL CHECK (length(question) BETWEEN 1 AND 500),
    answer text NOT NULL CHECK (length(answer) BETWEEN 1 AND 1000),
    in_force boolean NOT NULL,             -- false: taken out, or there is a newer one
    terms text NOT NULL,                   -- of Chinese: its characters in pairs, see care.knowledge
    made_by text NOT NULL,                 -- 'shipped' or 'staff:3'
    made_at timestamptz NOT NULL,
    words tsvector NOT NULL GENERATED ALWAYS AS (
        CASE language WHEN 'zh' THEN to_tsvector('simple', terms)
        ELSE setweight(to_tsvector('english', question), 'A')
            || setweight(to_tsvector('english', answer), 'D') END
    ) STORED,
    UNIQUE NULLS NOT DISTINCT (dealer_id, name, language, version)
);
CREATE UNIQUE INDEX article_in_force ON article (dealer_id, name, language) NULLS NOT DISTINCT
    WHERE in_force;
CREATE INDEX article_words ON article USING gin (words);

-- Which article an advisor's answer began with, and whether they changed the words.
ALTER TABLE outreach ADD COLUMN article_id integer REFERENCES article;
ALTER TABLE outreach ADD COLUMN article_changed boolean;

CREATE INDEX reply_received ON reply (received_at DESC);
CREATE INDEX task_reply_times ON task (dealer_id, created_at) WHERE kind = 'reply';
