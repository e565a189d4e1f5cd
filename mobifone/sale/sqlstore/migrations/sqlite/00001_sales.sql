-- +goose Up

-- Times are UTC, RFC 3339 with nine digits after the second, so that they sort as text.
-- Amounts are whole VND.

-- cipher_keys lists the keys that rows were ever encrypted with, never a key itself:
-- check_value tells at open whether the key at hand is the right one.
CREATE TABLE cipher_keys (
    id          TEXT PRIMARY KEY NOT NULL,
    check_value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- settings holds what all processes on this file must agree on.
CREATE TABLE settings (
    name  TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- sales holds each sale as its events have made it. msisdn_cipher is NULL once the
-- subscriber's number is erased; the money facts stay.
CREATE TABLE sales (
    id            TEXT PRIMARY KEY NOT NULL,
    version       INTEGER NOT NULL CHECK (version > 0),
    state         TEXT NOT NULL,
    shop          TEXT NOT NULL,
    order_id      TEXT NOT NULL,
    package       TEXT NOT NULL,
    price         INTEGER NOT NULL,
    cash_in       INTEGER NOT NULL,
    cash_out      INTEGER NOT NULL,
    last_three    TEXT NOT NULL,
    reason        TEXT NOT NULL,
    opened_at     TEXT NOT NULL,
    updated_at    TEXT NOT NULL,
    wake_at       TEXT,
    rested_at     TEXT,
    state_json    TEXT NOT NULL,
    msisdn_cipher BLOB,
    msisdn_key_id TEXT REFERENCES cipher_keys (id),
    UNIQUE (shop, order_id),
    CHECK ((msisdn_cipher IS NULL) = (msisdn_key_id IS NULL))
) STRICT;

-- What is open, due, or to be erased is found without touching the sales at rest.
CREATE INDEX sales_opened    ON sales (opened_at, id);
CREATE INDEX sales_shop      ON sales (shop, opened_at, id);
CREATE INDEX sales_unsettled ON sales (opened_at, id) WHERE rested_at IS NULL;
CREATE INDEX sales_wake      ON sales (wake_at, id)   WHERE wake_at IS NOT NULL;
CREATE INDEX sales_erasable  ON sales (rested_at, id) WHERE rested_at IS NOT NULL AND msisdn_cipher IS NOT NULL;
CREATE INDEX sales_key       ON sales (msisdn_key_id) WHERE msisdn_key_id IS NOT NULL;

-- events is what happened, in order, for the auditor: it is only ever added to.
CREATE TABLE events (
    sale_id  TEXT NOT NULL REFERENCES sales (id),
    seq      INTEGER NOT NULL CHECK (seq > 0),
    at       TEXT NOT NULL,
    kind     TEXT NOT NULL,
    employee TEXT, -- NULL: the machine
    amount   INTEGER,
    outcome  TEXT,
    code     TEXT,
    json     TEXT NOT NULL,
    PRIMARY KEY (sale_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE partner_trans_ids (
    partner_trans_id TEXT PRIMARY KEY NOT NULL,
    sale_id          TEXT NOT NULL REFERENCES sales (id)
) STRICT, WITHOUT ROWID;

CREATE INDEX partner_trans_ids_sale ON partner_trans_ids (sale_id);

-- busy_claims holds who keeps a subscriber busy; hash is keyed.
CREATE TABLE busy_claims (
    hash    BLOB NOT NULL,
    slot    INTEGER NOT NULL CHECK (slot >= 0),
    sale_id TEXT NOT NULL UNIQUE REFERENCES sales (id),
    PRIMARY KEY (hash, slot)
) STRICT, WITHOUT ROWID;

CREATE VIEW audit AS
    SELECT e.at, s.shop, s.order_id, e.sale_id, e.seq, e.kind, e.employee, e.amount, e.outcome, e.code
    FROM events e JOIN sales s ON s.id = e.sale_id
    ORDER BY e.at, e.sale_id, e.seq;

-- +goose StatementBegin
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN
    SELECT RAISE(ABORT, 'events are never changed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER events_are_kept BEFORE DELETE ON events BEGIN
    SELECT RAISE(ABORT, 'events are never deleted');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER sales_are_kept BEFORE DELETE ON sales BEGIN
    SELECT RAISE(ABORT, 'sales are never deleted');
END;
-- +goose StatementEnd
