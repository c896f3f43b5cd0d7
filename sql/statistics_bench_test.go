package sql_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
	"citycard/sql/sqltest"
)

// crowded fills a database with a million cards, received on 300 days in an order without pattern; half of them were
// activated on the last thirty days, with a citizen's request each.
func crowded(b *testing.B, address string) {
	b.Helper()
	driver, name, days := "pgx", address, "generate_series(CAST(0 AS bigint), 999999) AS g (n)"
	column, place := "", ""
	if path, found := strings.CutPrefix(address, "sqlite:"); found {
		driver, name = "sqlite", path
		days = "(WITH RECURSIVE g (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM g WHERE n < 999999) SELECT n FROM g)"
		column, place = "n, ", "(n + 1) << 16, " // with the person of the same number
	}
	db, err := sqlx.Open(driver, name)
	require.NoError(b, err)
	defer db.Close()
	scattered := "((n * 7919) % 300)"
	day := "date('2026-11-22', '-' || " + scattered + " || ' days')"
	number := "printf('%08d', n)"
	if driver == "pgx" {
		day = "to_char(date '2026-11-22' - CAST(" + scattered + " AS integer), 'YYYY-MM-DD')"
		number = "lpad(CAST(n AS text), 8, '0')"
	}
	active := "CASE WHEN n % 2 = 0 THEN 'active' ELSE 'inactive' END"
	for _, statement := range []string{
		"INSERT INTO person (id, name, phone, created_at) SELECT 'p-' || " + number + ", '', '', 0 FROM " + days + " ORDER BY n",
		`INSERT INTO card (` + column + `ref, person_id, region, card_number, bank_code, account_index, account_last4, fulfilment, social, financial,
 password, social_before, social_held, financial_before, received_on, valid_to, replacement_for, replaced_by, fulfilment_since,
 social_since, financial_since, password_since, head, version)
 SELECT ` + place + `'card-' || ` + number + `, 'p-' || ` + number + `, '320100', 'A' || ` + number + `, '102', '', '1234', 'collected', 'sealed', ` + active + `, 'initial',
 '', '', '', ` + day + `, '', '', '', 0, 0, 0, 0, '', 1 FROM ` + days,
		`INSERT INTO transition (card_ref, seq, machine, from_state, to_state, actor_kind, actor_id, channel, reason, evidence_ref,
 occurred_at, recorded_at, event_id, prev_at, prev_hash, hash)
 SELECT 'card-' || ` + number + `, 1, 'financial', 'inactive', 'active', 'citizen', 'citizen-' || ` + number + `, 'h5', 'act_online', '',
 0, 1795311000000 - (n * 2592), '', 0, '', ` + number + ` FROM ` + days + ` WHERE n % 2 = 0`,
		`INSERT INTO activation (id, citizen_id, channel, name, number, method, check_id, status, failure, card_ref, changed, receipt, dedup,
 attempt_citizen, attempt_number, attempt_address, started_at, expires_at, finished_at, claimed_until)
 SELECT 'act-' || ` + number + `, '', 'h5', '', '', 'bound', '', 'activated', '', '', ` + map[string]string{"pgx": "true", "sqlite": "1"}[driver] + `, '', '', '', '', '',
 1795311000000 - (n * 2592), 0, 0, 0 FROM ` + days + ` WHERE n % 2 = 0`,
		"ANALYZE",
	} {
		_, err := db.Exec(statement)
		require.NoError(b, err)
	}
}

// BenchmarkStatistics measures what the dashboard costs with a million cards: the first counting of thirty days and
// of the days of receipt, and then every further page.
func BenchmarkStatistics(b *testing.B) {
	policy, err := os.Open("../static/policy.json")
	require.NoError(b, err)
	policies, err := citycard.ParsePolicies(policy)
	require.NoError(b, err)
	for name, fresh := range map[string]func() string{
		"sqlite":   func() string { return "sqlite:" + filepath.Join(b.TempDir(), "card.db") },
		"postgres": func() string { return sqltest.Start(b, "fsync=on").Database(b) },
	} {
		address := fresh()
		store, err := sql.Open(b.Context(), address, options())
		require.NoError(b, err)
		require.NoError(b, store.Migrate(b.Context()))
		crowded(b, address)
		statistics := &citycard.Statistics{Days: store, Callbacks: store, Policies: policies, Clock: options().Clock}
		today := citycard.DateOf(now)
		for _, try := range []string{"first", "further"} {
			b.Run(name+"/daily/"+try, func(b *testing.B) {
				for range b.N {
					_, err := statistics.Daily(b.Context(), today.AddDays(-29), today)
					require.NoError(b, err)
				}
			})
			b.Run(name+"/exposure/"+try, func(b *testing.B) {
				for range b.N {
					found, err := statistics.Exposure(b.Context(), 13)
					require.NoError(b, err)
					require.NotEmpty(b, found.Weeks)
				}
			})
		}
		require.NoError(b, store.Close())
	}
}
