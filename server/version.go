package main

import "runtime"

// version and commit are set by the linker.
var (
	version = "development"
	commit  = "unknown"
)

type versionCommand struct{}

// Help is the example.
func (versionCommand) Help() string { return "Example:\n\n  citycard version" }

// Run shows what is running.
func (versionCommand) Run(p *program) error {
	return p.say("citycard %s, commit %s, %s\n", version, commit, runtime.Version())
}
