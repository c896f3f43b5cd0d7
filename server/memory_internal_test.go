package main

import (
	"fmt"
	"os"
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
	_, field, found := strings.Cut(string(text), "RssFile:")
	require.True(t, found)
	var kilobytes int
	_, err = fmt.Sscan(field, &kilobytes)
	require.NoError(t, err)
	return kilobytes
}
