package sqltest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/sql/sqltest"
)

func TestEveryDatabaseIsFreshAndEmpty(t *testing.T) {
	t.Parallel()
	for range 2 {
		connection, err := pgx.Connect(t.Context(), sqltest.Postgres(t))
		require.NoError(t, err)
		_, err = connection.Exec(t.Context(), `CREATE TABLE once (id BIGINT)`)
		assert.NoError(t, err)
		require.NoError(t, connection.Close(t.Context()))
	}
}

func TestAServerOfOnesOwnTakesSettingsAndKeepsItsLog(t *testing.T) {
	t.Parallel()
	server := sqltest.Start(t, "fsync=on", "log_statement=all")
	connection, err := pgx.Connect(t.Context(), server.Database(t))
	require.NoError(t, err)
	var fsync string
	require.NoError(t, connection.QueryRow(t.Context(), `SELECT current_setting('fsync') /* marked */`).Scan(&fsync))
	require.NoError(t, connection.Close(t.Context()))
	assert.Equal(t, "on", fsync)

	logged, err := os.ReadFile(server.LogFile())
	require.NoError(t, err)
	assert.Contains(t, string(logged), "marked")

	server.Stop()
	server.Stop()
	assert.NoFileExists(t, server.LogFile(), "the directory goes with the server")
}

const (
	patience = 30 * time.Second
	moment   = 20 * time.Millisecond
)

func TestTheServerEndsWithAKilledTestProcess(t *testing.T) {
	t.Parallel()
	if os.Getenv("CITYCARD_SQLTEST_CHILD") != "" {
		_, err := os.Stdout.WriteString("\nlog=" + sqltest.Start(t).LogFile() + "\n")
		require.NoError(t, err)
		<-t.Context().Done()
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), "CITYCARD_SQLTEST_CHILD=1")
	output, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	seen := ""
	for !strings.Contains(seen, "log=") || !strings.HasSuffix(seen, "\n") {
		part := make([]byte, 512)
		n, err := output.Read(part)
		require.NoError(t, err)
		seen += string(part[:n])
	}
	_, logFile, _ := strings.Cut(strings.TrimSpace(seen), "log=")
	require.FileExists(t, logFile)
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	assert.Eventually(t, func() bool {
		_, err := os.Stat(logFile)
		return os.IsNotExist(err)
	}, patience, moment)
}
