package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// headroom is how much garbage may gather beyond what is in use before the collector runs. In a small process
// "as much again as is in use" means a collection every few hundred requests, each of which costs the same however
// little there is to find.
const headroom = 12 << 20

// limitMemory tells the Go runtime how much memory its control group may use, where neither GOMEMLIMIT nor the
// caller did, so that the collector works harder instead of the kernel killing the process. A tenth is left for
// what the runtime does not count. It returns what gives the headroom back.
func limitMemory() (release func()) {
	// Never touched, this takes addresses and no memory; it counts as in use and so puts collections off, by the
	// same amount however much is in use beside it.
	untouched := make([]byte, headroom)
	release = func() { runtime.KeepAlive(untouched) }
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return release
	}
	text, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	if err != nil {
		return release
	}
	if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
		debug.SetMemoryLimit(limit/10*9 + headroom)
	}
	return release
}
