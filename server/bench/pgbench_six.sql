\set i :i + 1
\set card 20000000 + (random(0, :count - 1) * :stride)
BEGIN;
SELECT ref, version, social, financial, head, head_at FROM card WHERE card_number = 'D' || :card::text AND region = :region FOR UPDATE \gset
UPDATE card SET financial = 'inactive', financial_since = 1790000000000, version = version + 1, head = 'e3b0c44298fc1c149afbf4c8996fb924' || lpad(:run::text, 6, '0') || lpad(:client_id::text, 6, '0') || lpad(:i::text, 20, '0'), head_at = 1790000000000 + :run * 1000000 + :i WHERE ref = :ref AND version = :version;
INSERT INTO transition (card_ref, seq, machine, from_state, to_state, actor_kind, actor_id, channel, reason, evidence_ref, occurred_at, recorded_at, event_id, prev_at, prev_hash, hash) VALUES (:ref, :version + 1, 'financial', 'inactive', 'active', 'citizen', 'pgbench-citizen-0000000000000000', 'mini_program', 'act_online', 'pgbench-evidence-000000000000000', 1790000000000, 1790000000000 + :run * 1000000 + :i, '', :head_at, :head, 'e3b0c44298fc1c149afbf4c8996fb924' || lpad(:run::text, 6, '0') || lpad(:client_id::text, 6, '0') || lpad(:i::text, 20, '0'));
INSERT INTO outgoing_event (card_ref, seq, created_at) VALUES (:ref, :version + 1, 1790000000000);
INSERT INTO activation (id, citizen_id, channel, name, number, method, check_id, status, failure, card_ref, changed, receipt, dedup, attempt_citizen, attempt_number, attempt_address, started_at, expires_at, finished_at, claimed_until) VALUES (lpad(:run::text, 6, '0') || lpad(:client_id::text, 6, '0') || lpad(:i::text, 20, '0'), 'pgbench-citizen-0000000000000000', 'mini_program', '', '', 'bound', '', 'activated', '', :ref, true, 'R20261122000000000000000', '', '', '', '', 1790000000000, 1790000000000, 1790000000000, 0);
COMMIT;
