-- Who is whom, and the key of each person. Every key stands here wrapped by a master key, which does not.

CREATE TABLE neraca_keys.master_keys (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    master_key_id bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at timestamptz
);
COMMENT ON TABLE neraca_keys.master_keys IS 'Which master keys wrapped what stands here. The keys themselves stand elsewhere.';
COMMENT ON COLUMN neraca_keys.master_keys.number IS 'In the order used; the last one wraps what is new.';
COMMENT ON COLUMN neraca_keys.master_keys.master_key_id IS 'Tells one key from another: first bytes of a hash of 256 random bits.';
COMMENT ON COLUMN neraca_keys.master_keys.created_at IS 'From when on it was used.';
COMMENT ON COLUMN neraca_keys.master_keys.retired_at IS 'From when on nothing is wrapped by it any more.';

CREATE TABLE neraca_keys.secrets (
    name text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    master_key_id bytea,
    wrapped_key bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    PRIMARY KEY (name, version),
    CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL) AND (wrapped_key IS NULL) = (master_key_id IS NULL))
);
COMMENT ON TABLE neraca_keys.secrets IS 'Keys of keyed hashes, wrapped by a master key.';
COMMENT ON COLUMN neraca_keys.secrets.name IS 'lookup: finds people by NIK. officers: names officers in extracts.';
COMMENT ON COLUMN neraca_keys.secrets.version IS 'From 1; the highest is used for what is new, all that are left are looked up.';
COMMENT ON COLUMN neraca_keys.secrets.master_key_id IS 'Which master key wraps it.';
COMMENT ON COLUMN neraca_keys.secrets.wrapped_key IS 'The key, sealed by the master key; null once destroyed.';
COMMENT ON COLUMN neraca_keys.secrets.created_at IS 'When it was made.';
COMMENT ON COLUMN neraca_keys.secrets.destroyed_at IS 'When nothing was left under it, and it was destroyed.';

CREATE TABLE neraca_keys.people (
    person_id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    master_key_id bytea,
    wrapped_key bytea,
    erased_at timestamptz,
    CHECK ((wrapped_key IS NULL) = (erased_at IS NOT NULL) AND (wrapped_key IS NULL) = (master_key_id IS NULL))
);
CREATE INDEX people_master_key ON neraca_keys.people (master_key_id);
CREATE INDEX people_erased ON neraca_keys.people (erased_at) WHERE erased_at IS NOT NULL;
COMMENT ON TABLE neraca_keys.people IS 'One row a person. An erased person keeps the row, without a key.';
COMMENT ON COLUMN neraca_keys.people.person_id IS 'Random; what actions call the person.';
COMMENT ON COLUMN neraca_keys.people.created_at IS 'When the person was first met.';
COMMENT ON COLUMN neraca_keys.people.master_key_id IS 'Which master key wraps the person''s key.';
COMMENT ON COLUMN neraca_keys.people.wrapped_key IS 'The person''s key, sealed by the master key; null once erased.';
COMMENT ON COLUMN neraca_keys.people.erased_at IS 'When the key was destroyed.';

CREATE TABLE neraca_keys.erasures (
    person_id uuid PRIMARY KEY REFERENCES neraca_keys.people,
    action_id uuid NOT NULL UNIQUE,
    requested_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', clock_timestamp()),
    officer text NOT NULL,
    reason text NOT NULL,
    seq bigint,
    erased_at timestamptz
);
COMMENT ON TABLE neraca_keys.erasures IS 'Who was erased, or is about to be: kept before the ledger is asked, so that a crash in between loses nothing.';
COMMENT ON COLUMN neraca_keys.erasures.person_id IS 'Whom.';
COMMENT ON COLUMN neraca_keys.erasures.action_id IS 'The action that records it; the same however often it is sent.';
COMMENT ON COLUMN neraca_keys.erasures.requested_at IS 'When it was asked for; the action occurred then.';
COMMENT ON COLUMN neraca_keys.erasures.officer IS 'By which officer.';
COMMENT ON COLUMN neraca_keys.erasures.reason IS 'Why; free of personal data.';
COMMENT ON COLUMN neraca_keys.erasures.seq IS 'The decision that records it; null while there is none.';
COMMENT ON COLUMN neraca_keys.erasures.erased_at IS 'When the key was destroyed; null while it is there.';

CREATE TABLE neraca_keys.lookups (
    nik_hmac bytea PRIMARY KEY,
    version integer NOT NULL,
    person_id uuid NOT NULL REFERENCES neraca_keys.people,
    sealed_nik bytea
);
CREATE INDEX lookups_version ON neraca_keys.lookups (version);
CREATE INDEX lookups_person ON neraca_keys.lookups (person_id);
COMMENT ON TABLE neraca_keys.lookups IS 'Finds a person by NIK. The unique hash is what keeps two imports from making two people of one.';
COMMENT ON COLUMN neraca_keys.lookups.nik_hmac IS 'First 16 bytes of HMAC-SHA256 of the NIK.';
COMMENT ON COLUMN neraca_keys.lookups.version IS 'Under which version of the lookup key.';
COMMENT ON COLUMN neraca_keys.lookups.person_id IS 'Whose NIK it is.';
COMMENT ON COLUMN neraca_keys.lookups.sealed_nik IS 'The NIK under the person''s key, to be hashed anew when the lookup key is rotated; null once erased.';

-- Default privileges may have opened this schema to whoever reads the projections (deploy/postgres/reader.sql).
DO $$
DECLARE
    reader record;
BEGIN
    FOR reader IN
        SELECT DISTINCT r.rolname FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
        JOIN pg_roles r ON r.oid = a.grantee WHERE n.nspname = 'neraca_keys' AND a.grantee <> n.nspowner
    LOOP
        EXECUTE format('REVOKE ALL ON SCHEMA neraca_keys FROM %I', reader.rolname);
    END LOOP;
END
$$;
