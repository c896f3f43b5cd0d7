// Package sqltest gives tests real PostgreSQL databases. The server is started by the test process itself from
// the installed binaries, as an unprivileged user, in a temporary directory, and ends with the process however
// that ends; or it is reached through CITYCARD_TEST_POSTGRES. A test without a server fails, it never skips.
package sqltest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Environment names the variable with the URL of a server, by a user who may create databases, to use instead
// of starting one.
const Environment = "CITYCARD_TEST_POSTGRES"

// shared is the one server of this test process; its log is kept where the server keeps its data.
var shared struct {
	sync.Once
	server *Server
	err    error
}

// Postgres gives the URL of a fresh, empty database on the test process's server. The database is dropped
// when the test ends.
func Postgres(tb testing.TB) string {
	tb.Helper()
	if given := os.Getenv(Environment); given != "" {
		return freshDatabase(tb, given)
	}
	shared.Do(func() { shared.server, shared.err = Launch("fsync=off") })
	require.NoError(tb, shared.err, "a PostgreSQL server is needed; `make install` installs it")
	return shared.server.Database(tb)
}

// Start gives the test a server of its own, with the given settings ("fsync=on", "log_statement=all") on top
// of PostgreSQL's defaults. It ends with the test.
func Start(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	server, err := Launch(settings...)
	require.NoError(tb, err, "a PostgreSQL server is needed; `make install` installs it")
	tb.Cleanup(server.Stop)
	return server
}

// Database gives the URL of a fresh, empty database, dropped when the test ends.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	return freshDatabase(tb, s.url)
}

func freshDatabase(tb testing.TB, server string) string {
	tb.Helper()
	address, err := url.Parse(server)
	require.NoError(tb, err, "read the server's URL")
	name := "test_" + rand.Text()
	run(tb, server, `CREATE DATABASE "`+name+`" TEMPLATE template0 ENCODING 'UTF8'`)
	tb.Cleanup(func() { drop(server, name) })
	address.Path = "/" + name
	return address.String()
}

func run(tb testing.TB, server, statement string) {
	tb.Helper()
	connection, err := pgx.Connect(tb.Context(), server)
	require.NoError(tb, err, "connect to the test server")
	_, err = connection.Exec(tb.Context(), statement)
	require.NoError(tb, err, "run %s", statement)
	require.NoError(tb, connection.Close(tb.Context()))
}

// drop removes a database as far as it can: a server that is already gone took the database with it.
func drop(server, name string) {
	ctx := context.Background()
	connection, err := pgx.Connect(ctx, server)
	if err != nil {
		return
	}
	_, _ = connection.Exec(ctx, `DROP DATABASE IF EXISTS "`+name+`" WITH (FORCE)`)
	_ = connection.Close(ctx)
}
