package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// How much garbage may gather beyond what is in use before the collector runs. In a small process "as much again as
// is in use" means a collection every few hundred requests, each of which costs the same however little there is to find.
// Beside SQLite, whose pages lie in the same process, there is less to spare.
const (
	headroom           = 16 << 20
	headroomWithSQLite = 4 << 20
)

// limitMemory tells the Go runtime how much memory its control group may use, where neither GOMEMLIMIT nor the
// caller did, so that the collector works harder instead of the kernel killing the process. A tenth is left for
// what the runtime does not count. It returns what gives the headroom back.
func (c *config) limitMemory() (release func()) {
	spare := headroom
	if strings.HasPrefix(c.Database.Reveal(), "sqlite:") {
		spare = headroomWithSQLite
	}
	// Never touched, this takes addresses and no memory; it counts as in use and so puts collections off, by the
	// same amount however much is in use beside it.
	untouched := make([]byte, spare)
	_ = unix.Madvise(untouched, unix.MADV_DONTNEED) // where it came to lie on memory used before, which was cleared for it
	release = func() { runtime.KeepAlive(untouched) }
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return release
	}
	text, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	if err != nil {
		return release
	}
	if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
		debug.SetMemoryLimit(limit/10*9 + int64(spare))
	}
	return release
}
