package main

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Not in parallel with others: they would have the kernel map their code again meanwhile.
func TestStartingIsForgotten(t *testing.T) { //nolint:paralleltest // see above
	before := codeInMemory(t)
	require.NoError(t, forgetStart())
	assert.Less(t, codeInMemory(t), before)
}

// codeInMemory is how much of files is mapped, in kB.
func codeInMemory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if size, found := strings.CutPrefix(line, "RssFile:"); found {
			kilobytes, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(size), "kB")))
			require.NoError(t, err)
			return kilobytes
		}
	}
	require.Fail(t, "the kernel does not tell")
	return 0
}
