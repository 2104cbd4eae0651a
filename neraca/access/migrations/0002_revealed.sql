-- Personal data opened or looked up from the command line leaves records in the same place.
COMMENT ON COLUMN neraca_access.access_records.key_id IS 'With which key of the gateway; "neraca" for a command.';
COMMENT ON COLUMN neraca_access.access_records.officer IS 'Whose key that is; of a command, whom it was told.';
COMMENT ON COLUMN neraca_access.access_records.kind IS 'registrations, people or decision; reveal: sealed data was opened; find, seal: the person of a NIK was asked for.';
COMMENT ON COLUMN neraca_access.access_records.status IS 'How it was answered: 200, 403, 404; 410: the person was erased.';
COMMENT ON COLUMN neraca_access.access_records.parameters IS 'as_of and known_at, where given; of a command: reason, fields, and user of the machine.';

-- Default privileges may have opened this schema to whoever reads the projections (deploy/postgres/reader.sql).
DO $$
DECLARE
    reader record;
BEGIN
    FOR reader IN
        SELECT DISTINCT r.rolname FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
        JOIN pg_roles r ON r.oid = a.grantee WHERE n.nspname = 'neraca_access' AND a.grantee <> n.nspowner
    LOOP
        EXECUTE format('REVOKE ALL ON SCHEMA neraca_access FROM %I', reader.rolname);
    END LOOP;
END
$$;
