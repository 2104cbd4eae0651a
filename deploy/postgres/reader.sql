-- The role that Grafana reads with: it sees what the projections write, and can change nothing.
-- Run once, by the server's first start, before there are tables: default privileges give it those to come.
\getenv reader_password NERACA_READER_PASSWORD
CREATE ROLE neraca_reader LOGIN PASSWORD :'reader_password' CONNECTION LIMIT 20;
ALTER ROLE neraca_reader SET default_transaction_read_only = on;
-- A panel that needs longer is a panel to mend; the projector shares this server.
ALTER ROLE neraca_reader SET statement_timeout = '10s';
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO neraca_reader;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO neraca_reader;
