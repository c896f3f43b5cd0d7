package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Where the kernel is asked for huge pages, and for what helps to find room for them.
const (
	hugePagesFile     = "/proc/sys/vm/nr_hugepages"
	dropCachesFile    = "/proc/sys/vm/drop_caches"
	compactMemoryFile = "/proc/sys/vm/compact_memory"
)

// reserveHugePages sets as many huge pages aside as a PostgreSQL server with that many bytes of shared_buffers needs, as docs/operating.md
// asks operators to. It returns what gives them back, once the server has ended. Only root may, and the kernel must find room for them.
func reserveHugePages(buffers int64) (release func(), err error) {
	size, err := kernelSize("/proc/meminfo", "Hugepagesize")
	if err != nil {
		return nil, err
	}
	before, err := readHugePages()
	if err != nil {
		return nil, err
	}
	// Beside its buffers a server shares what describes them, and what its connections need.
	const others = 128 * megabyte
	wanted := before + int((buffers+buffers/32+others)/size)
	release = func() {
		if err := ask(hugePagesFile, before); err != nil {
			sayf("huge pages stay reserved, set them back: %v", err)
		}
	}
	// Files that the kernel keeps in memory lie everywhere in it: without them, what is left is moved together first.
	for _, step := range []struct {
		file   string
		number int
	}{{dropCachesFile, 1}, {compactMemoryFile, 1}, {hugePagesFile, wanted}} {
		if err := ask(step.file, step.number); err != nil {
			return nil, err
		}
	}
	got, err := readHugePages()
	if err == nil && got < wanted {
		err = fmt.Errorf("the machine has room for %d more of %d bytes, wanted %d", got-before, size, wanted-before)
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

func readHugePages() (int, error) {
	text, err := os.ReadFile(hugePagesFile)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// ask writes a number where the kernel reads its settings.
func ask(file string, number int) error {
	return os.WriteFile(file, []byte(strconv.Itoa(number)), 0)
}
