-- Personal data opened or looked up from the command line leaves records in the same place.
COMMENT ON COLUMN neraca_access.access_records.key_id IS 'With which key of the gateway; "neraca" for a command.';
COMMENT ON COLUMN neraca_access.access_records.officer IS 'Whose key that is; of a command, whom it was told.';
COMMENT ON COLUMN neraca_access.access_records.kind IS 'registrations, people or decision; reveal: sealed data was opened; find, seal: the person of a NIK was asked for.';
COMMENT ON COLUMN neraca_access.access_records.status IS 'How it was answered: 200, 403, 404; 410: the person was erased.';
COMMENT ON COLUMN neraca_access.access_records.parameters IS 'as_of and known_at, where given; of a command: reason, fields, and user of the machine.';
