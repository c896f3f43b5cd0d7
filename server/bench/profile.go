package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// heaviest profiles the service while it activates for 64 connections, and gives the ten functions in which it
// spent most by themselves.
func (t *target) heaviest(ctx context.Context) (string, error) {
	const seconds = 6
	fetched := make(chan error, 1)
	file := t.bench.path("cpu.pprof")
	address := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", t.services[activation].metrics, seconds)
	go func() { fetched <- fetch(ctx, address, file) }()
	s, err := t.measure(ctx, point{activation, 64}, seconds)
	if err != nil {
		return "", err
	}
	if err := <-fetched; err != nil {
		return "", err
	}
	if t.bench.keep != "" {
		if err := t.keep(ctx, file); err != nil {
			return "", err
		}
	}
	if s.errors > 0 {
		return "", fmt.Errorf("%d requests failed while profiled", s.errors)
	}
	var text strings.Builder
	for _, order := range []string{"-flat", "-cum"} {
		printed, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", order, "-nodecount="+nodes[order], //nolint:gosec // fixed words
			t.bench.path(binary), file).Output()
		if err != nil {
			return "", fmt.Errorf("read profile: %w", err)
		}
		fmt.Fprintf(&text, "```\n%s```\n", printed)
	}
	return text.String(), nil
}

// keep leaves the profile, one of the memory in use, and the program they are of in the folder that was asked for.
func (t *target) keep(ctx context.Context, file string) error {
	into := filepath.Join(t.bench.keep, t.database.engine)
	if err := os.MkdirAll(into, 0o750); err != nil {
		return err
	}
	heap := filepath.Join(into, "heap.pprof")
	if err := fetch(ctx, fmt.Sprintf("http://%s/debug/pprof/heap", t.services[activation].metrics), heap); err != nil {
		return err
	}
	for _, from := range []string{file, t.bench.path(binary)} {
		text, err := os.ReadFile(from) //nolint:gosec // our own file
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(into, filepath.Base(from)), text, 0o600); err != nil { //nolint:gosec // whoever measures names the folder
			return err
		}
	}
	return nil
}

// nodes is how many functions are shown: the heaviest by themselves, and with what they call.
var nodes = map[string]string{"-flat": "10", "-cum": "60"}

func fetch(ctx context.Context, address, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("fetch profile: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("fetch profile: status %d: %w", answer.StatusCode, err)
	}
	return os.WriteFile(file, body, 0o600)
}
