-- The same tables as 0001_sqlite.sql. Text compares byte by byte ("C"), as Python and SQLite compare it.
-- Times are milliseconds since 1970 (UTC); amounts are integers of KRW; *_sealed is AES-GCM under the master key.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TABLE meta (name TEXT COLLATE "C" PRIMARY KEY, value TEXT COLLATE "C" NOT NULL);
-- Processes and when each last said that it lives; what a silent one had sent is taken over.
CREATE TABLE owners (
  id TEXT COLLATE "C" PRIMARY KEY,
  beat_at BIGINT NOT NULL,
  -- The connection by which it said so. One that is gone was cut, unless the server itself has just started.
  session BIGINT NOT NULL DEFAULT pg_backend_pid()
);
CREATE VIEW owners_seen AS
  SELECT id, beat_at, CASE WHEN pg_postmaster_start_time() > now() - interval '10 seconds'
    OR EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = session) THEN 1 ELSE 0 END AS connected
  FROM owners;
-- A row a subject; turns that must not overlook each other write the same one.
CREATE TABLE queues (name TEXT COLLATE "C" PRIMARY KEY, turns BIGINT NOT NULL);

CREATE TABLE sites (
  id TEXT COLLATE "C" PRIMARY KEY,
  url TEXT COLLATE "C" NOT NULL UNIQUE,
  mode TEXT COLLATE "C" NOT NULL CHECK (mode IN ('test', 'live')),
  default_gateway TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE TABLE site_keys (
  key_id TEXT COLLATE "C" PRIMARY KEY,
  site TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
  secret_sealed TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL CHECK (state IN ('next', 'active', 'retiring', 'revoked')),
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL
);
CREATE TABLE site_gateways (
  site TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
  gateway TEXT COLLATE "C" NOT NULL,
  settings_sealed TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (site, gateway)
);

CREATE TABLE operators (
  id TEXT COLLATE "C" PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL UNIQUE,
  password_hash TEXT COLLATE "C" NOT NULL,
  role TEXT COLLATE "C" NOT NULL CHECK (role IN ('viewer', 'operator')),
  created_at BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'disabled')),
  renewed_at BIGINT NOT NULL DEFAULT 0,
  barred_at BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE sessions (
  token_hash TEXT COLLATE "C" PRIMARY KEY,
  operator TEXT COLLATE "C" NOT NULL REFERENCES operators (id),
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL
);
CREATE TABLE login_misses (who TEXT COLLATE "C" NOT NULL, at BIGINT NOT NULL);
CREATE INDEX login_misses_who ON login_misses (who, at);

CREATE TABLE orders (
  site TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
  ref TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL CHECK (version >= 1),
  title TEXT COLLATE "C" NOT NULL,
  amount BIGINT NOT NULL CHECK (amount BETWEEN 1 AND 9999999999),
  tax_free BIGINT NOT NULL DEFAULT 0 CHECK (tax_free BETWEEN 0 AND amount),
  items TEXT COLLATE "C" NOT NULL,
  facts TEXT COLLATE "C" NOT NULL,
  buyer_id TEXT COLLATE "C" NOT NULL,
  buyer_name TEXT COLLATE "C" NOT NULL,
  buyer_email TEXT COLLATE "C" NOT NULL,
  buyer_phone TEXT COLLATE "C" NOT NULL,
  result_url TEXT COLLATE "C" NOT NULL,
  retry_url TEXT COLLATE "C" NOT NULL,
  locale TEXT COLLATE "C" NOT NULL,
  hold_expires_at BIGINT,
  show_at BIGINT,
  paid_by TEXT COLLATE "C",
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (site, ref)
);

CREATE INDEX orders_phone ON orders (site, buyer_phone) WHERE buyer_phone <> '';
CREATE INDEX orders_email ON orders (site, buyer_email) WHERE buyer_email <> '';

CREATE TABLE payments (
  id TEXT COLLATE "C" PRIMARY KEY,
  site TEXT COLLATE "C" NOT NULL,
  order_ref TEXT COLLATE "C" NOT NULL,
  order_version BIGINT NOT NULL,
  token_id TEXT COLLATE "C" NOT NULL,
  owner TEXT COLLATE "C" NOT NULL DEFAULT '',
  gateway TEXT COLLATE "C" NOT NULL,
  method TEXT COLLATE "C" NOT NULL,
  device TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL CHECK (state IN (
    'new', 'readying', 'open', 'approving', 'unknown', 'voiding', 'awaiting_deposit', 'paid', 'part_refunded',
    'needs_human', 'refunded', 'declined', 'voided', 'expired', 'failed_ready', 'superseded')),
  amount BIGINT NOT NULL CHECK (amount BETWEEN 1 AND 9999999999),
  tax_free BIGINT NOT NULL DEFAULT 0,
  instalment_months BIGINT NOT NULL DEFAULT 0,
  captured BIGINT NOT NULL DEFAULT 0 CHECK (captured >= 0),
  refunded BIGINT NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND captured),
  orphaned BIGINT NOT NULL DEFAULT 0,
  adopted BIGINT NOT NULL DEFAULT 0 CHECK (adopted IN (0, 1)),
  merchant_ref TEXT COLLATE "C" NOT NULL,
  refs TEXT COLLATE "C" NOT NULL DEFAULT '{}',
  card TEXT COLLATE "C" NOT NULL DEFAULT '{}',
  account TEXT COLLATE "C" NOT NULL DEFAULT '{}',
  window_url TEXT COLLATE "C" NOT NULL DEFAULT '',
  window_sealed TEXT COLLATE "C" NOT NULL DEFAULT '',
  reason TEXT COLLATE "C" NOT NULL DEFAULT '',
  code TEXT COLLATE "C" NOT NULL DEFAULT '',
  message TEXT COLLATE "C" NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  paid_at BIGINT,
  close_seen_at BIGINT,
  news_seq BIGINT NOT NULL DEFAULT 0,
  restores BIGINT NOT NULL DEFAULT 0,
  version BIGINT NOT NULL CHECK (version >= 1),
  FOREIGN KEY (site, order_ref) REFERENCES orders (site, ref),
  UNIQUE (gateway, merchant_ref),
  CHECK (state NOT IN ('paid', 'part_refunded', 'refunded') OR captured = amount),
  CHECK (state <> 'paid' OR refunded = 0),
  CHECK (state <> 'part_refunded' OR refunded BETWEEN 1 AND captured - 1),
  CHECK (state <> 'refunded' OR refunded = captured)
);
CREATE UNIQUE INDEX one_holder_per_order ON payments (site, order_ref) WHERE state IN (
  'approving', 'unknown', 'awaiting_deposit', 'paid', 'part_refunded', 'needs_human') OR adopted = 1;
CREATE INDEX payments_order ON payments (site, order_ref, id);
CREATE INDEX payments_recent ON payments (site, id);
CREATE INDEX payments_state ON payments (state, expires_at);
CREATE INDEX payments_site_state ON payments (site, state, id);
CREATE INDEX payments_token ON payments (site, token_id, id);
CREATE TRIGGER payments_terminal BEFORE UPDATE OF state ON payments FOR EACH ROW
WHEN (OLD.state <> NEW.state
  AND OLD.state IN ('refunded', 'declined', 'voided', 'expired', 'failed_ready', 'superseded'))
EXECUTE FUNCTION refuse('a terminal state never changes');
CREATE TRIGGER payments_version BEFORE UPDATE ON payments FOR EACH ROW
WHEN (NEW.version <= OLD.version)
EXECUTE FUNCTION refuse('a payment''s version must rise');
CREATE TRIGGER payments_frozen BEFORE UPDATE OF site, order_ref, amount, gateway, merchant_ref ON payments FOR EACH ROW
WHEN (OLD.site <> NEW.site OR OLD.order_ref <> NEW.order_ref OR OLD.amount <> NEW.amount
  OR OLD.gateway <> NEW.gateway OR OLD.merchant_ref <> NEW.merchant_ref)
EXECUTE FUNCTION refuse('a payment''s order, amount, gateway and reference never change');
CREATE TRIGGER payments_kept BEFORE DELETE ON payments FOR EACH ROW
EXECUTE FUNCTION refuse('payments are never deleted');
CREATE TRIGGER payments_all_kept BEFORE TRUNCATE ON payments EXECUTE FUNCTION refuse('payments are never deleted');

CREATE TABLE operations (
  id TEXT COLLATE "C" PRIMARY KEY,
  site TEXT COLLATE "C" NOT NULL,
  payment TEXT COLLATE "C" NOT NULL REFERENCES payments (id),
  kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('approve', 'undo', 'refund', 'probe', 'check', 'withdraw', 'word')),
  amount BIGINT NOT NULL CHECK (amount > 0),
  tax_free BIGINT NOT NULL DEFAULT 0,
  vat BIGINT NOT NULL DEFAULT 0,
  state TEXT COLLATE "C" NOT NULL CHECK (state IN ('sent', 'ok', 'fail', 'not_sent', 'unknown', 'needs_human')),
  ref TEXT COLLATE "C" NOT NULL,
  target TEXT COLLATE "C",
  actor TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL DEFAULT '',
  items TEXT COLLATE "C" NOT NULL DEFAULT '[]',
  idempotency_key TEXT COLLATE "C" NOT NULL DEFAULT '',
  stamp_at BIGINT NOT NULL,
  stamp_nonce TEXT COLLATE "C" NOT NULL,
  context_sealed TEXT COLLATE "C" NOT NULL DEFAULT '',
  owner TEXT COLLATE "C" NOT NULL,
  sent_at BIGINT NOT NULL,
  sent_boot TEXT COLLATE "C" NOT NULL DEFAULT '',
  tried_boot TEXT COLLATE "C" NOT NULL DEFAULT '',
  before_restore BIGINT NOT NULL DEFAULT 0,
  next_try_at BIGINT,
  claimed_by TEXT COLLATE "C" NOT NULL DEFAULT '',
  tries BIGINT NOT NULL DEFAULT 1,
  evidence TEXT COLLATE "C" NOT NULL DEFAULT '',
  refusal BIGINT NOT NULL DEFAULT 0,
  code TEXT COLLATE "C" NOT NULL DEFAULT '',
  message TEXT COLLATE "C" NOT NULL DEFAULT '',
  refs TEXT COLLATE "C" NOT NULL DEFAULT '{}',
  created_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE UNIQUE INDEX one_pending_operation ON operations (payment)
  WHERE kind IN ('approve', 'refund') AND state IN ('sent', 'unknown', 'needs_human');
CREATE UNIQUE INDEX one_pending_undo ON operations (payment)
  WHERE kind = 'undo' AND state IN ('sent', 'unknown', 'needs_human');
CREATE INDEX operations_payment ON operations (payment, id);
CREATE INDEX operations_pending ON operations (state, next_try_at) WHERE state IN ('sent', 'unknown', 'needs_human');
CREATE UNIQUE INDEX operations_ref ON operations (site, ref) WHERE kind = 'refund';
CREATE INDEX operations_refunds ON operations (site, kind, created_at) WHERE kind = 'refund';
CREATE TRIGGER operations_final BEFORE UPDATE OF state ON operations FOR EACH ROW
WHEN (OLD.state <> NEW.state AND OLD.state IN ('ok', 'fail', 'not_sent'))
EXECUTE FUNCTION refuse('a final operation never changes');
CREATE TRIGGER operations_kept BEFORE DELETE ON operations FOR EACH ROW
EXECUTE FUNCTION refuse('operations are never deleted');
CREATE TRIGGER operations_all_kept BEFORE TRUNCATE ON operations
EXECUTE FUNCTION refuse('operations are never deleted');

CREATE TABLE entries (
  cause TEXT COLLATE "C" PRIMARY KEY,
  site TEXT COLLATE "C" NOT NULL,
  payment TEXT COLLATE "C" NOT NULL REFERENCES payments (id),
  kind TEXT COLLATE "C" NOT NULL CHECK (kind IN (
    'capture', 'refund', 'undo', 'external_refund', 'orphan_capture', 'orphan_refund')),
  amount BIGINT NOT NULL CHECK (amount <> 0),
  evidence TEXT COLLATE "C" NOT NULL,
  at BIGINT NOT NULL,
  CHECK ((kind IN ('capture', 'orphan_capture')) = (amount > 0))
);
CREATE INDEX entries_payment ON entries (payment, at);
CREATE INDEX entries_day ON entries (site, at);
CREATE TRIGGER entries_fixed BEFORE UPDATE ON entries FOR EACH ROW
EXECUTE FUNCTION refuse('entries are never changed');
CREATE TRIGGER entries_kept BEFORE DELETE ON entries FOR EACH ROW
EXECUTE FUNCTION refuse('entries are never deleted');
CREATE TRIGGER entries_all_kept BEFORE TRUNCATE ON entries EXECUTE FUNCTION refuse('entries are never deleted');

CREATE TABLE audit (
  payment TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  site TEXT COLLATE "C" NOT NULL,
  at BIGINT NOT NULL,
  actor TEXT COLLATE "C" NOT NULL,
  event TEXT COLLATE "C" NOT NULL,
  was TEXT COLLATE "C" NOT NULL,
  became TEXT COLLATE "C" NOT NULL,
  detail TEXT COLLATE "C" NOT NULL,
  previous TEXT COLLATE "C" NOT NULL,
  hash TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (payment, seq)
);
CREATE INDEX audit_not_loaded ON audit (site, at) WHERE event = 'window.not_loaded';
CREATE TRIGGER audit_fixed BEFORE UPDATE ON audit FOR EACH ROW
EXECUTE FUNCTION refuse('the audit is never changed');
CREATE TRIGGER audit_kept BEFORE DELETE ON audit FOR EACH ROW
EXECUTE FUNCTION refuse('the audit is never deleted');
CREATE TRIGGER audit_all_kept BEFORE TRUNCATE ON audit EXECUTE FUNCTION refuse('the audit is never deleted');

-- Rows of the audit that no seal covers yet, and the seals: for each site a chain over the heads of its payments' chains.
CREATE TABLE unsealed (
  payment TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  site TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (payment, seq)
);
CREATE TABLE seals (
  site TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  many BIGINT NOT NULL CHECK (many > 0),
  heads TEXT COLLATE "C" NOT NULL,
  previous TEXT COLLATE "C" NOT NULL,
  hash TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (site, seq)
);
CREATE TRIGGER seals_fixed BEFORE UPDATE ON seals FOR EACH ROW
EXECUTE FUNCTION refuse('seals are never changed');
CREATE TRIGGER seals_kept BEFORE DELETE ON seals FOR EACH ROW
EXECUTE FUNCTION refuse('seals are never deleted');
CREATE TRIGGER seals_all_kept BEFORE TRUNCATE ON seals EXECUTE FUNCTION refuse('seals are never deleted');

CREATE TABLE calls (
  id TEXT COLLATE "C" PRIMARY KEY,
  site TEXT COLLATE "C" NOT NULL,
  payment TEXT COLLATE "C" NOT NULL,
  gateway TEXT COLLATE "C" NOT NULL,
  op TEXT COLLATE "C" NOT NULL,
  verdict TEXT COLLATE "C" NOT NULL,
  status BIGINT NOT NULL,
  took_ms BIGINT NOT NULL,
  skew_ms BIGINT,
  request TEXT COLLATE "C" NOT NULL,
  response TEXT COLLATE "C" NOT NULL,
  why TEXT COLLATE "C" NOT NULL,
  at BIGINT NOT NULL,
  operation TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX calls_payment ON calls (payment, at, id);
CREATE INDEX calls_gateway ON calls (site, gateway, at);

CREATE TABLE notices (
  id TEXT COLLATE "C" PRIMARY KEY,
  site TEXT COLLATE "C" NOT NULL,
  gateway TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  dedupe TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  raw_sealed TEXT COLLATE "C" NOT NULL,
  payment TEXT COLLATE "C",
  plan TEXT COLLATE "C",
  state TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'done', 'strange')),
  outcome TEXT COLLATE "C" NOT NULL DEFAULT '',
  seen BIGINT NOT NULL DEFAULT 1,
  received_at BIGINT NOT NULL,
  received_boot TEXT COLLATE "C" NOT NULL DEFAULT '',
  done_at BIGINT,
  UNIQUE (site, gateway, dedupe)
);
CREATE INDEX notices_pending ON notices (state, received_at) WHERE state = 'pending';
CREATE INDEX notices_payment ON notices (payment, id) WHERE payment IS NOT NULL;
CREATE INDEX notices_plan ON notices (site, plan) WHERE plan IS NOT NULL;
CREATE INDEX notices_recent ON notices (site, gateway, received_at);
CREATE TRIGGER notices_kept BEFORE DELETE ON notices FOR EACH ROW
EXECUTE FUNCTION refuse('notices are never deleted');
CREATE TRIGGER notices_all_kept BEFORE TRUNCATE ON notices EXECUTE FUNCTION refuse('notices are never deleted');

CREATE TABLE news (
  id TEXT COLLATE "C" PRIMARY KEY,
  site TEXT COLLATE "C" NOT NULL,
  payment TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  body TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'heard', 'kept')),
  tries BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  next_try_at BIGINT NOT NULL,
  heard_at BIGINT,
  last_error TEXT COLLATE "C" NOT NULL DEFAULT '',
  claimed_by TEXT COLLATE "C" NOT NULL DEFAULT '',
  claimed_until BIGINT NOT NULL DEFAULT 0,
  UNIQUE (payment, seq)
);
CREATE INDEX news_due ON news (next_try_at) WHERE state = 'waiting';
CREATE INDEX news_kept ON news (site, created_at) WHERE state = 'kept';
CREATE INDEX news_told ON news (site, created_at);
CREATE INDEX news_claimed ON news (claimed_by) WHERE claimed_by <> '';
CREATE INDEX news_waiting ON news (payment, seq) WHERE state = 'waiting';

CREATE TABLE nonces (
  key_id TEXT COLLATE "C" NOT NULL,
  nonce TEXT COLLATE "C" NOT NULL,
  ends_at BIGINT NOT NULL,
  PRIMARY KEY (key_id, nonce)
);
CREATE INDEX nonces_end ON nonces (ends_at);

CREATE TABLE answers (
  site TEXT COLLATE "C" NOT NULL,
  idempotency_key TEXT COLLATE "C" NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  result TEXT COLLATE "C" NOT NULL,
  status BIGINT NOT NULL DEFAULT 0,
  body TEXT COLLATE "C" NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  PRIMARY KEY (site, idempotency_key)
);
-- What a payment is bound to by the gateways' numbers belongs to no site.
CREATE INDEX answers_claims ON answers (result) WHERE site = '';

-- A billing key is a bearer secret of the site's customer: sealed, as is whom and what it was asked for.
CREATE TABLE billing_keys (
  id TEXT COLLATE "C" PRIMARY KEY,
  site TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
  customer TEXT COLLATE "C" NOT NULL,
  gateway TEXT COLLATE "C" NOT NULL,
  method TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL CHECK (state IN (
    'opening', 'open', 'issuing', 'active', 'deleting', 'deleted', 'refused', 'expired', 'lost')),
  ref TEXT COLLATE "C" NOT NULL,
  amount BIGINT NOT NULL CHECK (amount BETWEEN 0 AND 9999999999),
  asked_sealed TEXT COLLATE "C" NOT NULL,
  window_sealed TEXT COLLATE "C" NOT NULL DEFAULT '',
  window_url TEXT COLLATE "C" NOT NULL DEFAULT '',
  key_sealed TEXT COLLATE "C" NOT NULL DEFAULT '',
  result_url TEXT COLLATE "C" NOT NULL,
  refs TEXT COLLATE "C" NOT NULL DEFAULT '{}',
  card TEXT COLLATE "C" NOT NULL DEFAULT '{}',
  code TEXT COLLATE "C" NOT NULL DEFAULT '',
  message TEXT COLLATE "C" NOT NULL DEFAULT '',
  owner TEXT COLLATE "C" NOT NULL,
  actor TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  issued_at BIGINT,
  invitation TEXT COLLATE "C" NOT NULL DEFAULT '',
  tries BIGINT NOT NULL DEFAULT 0 CHECK (tries BETWEEN 0 AND 5),
  not_loaded_at BIGINT NOT NULL DEFAULT 0,
  version BIGINT NOT NULL CHECK (version >= 1),
  UNIQUE (gateway, ref),
  CHECK ((state IN ('active', 'deleting')) = (key_sealed <> ''))
);
CREATE INDEX billing_keys_customer ON billing_keys (site, customer, id);
CREATE INDEX billing_keys_invitation ON billing_keys (site, invitation) WHERE invitation <> '';
CREATE INDEX billing_keys_not_loaded ON billing_keys (site, not_loaded_at) WHERE not_loaded_at > 0;
CREATE INDEX billing_keys_under_way ON billing_keys (state, changed_at)
  WHERE state IN ('opening', 'open', 'issuing', 'deleting');
CREATE TRIGGER billing_keys_terminal BEFORE UPDATE OF state ON billing_keys FOR EACH ROW
WHEN (OLD.state <> NEW.state AND OLD.state IN ('deleted', 'refused', 'expired', 'lost'))
EXECUTE FUNCTION refuse('an ended billing key never changes');

-- A cash receipt is a tax document: asked once, and not again before somebody knows. The buyer's number is sealed.
CREATE TABLE receipts (
  id TEXT COLLATE "C" PRIMARY KEY,
  site TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
  payment TEXT COLLATE "C" NOT NULL REFERENCES payments (id),
  gateway TEXT COLLATE "C" NOT NULL,
  ref TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL CHECK (state IN ('issuing', 'issued', 'refused', 'unknown', 'cancelling', 'cancelled')),
  purpose TEXT COLLATE "C" NOT NULL CHECK (purpose IN ('income', 'business', 'self')),
  amount BIGINT NOT NULL CHECK (amount BETWEEN 1 AND 9999999999),
  tax_free BIGINT NOT NULL CHECK (tax_free BETWEEN 0 AND amount),
  identity_sealed TEXT COLLATE "C" NOT NULL,
  number TEXT COLLATE "C" NOT NULL DEFAULT '',
  url TEXT COLLATE "C" NOT NULL DEFAULT '',
  refs TEXT COLLATE "C" NOT NULL DEFAULT '{}',
  code TEXT COLLATE "C" NOT NULL DEFAULT '',
  message TEXT COLLATE "C" NOT NULL DEFAULT '',
  actor TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  next_try_at BIGINT NOT NULL,
  tries BIGINT NOT NULL DEFAULT 0 CHECK (tries >= 0),
  version BIGINT NOT NULL CHECK (version >= 1),
  UNIQUE (gateway, ref)
);
CREATE INDEX receipts_payment ON receipts (payment, id);
CREATE UNIQUE INDEX one_live_receipt ON receipts (payment) WHERE state IN ('issuing', 'issued', 'cancelling');
CREATE INDEX receipts_under_way ON receipts (next_try_at) WHERE state IN ('issuing', 'cancelling');

-- A recurring plan of a gateway's own; each of its rounds is a payment that a notice tells of.
CREATE TABLE plans (
  id TEXT COLLATE "C" PRIMARY KEY,
  site TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
  customer TEXT COLLATE "C" NOT NULL,
  gateway TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL CHECK (state IN (
    'registering', 'waiting', 'active', 'changing', 'resting', 'ended', 'refused', 'lost')),
  wanted TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (wanted IN ('', 'active', 'resting', 'ended')),
  was TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (was IN ('', 'waiting', 'active', 'resting')),
  end_owed BIGINT NOT NULL DEFAULT 0 CHECK (end_owed IN (0, 1)),
  ref TEXT COLLATE "C" NOT NULL,
  order_ref TEXT COLLATE "C" NOT NULL,
  amount BIGINT NOT NULL CHECK (amount BETWEEN 1 AND 9999999999),
  tax_free BIGINT NOT NULL CHECK (tax_free BETWEEN 0 AND amount),
  cycle TEXT COLLATE "C" NOT NULL CHECK (cycle IN ('month', 'week', 'day')),
  day BIGINT NOT NULL,
  ends TEXT COLLATE "C" NOT NULL,
  asked_sealed TEXT COLLATE "C" NOT NULL,
  number TEXT COLLATE "C" NOT NULL DEFAULT '',
  url TEXT COLLATE "C" NOT NULL DEFAULT '',
  refs TEXT COLLATE "C" NOT NULL DEFAULT '{}',
  code TEXT COLLATE "C" NOT NULL DEFAULT '',
  message TEXT COLLATE "C" NOT NULL DEFAULT '',
  rounds BIGINT NOT NULL DEFAULT 0,
  failed_at BIGINT NOT NULL DEFAULT 0,
  failed_code TEXT COLLATE "C" NOT NULL DEFAULT '',
  failed_message TEXT COLLATE "C" NOT NULL DEFAULT '',
  not_loaded_at BIGINT NOT NULL DEFAULT 0,
  actor TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  version BIGINT NOT NULL CHECK (version >= 1),
  UNIQUE (gateway, ref)
);
CREATE INDEX plans_customer ON plans (site, customer, id);
CREATE INDEX plans_registering ON plans (changed_at) WHERE state = 'registering';
CREATE INDEX plans_going_on ON plans (ends) WHERE state IN ('waiting', 'active', 'changing', 'resting') OR end_owed = 1;
CREATE INDEX plans_not_loaded ON plans (site, not_loaded_at) WHERE not_loaded_at > 0;
CREATE INDEX plans_owing_end ON plans (changed_at) WHERE end_owed = 1;

CREATE TABLE cases (
  id TEXT COLLATE "C" PRIMARY KEY,
  site TEXT COLLATE "C" NOT NULL,
  payment TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  detail TEXT COLLATE "C" NOT NULL,
  amount BIGINT NOT NULL DEFAULT 0,
  booked BIGINT NOT NULL DEFAULT 0 CHECK (booked >= 0),
  refs TEXT COLLATE "C" NOT NULL DEFAULT '{}',
  state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'closed', 'adopted')),
  opened_at BIGINT NOT NULL,
  closed_at BIGINT,
  resolution TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX one_open_case ON cases (payment, reason) WHERE state = 'open';
CREATE INDEX cases_open ON cases (site, opened_at) WHERE state = 'open';
CREATE INDEX cases_payment ON cases (payment, opened_at);

-- What one person says about a case; another confirms or rejects it.
CREATE TABLE proposals (
  id TEXT COLLATE "C" PRIMARY KEY,
  site TEXT COLLATE "C" NOT NULL,
  case_id TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
  decision TEXT COLLATE "C" NOT NULL,
  amount BIGINT NOT NULL DEFAULT 0 CHECK (amount >= 0),
  evidence TEXT COLLATE "C" NOT NULL CHECK (evidence <> ''),
  maker TEXT COLLATE "C" NOT NULL,
  made_at BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'confirmed', 'rejected', 'overtaken')),
  checker TEXT COLLATE "C" NOT NULL DEFAULT '',
  remark TEXT COLLATE "C" NOT NULL DEFAULT '',
  ended_at BIGINT,
  CHECK (state <> 'confirmed' OR checker <> '')
);
CREATE UNIQUE INDEX one_open_proposal ON proposals (case_id) WHERE state = 'open';
CREATE INDEX proposals_case ON proposals (case_id, id);
CREATE TRIGGER proposals_final BEFORE UPDATE ON proposals FOR EACH ROW
WHEN (OLD.state <> 'open')
EXECUTE FUNCTION refuse('an ended proposal never changes');
CREATE TRIGGER proposals_kept BEFORE DELETE ON proposals FOR EACH ROW
EXECUTE FUNCTION refuse('proposals are never deleted');
CREATE TRIGGER proposals_all_kept BEFORE TRUNCATE ON proposals EXECUTE FUNCTION refuse('proposals are never deleted');

-- What an operator must hear, until it is over.
CREATE TABLE alarms (
  id TEXT COLLATE "C" PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  detail TEXT COLLATE "C" NOT NULL,
  raised_at BIGINT NOT NULL,
  ended_at BIGINT,
  heard_at BIGINT,
  tries BIGINT NOT NULL DEFAULT 0,
  next_try_at BIGINT,
  last_error TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX one_alarm ON alarms (name, subject) WHERE ended_at IS NULL;
CREATE INDEX alarms_due ON alarms (next_try_at) WHERE next_try_at IS NOT NULL;

-- Who looked at whose data, from where and for what; kept for two years.
CREATE TABLE looks (
  id TEXT COLLATE "C" PRIMARY KEY,
  at BIGINT NOT NULL,
  operator TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  task TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX looks_at ON looks (at);

-- Sites whose books were restored from a backup, until the shop has said what it knows and all of it is settled.
CREATE TABLE gap_sites (
  site TEXT COLLATE "C" PRIMARY KEY REFERENCES sites (id),
  since BIGINT NOT NULL,
  restored_at BIGINT NOT NULL,
  cases_from BIGINT NOT NULL DEFAULT 0,
  heard_at BIGINT,
  told_at BIGINT,
  ended_at BIGINT,
  ended_by TEXT COLLATE "C" NOT NULL DEFAULT '',
  reason TEXT COLLATE "C" NOT NULL DEFAULT ''
);
-- What the shop, a buyer or a gateway named of the time that the books have lost.
CREATE TABLE gap_payments (
  site TEXT COLLATE "C" NOT NULL,
  payment TEXT COLLATE "C" NOT NULL,
  outcome TEXT COLLATE "C" NOT NULL CHECK (outcome IN ('same', 'revived', 'unproven', 'assumed', 'lost')),
  detail TEXT COLLATE "C" NOT NULL DEFAULT '',
  held TEXT COLLATE "C" NOT NULL DEFAULT '',
  at BIGINT NOT NULL,
  seen_at BIGINT,
  PRIMARY KEY (site, payment)
);
CREATE INDEX gap_lost ON gap_payments (site) WHERE outcome = 'lost' AND seen_at IS NULL;
-- Every restore there was: what the shop anchored between a backup's moment and its restore need not be found.
CREATE TABLE restores (
  site TEXT COLLATE "C" NOT NULL,
  since BIGINT NOT NULL,
  restored_at BIGINT NOT NULL,
  PRIMARY KEY (site, restored_at)
);

-- When a shop handed its anchors back last, and those that the books do not bear out.
CREATE TABLE anchor_checks (
  site TEXT COLLATE "C" PRIMARY KEY,
  at BIGINT NOT NULL
);
CREATE TABLE anchor_breaks (
  site TEXT COLLATE "C" NOT NULL,
  at BIGINT NOT NULL,
  day TEXT COLLATE "C" NOT NULL,
  seal BIGINT NOT NULL,
  what TEXT COLLATE "C" NOT NULL,
  found TEXT COLLATE "C" NOT NULL,
  proposal TEXT COLLATE "C" NOT NULL DEFAULT '',
  reason TEXT COLLATE "C" NOT NULL DEFAULT '',
  maker TEXT COLLATE "C" NOT NULL DEFAULT '',
  made_at BIGINT NOT NULL DEFAULT 0,
  checker TEXT COLLATE "C" NOT NULL DEFAULT '',
  acknowledged_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (site, at, seal)
);
