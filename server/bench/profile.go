package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
)

// heaviest profiles the service while it activates for 64 connections, and gives the ten functions in which it
// spent most by themselves.
func (t *target) heaviest(ctx context.Context) (string, error) {
	const seconds = 3
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
