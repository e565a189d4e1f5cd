-- +goose Up

-- The same tables as in SQLite. Times are UTC, RFC 3339 with nine digits after the second: text
-- that sorts, because timestamptz would round to a microsecond. Amounts are whole VND.

-- cipher_keys lists the keys that rows were ever encrypted with, never a key itself:
-- check_value tells at open whether the key at hand is the right one.
CREATE TABLE cipher_keys (
    id          text COLLATE "C" PRIMARY KEY,
    check_value bytea NOT NULL
);

-- settings holds what all programs on this database must agree on. oldest-program is the newest
-- schema that a program must at least know to use the store: a later migration that older
-- programs cannot live with raises it.
CREATE TABLE settings (
    name  text COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL
);
INSERT INTO settings (name, value) VALUES ('oldest-program', '1');

-- sales holds each sale as its events have made it. msisdn_cipher is NULL once the
-- subscriber's number is erased; the money facts stay.
CREATE TABLE sales (
    id            text COLLATE "C" PRIMARY KEY,
    version       bigint NOT NULL CHECK (version > 0),
    state         text COLLATE "C" NOT NULL,
    shop          text COLLATE "C" NOT NULL,
    order_id      text COLLATE "C" NOT NULL,
    package       text COLLATE "C" NOT NULL,
    price         bigint NOT NULL,
    cash_in       bigint NOT NULL,
    cash_out      bigint NOT NULL,
    last_three    text NOT NULL,
    reason        text NOT NULL,
    opened_at     text COLLATE "C" NOT NULL,
    updated_at    text COLLATE "C" NOT NULL,
    rested_at     text COLLATE "C",
    state_json    text NOT NULL,
    msisdn_cipher bytea,
    msisdn_key_id text COLLATE "C" REFERENCES cipher_keys (id),
    UNIQUE (shop, order_id),
    CHECK ((msisdn_cipher IS NULL) = (msisdn_key_id IS NULL))
) WITH (fillfactor = 60); -- room for the next version of a row beside the last, so that no index changes

-- due holds when the driver has something to do for a sale; a table of its own, because it changes
-- often and the sale is a long row.
CREATE TABLE due (
    sale_id text COLLATE "C" PRIMARY KEY,
    wake_at text COLLATE "C" NOT NULL
) WITH (fillfactor = 60);
CREATE INDEX due_wake ON due (wake_at, sale_id);

-- What is open, due, or to be erased is found without touching the sales at rest.
CREATE INDEX sales_opened    ON sales (opened_at, id);
CREATE INDEX sales_shop      ON sales (shop, opened_at, id);
CREATE INDEX sales_unsettled ON sales (opened_at, id) WHERE rested_at IS NULL;
CREATE INDEX sales_erasable  ON sales (rested_at, id) WHERE rested_at IS NOT NULL AND msisdn_cipher IS NOT NULL;
CREATE INDEX sales_key       ON sales (msisdn_key_id) WHERE msisdn_key_id IS NOT NULL;

-- events is what happened, in order, for the auditor: it is only ever added to.
CREATE TABLE events (
    sale_id  text COLLATE "C" NOT NULL REFERENCES sales (id),
    seq      bigint NOT NULL CHECK (seq > 0),
    at       text COLLATE "C" NOT NULL,
    kind     text NOT NULL,
    employee text, -- NULL: the machine
    amount   bigint,
    outcome  text,
    code     text,
    json     text NOT NULL,
    PRIMARY KEY (sale_id, seq)
);

CREATE TABLE partner_trans_ids (
    partner_trans_id text COLLATE "C" PRIMARY KEY,
    sale_id          text COLLATE "C" NOT NULL REFERENCES sales (id)
);

-- busy_claims holds who keeps a subscriber busy; hash is keyed.
CREATE TABLE busy_claims (
    hash    bytea NOT NULL,
    slot    bigint NOT NULL CHECK (slot >= 0),
    sale_id text COLLATE "C" NOT NULL UNIQUE REFERENCES sales (id),
    PRIMARY KEY (hash, slot)
);

-- audit is what an auditor may read; it holds no number and no key.
CREATE VIEW audit AS
    SELECT e.at::timestamptz AS at, s.shop, s.order_id, e.sale_id, e.seq, e.kind, e.employee, e.amount, e.outcome, e.code
    FROM events e JOIN sales s ON s.id = e.sale_id
    ORDER BY e.at, e.sale_id, e.seq;

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% are never changed or deleted', TG_TABLE_NAME;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sales_are_kept BEFORE DELETE OR TRUNCATE ON sales
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
