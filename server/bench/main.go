// Command bench measures the service as its users and its operator meet it: a fresh process for each engine and
// each number of cards, driven over loopback, beside what the same machine does without the service in the same
// minutes. docs/performance.md tells how to read what it prints.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are what to measure, and how long.
type options struct {
	cards       []int
	engines     []string
	connections []int
	rounds      int
	seconds     int
	short       bool
	profile     bool
	pause       bool
	only        []kind
	output      string
	keep        string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func readOptions(args []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	cards := flags.String("cards", "1000000", "numbers of cards, one run for each")
	connections := flags.String("connections", "1,16,64,256", "numbers of connections")
	engines := flags.String("engines", "sqlite,postgres", "engines")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds; everything is measured once in each")
	flags.IntVar(&o.seconds, "seconds", 5, "seconds of each measurement")
	flags.BoolVar(&o.short, "short", false, "two minutes: 50,000 cards, three rounds of two seconds, only what the targets compare at 1 and 64 connections")
	flags.BoolVar(&o.profile, "profile", false, "also print the service's ten heaviest functions at 64 connections")
	flags.BoolVar(&o.pause, "pause", false, "after the import wait for a line on standard input, then build again and measure: imports take long, measuring needs a machine at rest")
	flags.Func("only", "measure only this, by its `name` in the table, such as activation; may be given several times", func(name string) error {
		if !slices.Contains(everything, kind(name)) {
			return fmt.Errorf("it is not one of %q", everything)
		}
		o.only = append(o.only, kind(name))
		return nil
	})
	flags.StringVar(&o.keep, "keep", "", "a folder to leave the profiles in")
	flags.StringVar(&o.output, "output", "", "a file for the tables, beside standard output")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if o.short {
		for name, short := range map[string]string{"cards": "50000", "connections": "1,64", "rounds": "3", "seconds": "2"} {
			if !given[name] {
				_ = flags.Set(name, short) // a number, as the flag wants it
			}
		}
	}
	o.engines = strings.Split(*engines, ",")
	var err error
	if o.cards, err = readNumbers(*cards); err != nil {
		return nil, fmt.Errorf("-cards: %w", err)
	}
	if o.connections, err = readNumbers(*connections); err != nil {
		return nil, fmt.Errorf("-connections: %w", err)
	}
	for _, engine := range o.engines {
		if engine != sqlite && engine != postgres {
			return nil, fmt.Errorf("-engines: %q is not %s or %s", engine, sqlite, postgres)
		}
		if len(o.plan(engine)) == 0 {
			return nil, fmt.Errorf("nothing of what is asked for is measured on %s: leave it out of -engines, or name something else by -only or -connections", engine)
		}
	}
	return o, nil
}

func readNumbers(text string) ([]int, error) {
	var numbers []int
	for part := range strings.SplitSeq(text, ",") {
		number, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || number < 1 {
			return nil, fmt.Errorf("%q is not a number above 0", part)
		}
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	return numbers, nil
}

func run(ctx context.Context, args []string) (err error) {
	o, err := readOptions(args)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "citycard-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	out := io.Writer(os.Stdout)
	if o.output != "" {
		file, err := os.Create(o.output)
		if err != nil {
			return fmt.Errorf("-output: %w", err)
		}
		defer file.Close()
		out = io.MultiWriter(os.Stdout, file)
	}
	b := &bench{options: o, folder: folder, out: out}
	if err := b.build(ctx); err != nil {
		return err
	}
	b.printf("`go run ./server/bench %s`, %s, %d processors, %s, load before: %s\n",
		strings.Join(args, " "), time.Now().Format("2006-01-02 15:04"), runtime.NumCPU(), runtime.Version(), load())
	for _, cards := range o.cards {
		if err := b.size(ctx, cards); err != nil {
			return fmt.Errorf("%d cards: %w", cards, err)
		}
	}
	b.printGrowth()
	return nil
}

// bench is the whole run. Finished are the results by engine, one for each number of cards.
type bench struct {
	*options

	folder   string
	out      io.Writer
	finished map[string][]*result
}

func (b *bench) path(name string) string { return filepath.Join(b.folder, name) }

func (b *bench) printf(format string, values ...any) { _, _ = fmt.Fprintf(b.out, format, values...) }

// sayf tells the person who waits what is being done.
func sayf(format string, values ...any) {
	_, _ = fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", values...)
}

// size measures every engine with a number of cards.
func (b *bench) size(ctx context.Context, cards int) error {
	sayf("making up %d cards", cards)
	file := b.path("cards.csv")
	if _, err := b.command(ctx, "", "demo", "cards", "--count", strconv.Itoa(cards), "--out", file); err != nil {
		return err
	}
	for _, name := range b.engines {
		if err := b.engine(ctx, name, cards, file); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// load is the machine's load averages.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(3, len(fields))], " ")
}
