package main

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// logger writes to stderr: text for a person at a terminal, JSON for a machine.
func (c *config) logger(stderr io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.logLevel}
	if c.LogFormat == "text" || c.LogFormat == "" && isTerminal(stderr) {
		return slog.New(slog.NewTextHandler(stderr, options))
	}
	return slog.New(slog.NewJSONHandler(stderr, options))
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
