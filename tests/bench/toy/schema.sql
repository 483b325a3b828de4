CREATE TABLE token (id bigserial PRIMARY KEY, tenant_id int NOT NULL, key_hash varchar(64) NOT NULL UNIQUE);
CREATE TABLE session (id bigserial PRIMARY KEY, tenant_id int NOT NULL, token_id bigint NOT NULL,
  public_id varchar(40) NOT NULL UNIQUE, created timestamptz NOT NULL DEFAULT now());
CREATE TABLE message (id bigserial PRIMARY KEY, tenant_id int NOT NULL, session_id bigint NOT NULL,
  role varchar(10) NOT NULL, text text NOT NULL, created timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON message (session_id, id);
ALTER TABLE session ENABLE ROW LEVEL SECURITY;
ALTER TABLE session FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON session USING (current_setting('app.tenant', true) IS NULL
  OR current_setting('app.tenant', true) = '' OR tenant_id = current_setting('app.tenant', true)::int);
INSERT INTO token (tenant_id, key_hash)
  SELECT i % 100, encode(sha256(('tok' || i)::bytea), 'hex') FROM generate_series(1, 20000) i;
ANALYZE token;
CREATE TABLE webhook (id bigserial PRIMARY KEY, tenant_id int NOT NULL, provider_id varchar(64) NOT NULL,
  body text NOT NULL, created timestamptz NOT NULL DEFAULT now(), UNIQUE (tenant_id, provider_id));
CREATE TABLE outbox (id bigserial PRIMARY KEY, tenant_id int NOT NULL, payload text NOT NULL,
  state varchar(8) NOT NULL DEFAULT 'new', created timestamptz NOT NULL DEFAULT now(), sent_at timestamptz);
CREATE INDEX ON outbox (id) WHERE state = 'new';
