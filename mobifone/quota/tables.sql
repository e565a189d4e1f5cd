-- What the limiter keeps in PostgreSQL, and the rule of rule.go by which it hands out slots. The
-- names are those of rule.go; a test compares the two answer by answer. All times are
-- microseconds of the server's clock.

CREATE TABLE IF NOT EXISTS mobifone_quota (
	name   text PRIMARY KEY,
	run    text NOT NULL,
	next   bigint NOT NULL DEFAULT 0,
	low    bigint NOT NULL DEFAULT 0,
	fore   bigint NOT NULL DEFAULT 0,
	cap    bigint NOT NULL DEFAULT 0,
	last   bigint NOT NULL DEFAULT 0,
	settle bigint NOT NULL DEFAULT 0,
	ask    bigint[] NOT NULL DEFAULT '{0,0,0}',
	due    bigint[] NOT NULL DEFAULT '{0,0,0}',
	pause  bigint[] NOT NULL DEFAULT '{0,0,0}'
) WITH (fillfactor = 50);

-- subscriber is a keyed hash; a number is never here.
CREATE TABLE IF NOT EXISTS mobifone_quota_otp (
	name       text NOT NULL,
	subscriber text NOT NULL,
	token      text NOT NULL,
	until      timestamptz NOT NULL,
	PRIMARY KEY (name, subscriber)
);
CREATE INDEX IF NOT EXISTS mobifone_quota_otp_until ON mobifone_quota_otp (until);

CREATE OR REPLACE FUNCTION mobifone_quota_take(
	quota text, lane int, hello boolean, known boolean, ticket bigint, down bigint,
	slot bigint, depth bigint, horizon bigint, settle_for bigint, share bigint[], most bigint, hold bigint,
	OUT kind int, OUT at bigint, OUT now bigint
) LANGUAGE plpgsql AS $$
DECLARE
	granted  CONSTANT int := 0;
	later    CONSTANT int := 1;
	settling CONSTANT int := 2;
	welcome  CONSTANT int := 3;
	pause_most CONSTANT bigint := 600000000;
	s mobifone_quota%ROWTYPE;
	this text := extract(epoch FROM pg_postmaster_start_time())::text; -- the same in every session's time zone
	lost boolean;
	near boolean;
	fill boolean;
	waits boolean;
	l int := lane + 1; -- arrays begin at 1
	free bigint;
	want bigint := 0;
	gap bigint;
BEGIN
	INSERT INTO mobifone_quota (name, run) VALUES (quota, '') ON CONFLICT DO NOTHING;
	SELECT * INTO s FROM mobifone_quota WHERE name = quota FOR UPDATE;
	now := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint; -- with the row in hand

	lost := down > 0 AND s.last <= now - down;
	IF s.run <> this THEN
		lost := lost OR known OR s.run <> '';
		s.run := this;
		s.next := now + horizon + 2 * slot;
	END IF;
	IF lost AND settle_for > 0 AND now >= s.settle THEN
		s.settle := now + settle_for;
		s.next := greatest(s.next, s.settle + horizon);
	END IF;
	s.last := now;
	s.settle := least(s.settle, now + settle_for);

	IF hold IS NOT NULL THEN
		FOR i IN l..3 LOOP
			s.pause[i] := greatest(s.pause[i], now + least(hold, pause_most));
		END LOOP;
		kind := granted;
		at := now;
	ELSIF now < s.settle THEN
		kind := settling;
		at := s.settle;
	ELSIF hello THEN
		kind := welcome;
		at := now;
	ELSE
		-- Only a clock that was set back leaves more than this in the future.
		s.next := least(s.next, now + horizon + 2 * slot);
		s.low := least(s.low, s.next - slot);
		s.fore := least(s.fore, now);
		s.cap := least(s.cap, now + most);
		FOR i IN 1..3 LOOP
			s.pause[i] := least(s.pause[i], now + pause_most);
			s.ask[i] := least(s.ask[i], greatest(now, s.pause[i]) + 1024 * slot);
			s.due[i] := least(s.due[i], now + share[i]);
		END LOOP;
		free := greatest(s.next, now - (depth - 1) * slot, s.pause[l]);

		-- want
		IF now < s.pause[l] THEN
			want := s.pause[l];
		ELSIF lane = 0 THEN
			IF free > now + horizon THEN
				want := free - horizon;
			END IF;
		ELSE
			IF s.due[l] < now - 4 * slot THEN
				s.due[l] := now;
			END IF;
			-- mayFill
			IF lane = 1 THEN
				waits := s.ask[3] > now - 2 * slot AND s.due[3] <= now AND now < s.due[3] + 2 * slot;
				fill := NOT waits OR s.due[2] <= now;
			ELSIF most > 0 AND s.fore > now - 1000000 AND now < s.cap THEN
				fill := false;
			ELSE
				fill := s.ask[2] <= now - 2 * slot OR s.due[3] <= now;
			END IF;
			near := free <= now + slot;
			IF s.due[l] <= now AND free - s.low >= 2 * slot AND free <= now + horizon + slot OR near AND fill THEN
				want := 0;
			ELSIF near THEN
				want := greatest(now + slot, least(s.due[l], now + 4 * slot));
			ELSE
				want := greatest(now + slot / 2, least(s.due[l], free - slot));
			END IF;
		END IF;
		IF want = 0 AND ticket = 0 AND s.ask[l] > now THEN
			want := s.ask[l];
		END IF;

		IF want <> 0 THEN
			-- line
			kind := later;
			gap := slot - now % (slot / 8 + 1);
			IF lane <> 0 AND free > now + 2 * slot OR lane = 2 AND s.ask[2] > now - 2 * slot THEN
				gap := 2 * slot + now % slot;
			END IF;
			at := greatest(want, s.ask[l] + gap);
			s.ask[l] := at;
		ELSE
			kind := granted;
			at := greatest(free, now);
			s.next := free + slot;
			IF lane = 0 THEN
				s.fore := now;
			ELSE
				s.low := free;
				s.due[l] := least(greatest(s.due[l] + share[l], now), now + share[l]);
				IF lane = 2 THEN
					s.cap := now + most;
				END IF;
			END IF;
		END IF;
	END IF;

	UPDATE mobifone_quota SET run = s.run, next = s.next, low = s.low, fore = s.fore, cap = s.cap, last = s.last,
		settle = s.settle, ask = s.ask, due = s.due, pause = s.pause WHERE name = quota;
	-- A slot must be on disk before somebody holds it; when to ask again need not be.
	IF kind = later THEN
		PERFORM set_config('synchronous_commit', 'off', true);
	ELSIF current_setting('synchronous_commit') = 'off' THEN
		PERFORM set_config('synchronous_commit', 'on', true);
	END IF;
END $$;

-- Starts the wait between two OTPs to a subscriber; says how many microseconds are left of one
-- that runs, else 0.
CREATE OR REPLACE FUNCTION mobifone_quota_cool(quota text, whom text, mark text, long bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	ends timestamptz;
BEGIN
	DELETE FROM mobifone_quota_otp WHERE ctid IN (
		SELECT ctid FROM mobifone_quota_otp WHERE until < clock_timestamp() - interval '1 minute'
		ORDER BY until LIMIT 10 FOR UPDATE SKIP LOCKED);
	INSERT INTO mobifone_quota_otp AS o (name, subscriber, token, until)
		VALUES (quota, whom, mark, clock_timestamp() + long * interval '1 microsecond')
		ON CONFLICT (name, subscriber) DO UPDATE SET token = mark, until = excluded.until
		WHERE o.until <= clock_timestamp()
		RETURNING until INTO ends;
	IF ends IS NOT NULL THEN
		RETURN 0;
	END IF;
	-- Only a clock that was set back leaves more than this in the future.
	UPDATE mobifone_quota_otp SET until = clock_timestamp() + long * interval '1 microsecond'
		WHERE name = quota AND subscriber = whom AND until > clock_timestamp() + long * interval '1 microsecond';
	SELECT until INTO ends FROM mobifone_quota_otp WHERE name = quota AND subscriber = whom;
	RETURN greatest(1, (extract(epoch FROM ends - clock_timestamp()) * 1000000)::bigint);
END $$;
