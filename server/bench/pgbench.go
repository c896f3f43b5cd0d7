package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	//go:embed pgbench_six.sql
	pgbenchSixScript []byte
	//go:embed pgbench_one.sql
	pgbenchOneScript []byte

	tpsLine    = regexp.MustCompile(`tps = ([0-9.]+) \(without`)
	doneLine   = regexp.MustCompile(`actually processed: ([0-9]+)`)
	failedLine = regexp.MustCompile(`failed transactions: ([0-9]+)`)

	// textVariable is a variable of the scripts that holds text. Prepared statements take it as a parameter; otherwise
	// pgbench writes it into the statement as it is.
	textVariable = regexp.MustCompile(`:(ref|head|region)\b`)
)

// longest is how many seconds pgbench gets at most, where in fewer it comes to no transaction.
const longest = 30

// pgbench has PostgreSQL's own benchmark write the rows of an activation on the same tables, without any
// service: what the database alone does.
func (t *target) pgbench(ctx context.Context, p point, seconds int) (sample, error) {
	script, protocol, file := pgbenchSixScript, "prepared", t.bench.path("pgbench.sql")
	switch p.what {
	case pgbenchSix:
		script, protocol = textVariable.ReplaceAll(script, []byte("':$1'")), "simple"
	case pgbenchTogether:
		script = pgbenchOneScript
	}
	if err := os.WriteFile(file, script, 0o600); err != nil {
		return sample{}, err
	}
	watch, err := t.watch(nil)
	if err != nil {
		return sample{}, err
	}
	t.pgbenches++
	times := t.bench.path("pgbench-times")
	command := exec.CommandContext(ctx, "pgbench", "-n", "-M", protocol, "-c", strconv.Itoa(p.connections), //nolint:gosec // our own words
		"-j", strconv.Itoa(min(2, p.connections)), "-T", strconv.Itoa(seconds), "-f", file, "-l", "--log-prefix="+times,
		"-D", "run="+strconv.Itoa(t.pgbenches), "-D", "count="+strconv.Itoa(t.people.positions), "-D", "stride="+strconv.Itoa(t.stride),
		"-D", "region="+t.region, "-D", "i=0", t.database.address)
	printed, err := command.CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("pgbench: %w: %s", err, printed)
	}
	if bytes.Contains(printed, []byte("actually processed: 0\n")) && seconds < longest {
		// The time was spent on opening connections.
		return t.pgbench(ctx, p, 2*seconds)
	}
	s, err := readPgbench(printed)
	if err != nil {
		return sample{}, err
	}
	if s.p50, s.p99, err = readTimes(times); err != nil {
		return sample{}, err
	}
	err = watch.into(&s)
	return s, err
}

func readPgbench(printed []byte) (sample, error) {
	rate, requests := tpsLine.FindSubmatch(printed), doneLine.FindSubmatch(printed)
	if rate == nil || requests == nil {
		return sample{}, fmt.Errorf("pgbench printed no result: %s", printed)
	}
	var s sample
	var err error
	if s.rate, err = strconv.ParseFloat(string(rate[1]), 64); err != nil {
		return sample{}, err
	}
	if s.requests, err = strconv.Atoi(string(requests[1])); err != nil {
		return sample{}, err
	}
	if failed := failedLine.FindSubmatch(printed); failed != nil {
		s.errors, err = strconv.Atoi(string(failed[1]))
	}
	return s, err
}

// readTimes reads how long each transaction took, the third field of pgbench's log, and removes the log.
func readTimes(prefix string) (p50, p99 float64, err error) {
	files, err := filepath.Glob(prefix + ".*")
	if err != nil {
		return 0, 0, err
	}
	var times []float64
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // our own file
		if err != nil {
			return 0, 0, err
		}
		for line := range bytes.Lines(text) {
			fields := strings.Fields(string(line))
			if len(fields) < 3 {
				continue
			}
			microseconds, err := strconv.ParseFloat(fields[2], 64)
			if err != nil {
				return 0, 0, fmt.Errorf("read pgbench's log: %w", err)
			}
			times = append(times, microseconds)
		}
		if err := os.Remove(file); err != nil {
			return 0, 0, err
		}
	}
	if len(times) == 0 {
		return 0, 0, errors.New("pgbench logged no transaction")
	}
	slices.Sort(times)
	return times[len(times)/2], times[len(times)*99/100], nil
}
