package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAPartnersListIsWrittenAndCompared(t *testing.T) {
	t.Parallel()
	environ := home(t)
	require.Equal(t, 0, addBank(t, environ).code)
	list := command(t, environ, "partner", "reconcile", "--app-id", "2026000000000001", "--day", "2026-11-22")
	require.Equal(t, 0, list.code, list)
	assert.Equal(t, "out_request_no,method,result,changed,region,card_number_masked,occurred_at,server_time\n", list.stdout)

	theirs := filepath.Join(t.TempDir(), "theirs.csv")
	require.NoError(t, os.WriteFile(theirs, []byte("out_request_no\nBANK-0001\n"), 0o600))
	compared := command(t, environ, "partner", "reconcile", "--app-id", "2026000000000001", "--day", "2026-11-22", "--compare", theirs)
	assert.Equal(t, 1, compared.code)
	assert.Equal(t, "0 events are the same\nonly theirs: BANK-0001\n", compared.stdout)

	require.NoError(t, os.WriteFile(theirs, []byte(list.stdout), 0o600))
	same := command(t, environ, "partner", "reconcile", "--app-id", "2026000000000001", "--day", "2026-11-22", "--compare", theirs)
	assert.Equal(t, 0, same.code, same)
	unknown := command(t, environ, "partner", "reconcile", "--app-id", "2026000000000404", "--day", "2026-11-22", "--compare", theirs)
	assert.Equal(t, 1, unknown.code, unknown)
	assert.Contains(t, unknown.stderr, "--app-id: not_found: there is no such partner")
	require.NoError(t, os.WriteFile(theirs, []byte("out_request_no,occurred_at\nBANK-0001,noon\n"), 0o600))
	unreadable := command(t, environ, "partner", "reconcile", "--app-id", "2026000000000001", "--day", "2026-11-22", "--compare", theirs)
	assert.Equal(t, 1, unreadable.code, unreadable)
	assert.Contains(t, unreadable.stderr, "theirs.csv: line 2, column occurred_at: this is no time")
	wrong := command(t, environ, "partner", "reconcile", "--app-id", "2026000000000001", "--day", "yesterday")
	assert.Equal(t, 2, wrong.code, wrong)
}
