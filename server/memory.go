package main

import (
	"fmt"
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

// forgetStart gives back what starting took: memory that was freed, and pages of the program's code, which the kernel keeps in
// its cache and maps again where they are still needed.
func forgetStart() error {
	debug.FreeOSMemory()
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("read the program's memory map: %w", err)
	}
	for line := range strings.Lines(string(maps)) {
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[1] != "r-xp" || !strings.HasSuffix(line, " "+program+"\n") {
			continue
		}
		var from, to uintptr
		if _, err := fmt.Sscanf(fields[0], "%x-%x", &from, &to); err != nil {
			return fmt.Errorf("read the program's memory map: %w", err)
		}
		if _, _, number := unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED); number != 0 {
			return fmt.Errorf("give the program's code back: %w", number)
		}
	}
	return nil
}
