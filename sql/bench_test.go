package sql_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
	"citycard/sql/sqltest"
)

// BenchmarkUpdate activates one card after another, each with its transition, event, activation and
// idempotency record, durably, by 1, 16, 64 and 256 callers at once; batched and one transaction each.
func BenchmarkUpdate(b *testing.B) {
	for _, e := range []engine{
		{"sqlite", func(*testing.T) string { return "sqlite:" + filepath.Join(b.TempDir(), "card.db") }},
		{"postgres", func(*testing.T) string { return sqltest.Start(b, "fsync=on", "synchronous_commit=on").Database(b) }},
	} {
		for _, unbatched := range []bool{false, true} {
			settings := options()
			settings.Unbatched = unbatched
			store, err := sql.Open(b.Context(), e.fresh(nil), settings)
			require.NoError(b, err)
			require.NoError(b, store.Migrate(b.Context()))
			next := &atomic.Int64{}
			for _, callers := range []int{1, 16, 64, 256} {
				b.Run(fmt.Sprintf("%s/unbatched=%t/%d", e.name, unbatched, callers), func(b *testing.B) {
					activate(b, store, next, callers)
				})
			}
			require.NoError(b, store.Close())
		}
	}
}

func activate(b *testing.B, store *sql.Store, next *atomic.Int64, callers int) {
	b.Helper()
	first := next.Load()
	rows := make([]citycard.CardRow, b.N)
	for i := range rows {
		rows[i] = benchRow(first + int64(i))
	}
	for start := 0; start < len(rows); start += 5000 {
		_, err := store.ImportCards(b.Context(), citycard.ImportBatch{File: "bench", Rows: rows[start:min(start+5000, len(rows))]})
		require.NoError(b, err)
	}
	b.SetParallelism(callers / 2)
	before := processorTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			row := benchRow(next.Add(1) - 1)
			key := citycard.OnceKey{Scope: "citizen:c", Key: newID()}
			err := store.Update(b.Context(), citycard.Subject{Number: row.Number, Once: key}, func(ch *citycard.Change) error {
				if len(ch.Cards) != 1 || ch.Earlier != nil {
					return fmt.Errorf("no card %v", row.Card.Number)
				}
				ch.Activation = finished(newID(), ch.Cards[0].Ref)
				ch.Once = &citycard.Once{OnceKey: key, Fingerprint: "f", Result: ch.Activation.ID, RecordedAt: now}
				_, err := ch.Cards[0].ActivateOnline(citycard.Policy{FinancialActivation: citycard.OnlineFull}, citycard.Proof{}, cause("e"), now)
				return err
			})
			if err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "activations/s")
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "CPU-µs/op")
}

// processorTime is what this process used so far: on a machine that is shared it says more than the rate.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func benchRow(n int64) citycard.CardRow {
	row := cardRow(int(n))
	row.Number = citycard.RestoreIDNumber(fmt.Sprintf("3201001990%08d", n))
	row.Card.ReceivedOn = citycard.DateOf(now).AddDays(-10)
	return row
}
