// Command citycard is the service and its commands: serving, migrating, importing card records, keys, and what
// an operator needs to look after it. It reads the configuration, makes every part and connects them; the rules
// are in the root package.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	_ "time/tzdata" // certificates and logs need zones where the system has none
)

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	syscall.Umask(0o077) // what the service writes, databases and lists of rejects, is for its own user
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := Run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// usageError is what the caller has to change in the arguments or the configuration.
type usageError struct{ error }

// Unwrap gives the error beneath.
func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// commands are the program's commands; each has a method Run.
type commands struct {
	settings

	Serve   serveCommand   `cmd:"" default:"withargs" help:"Run the service; this is what happens without a command."`
	Migrate migrateCommand `cmd:"" help:"Bring the database schema up to date, or show its version."`
	Import  importCommand  `cmd:"" help:"Import records from files."`
	Partner partnerCommand `cmd:"" help:"Register partner platforms and their keys."`
	Staff   staffCommand   `cmd:"" help:"Add, reset and disable staff accounts."`
	Audit   auditCommand   `cmd:"" help:"Prove that no record was altered or removed."`
	Keys    keysCommand    `cmd:"" help:"Generate, show and rotate the service's keys."`
	Doctor  doctorCommand  `cmd:"" help:"Check configuration, keys, clock, database and platform; one line each."`
	Demo    demoCommand    `cmd:"" help:"Make up records, for trying and for load tests."`
	Sandbox sandboxCommand `cmd:"" help:"Run only the stand-in super-app."`
	Version versionCommand `cmd:"" help:"Show version, commit and Go version."`
}

// program is what a command runs in.
type program struct {
	//nolint:containedctx // kong calls commands without a context of its own
	ctx      context.Context
	settings settings
	stdout   io.Writer
	stderr   io.Writer
}

// Run runs one command with the given arguments and environment (NAME=value) and returns the exit code: 0, 1
// for a failure or 2 for wrong usage or configuration. Errors are one line on stderr. It ends when ctx does.
func Run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	err := run(ctx, args, environ, stdout, stderr)
	var wrong usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &wrong):
		complain(stderr, err)
		return exitUsage
	default:
		complain(stderr, err)
		return exitFailure
	}
}

func complain(stderr io.Writer, err error) {
	_, _ = fmt.Fprintln(stderr, "citycard: "+strings.Join(strings.FieldsFunc(err.Error(), isLineBreak), "; "))
}

func isLineBreak(r rune) bool { return r == '\n' || r == '\r' }

// describe adds a setting's variable to its flag's help.
func describe(value *kong.Value) string {
	variable := variablePrefix + strings.ToUpper(strings.ReplaceAll(value.Name, "-", "_"))
	if slices.Contains(variableNames(), variable) {
		return value.Help + " $" + variable
	}
	return value.Help
}

// helpShown ends parsing after --help.
type helpShown struct{}

func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) (err error) {
	var given commands
	parser, err := kong.New(&given, kong.Name("citycard"), kong.Writers(stdout, stderr),
		kong.Description("The social security card service of a city: activation inside a super-app, and what belongs to it.\n\n"+
			"Every setting is an environment variable CITYCARD_…, and a flag of the same name.\n\n"+
			"Example:\n\n  citycard serve --addr :8080"),
		kong.ValueFormatter(describe), kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Exit(func(int) { panic(helpShown{}) }))
	if err != nil {
		return fmt.Errorf("read commands: %w", err)
	}
	defer func() {
		if shown := recover(); shown != nil {
			if _, ok := shown.(helpShown); !ok {
				panic(shown)
			}
		}
	}()
	command, err := parser.Parse(args)
	if err != nil {
		return usageError{err}
	}
	merged, err := readSettings(environ, given.settings)
	if err != nil {
		return usageError{err}
	}
	return command.Run(&program{ctx: ctx, settings: merged, stdout: stdout, stderr: stderr})
}
