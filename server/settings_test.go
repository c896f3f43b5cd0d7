package main_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	server "citycard/server"
)

func TestEveryVariableHasItsFlagAndIsDocumented(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	help := command(t, nil, "--help").stdout
	documented := 0
	for _, name := range server.VariableNames() {
		flag := "--" + strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, "CITYCARD_"), "_", "-"))
		assert.Contains(t, help, flag+"=", name)
		assert.Contains(t, help, "$"+name, name)
		assert.Contains(t, string(readme), "| `"+name+"` |")
	}
	for line := range strings.SplitSeq(string(readme), "\n") {
		if strings.HasPrefix(line, "| `CITYCARD_") {
			documented++
		}
	}
	assert.Equal(t, len(server.VariableNames()), documented, "the README lists no other variables")
}

func TestAFlagGoesBeforeItsVariable(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name) }
	require.NoError(t, os.WriteFile(file("url"), []byte("sqlite:"+file("from_file")+"\n"), 0o600))
	require.Equal(t, 0, command(t, []string{"CITYCARD_DATABASE_URL=sqlite:" + file("from_variable")}, "migrate").code)
	require.Equal(t, 0, command(t, []string{"CITYCARD_DATABASE_URL_FILE=" + file("url")}, "migrate").code)
	require.Equal(t, 0, command(t, []string{"CITYCARD_DATABASE_URL=sqlite:" + file("unused")}, "migrate", "--database-url", "sqlite:"+file("from_flag")).code)
	require.Equal(t, 0, command(t, []string{"CITYCARD_DATABASE_URL_FILE=" + file("unused")}, "migrate", "--database-url", "sqlite:"+file("over_file")).code)
	require.Equal(t, 0, command(t, []string{"CITYCARD_DATABASE_URL="}, "migrate", "--database-url-file", file("url")).code, "empty is not given")
	for _, name := range []string{"from_variable", "from_file", "from_flag", "over_file"} {
		assert.FileExists(t, file(name))
	}
	assert.NoFileExists(t, file("unused"))
}

func TestAPasswordIsInNoError(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"postgres://u:hunter2@127.0.0.1:1/db", "postgres://u:hunter2@[::bad/db", "mysql://u:hunter2@h/db"} {
		for _, args := range [][]string{{"migrate"}, {"doctor"}, {"serve"}} {
			failed := command(t, append(home(t)[1:], "CITYCARD_DATABASE_URL="+address, "CITYCARD_ADDR=127.0.0.1:0",
				"CITYCARD_SANDBOX_ADDR=127.0.0.1:0", "CITYCARD_METRICS_ADDR=127.0.0.1:0"), args...)
			assert.NotEqual(t, 0, failed.code)
			assert.NotContains(t, failed.stdout+failed.stderr, "hunter2")
		}
	}
}

func TestTheClockCanBeSetInDevelopment(t *testing.T) {
	t.Parallel()
	system := time.Date(2026, 11, 22, 1, 30, 0, 0, time.UTC)
	cases := map[string]time.Time{
		"":                          system,
		"2027-01-01T00:00:00+08:00": time.Date(2026, 12, 31, 16, 0, 0, 0, time.UTC),
		"+300d":                     system.AddDate(0, 0, 300),
		"-1d":                       system.AddDate(0, 0, -1),
		"+2h":                       system.Add(2 * time.Hour),
		"-90m":                      system.Add(-90 * time.Minute),
	}
	for text, want := range cases {
		clock, err := server.ReadClock(text, func() time.Time { return system })
		require.NoError(t, err, text)
		assert.True(t, want.Equal(clock()), "%s gives %s", text, clock())
	}
	for _, text := range []string{"300d", "2h", "+300", "+1.5d", "2026-11-22", "+d", "now"} {
		_, err := server.ReadClock(text, time.Now)
		assert.ErrorContains(t, err, text)
	}
	assert.Contains(t, command(t, append(home(t), "CITYCARD_NOW=2030-05-01T12:00:00+08:00"), "doctor").stdout,
		"ok    clock: 2030-05-01T12:00:00+08:00, set by CITYCARD_NOW")
}

func TestSQLiteDoesNotGoOnNetworkFileSystems(t *testing.T) {
	t.Parallel()
	kind := func(of int64) func(string) (int64, error) {
		return func(string) (int64, error) { return of, nil }
	}
	for name, magic := range map[string]int64{"NFS": 0x6969, "CIFS": 0xFF534D42, "SMB2": 0xFE534D42, "9P": 0x01021997, "FUSE": 0x65735546} {
		assert.ErrorContains(t, server.RefuseNetwork("/data", kind(magic)), name)
	}
	assert.NoError(t, server.RefuseNetwork("/data", kind(0xEF53)), "ext4")

	var asked []string
	err := server.RefuseNetwork("/mnt/share/data", func(path string) (int64, error) {
		asked = append(asked, path)
		if path != "/mnt" {
			return 0, fs.ErrNotExist
		}
		return 0x6969, nil
	})
	assert.ErrorContains(t, err, "/mnt lies on a network file system (NFS)")
	assert.Equal(t, []string{"/mnt/share/data", "/mnt/share", "/mnt"}, asked)
	failed := errors.New("broken")
	assert.ErrorIs(t, server.RefuseNetwork("/data", func(string) (int64, error) { return 0, failed }), failed)
}
