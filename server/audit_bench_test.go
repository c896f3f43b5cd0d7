package main_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql/sqltest"
)

// BenchmarkAuditVerify checks a database in which each card went through two transitions, for as many cards as the benchmark has
// rounds: name them, as in -benchtime 100000x.
func BenchmarkAuditVerify(b *testing.B) {
	for name, address := range map[string]func() string{
		"sqlite":   func() string { return "sqlite:" + filepath.Join(b.TempDir(), "card.db") },
		"postgres": func() string { return sqltest.Start(b).Database(b) },
	} {
		b.Run(name, func(b *testing.B) { verifyMany(b, address()) })
	}
}

func verifyMany(b *testing.B, address string) {
	b.Helper()
	r := onRecord(b, address)
	rows := make([]citycard.CardRow, b.N)
	for i := range rows {
		rows[i] = citycard.CardRow{
			Line: int64(i + 2), Name: citycard.RestoreName("王小明"), Number: citycard.RestoreIDNumber(fmt.Sprintf("3201001990%08d", i)),
			Card: citycard.Card{
				Region: "320100", Number: citycard.CardNumber(fmt.Sprintf("A%08d", i)), Bank: "102", Fulfilment: citycard.FulfilmentCollected,
				Social: citycard.SocialActive, Financial: citycard.FinancialInactive, Password: citycard.PasswordInitial,
				ReceivedOn: citycard.DateOf(recordedAt).AddDays(-10),
			},
		}
	}
	for from := 0; from < len(rows); from += 5000 {
		_, err := r.store.ImportCards(b.Context(), citycard.ImportBatch{File: strconv.Itoa(from), Rows: rows[from:min(from+5000, len(rows))]})
		require.NoError(b, err)
	}
	var next atomic.Int64
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			row := rows[next.Add(1)-1]
			for at := range 2 {
				require.NoError(b, r.store.Update(context.WithoutCancel(b.Context()), citycard.Subject{Number: row.Number}, func(ch *citycard.Change) error {
					cause := citycard.Cause{
						Actor: citycard.Actor{Kind: citycard.ActorStaff, ID: "s1"}, Channel: citycard.ChannelCounter, Reason: citycard.ReasonFraudHold, Evidence: "case 7",
						EventID: auditID(), Occurred: recordedAt,
					}
					if at == 0 {
						return ch.Cards[0].Freeze(cause, recordedAt)
					}
					return ch.Cards[0].Release(cause, recordedAt)
				}))
			}
		}
	})
	r.sequence(b, 1000)
	b.ResetTimer()
	count, err := citycard.AuditCheck{Rows: r.store, Log: r.log}.Run(b.Context(), nil, func(f citycard.AuditFinding) error {
		return fmt.Errorf("%s: %s: %s", f.Kind, f.Row, f.Detail)
	})
	b.StopTimer()
	require.NoError(b, err)
	require.Equal(b, int64(2*b.N), count.Transitions)
}
