package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"citycard"
	"citycard/integrations/cardfile"
)

// batchLines is how many lines are stored as one durable unit.
const batchLines = 5000

type importCommand struct {
	Cards importCardsCommand `cmd:"" help:"Import card records from the bureau or a card maker."`
}

// Help is the example.
func (importCommand) Help() string {
	return "Example:\n\n  citycard import cards cards.csv"
}

type importCardsCommand struct {
	File   string `arg:"" help:"The file, .csv (UTF-8 or GB18030) or .xlsx, with a header."`
	DryRun bool   `help:"Check every row and store nothing."`
}

// Help is the example.
func (importCardsCommand) Help() string {
	return "Example:\n\n  citycard import cards cards.csv --dry-run\n\n" +
		"An interrupted import goes on where it stopped, and a file imported twice changes nothing. " +
		"Rows of cards.csv that were not imported are listed in cards.rejects.csv."
}

// rejects is where the rows go that were not imported: beside the file, under its name without the ending.
func (i importCardsCommand) rejects() string {
	return strings.TrimSuffix(i.File, filepath.Ext(i.File)) + ".rejects.csv"
}

// Run imports a file.
func (i importCardsCommand) Run(p *program) error {
	if _, err := os.Stat(i.File); err != nil {
		return fmt.Errorf("open card file: %w", err)
	}
	c, err := p.load()
	if err != nil {
		return err
	}
	ring, err := c.openRing()
	if err != nil {
		return err
	}
	store, err := c.openStore(p.ctx, ring)
	if err != nil {
		return err
	}
	if err := store.Migrate(p.ctx); err != nil {
		return errors.Join(err, store.Close())
	}
	return errors.Join(i.importFile(p, c, store), store.Close())
}

func (i importCardsCommand) importFile(p *program, c *config, store citycard.CardImports) error {
	file, err := cardfile.Open(i.File)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	done := int64(0)
	if !i.DryRun {
		if done, err = storedBatches(p.ctx, store, file.Digest); err != nil {
			return err
		}
	}
	rejects, err := cardfile.OpenRejects(i.rejects(), done)
	if err != nil {
		return err
	}
	progress := p.progress()
	run := &cardImport{
		store: store, dryRun: i.DryRun, production: c.production(), rejects: rejects, progress: progress,
		batch: citycard.ImportBatch{File: file.Digest, LastLine: done},
	}
	err = errors.Join(run.readFile(p.ctx, file, c.cardRules()), rejects.Close())
	progress.finish()
	if err != nil {
		return err
	}
	return i.report(p, run, done)
}

// storedBatches is the last line before the batch that an earlier run stored last. That batch is judged again,
// which changes nothing: what it had to refuse may not have been written down.
func storedBatches(ctx context.Context, store citycard.CardImports, digest string) (int64, error) {
	stored, err := store.ImportedLine(ctx, digest)
	if err != nil || stored == 0 {
		return 0, err
	}
	return (stored - 1) / batchLines * batchLines, nil
}

func (i importCardsCommand) report(p *program, run *cardImport, done int64) error {
	line := fmt.Sprintf("%s: %d added, %d there already, %d rejected", i.File, run.added, run.unchanged, run.rejects.Count)
	if run.dryRun {
		line = fmt.Sprintf("%s: nothing stored: %d good, %d rejected", i.File, run.added, run.rejects.Count)
	}
	if done > 0 {
		line += fmt.Sprintf("; continued behind line %d", done)
	}
	if run.rejects.Count > 0 {
		line += "; see " + i.rejects()
	}
	return p.say("%s\n", line)
}

// cardRules are what imported rows are judged by.
func (c *config) cardRules() citycard.CardRules {
	return citycard.CardRules{Policies: c.policies, NFKC: norm.NFKC.String, Today: citycard.DateOf(c.clock())}
}

// cardImport is one run over a file. A batch holds the rows of batchLines lines, always cut at the same lines, so
// that a run that is interrupted and continued stores what one run would.
type cardImport struct {
	store      citycard.CardImports
	dryRun     bool
	production bool
	rejects    *cardfile.Rejects
	progress   progress

	batch    citycard.ImportBatch
	problems []citycard.RowProblem
	madeUp   bool

	added, unchanged int
}

// readFile reads the header and then row after row.
func (r *cardImport) readFile(ctx context.Context, file *cardfile.File, rules citycard.CardRules) error {
	header, err := file.Next()
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty")
	}
	if err != nil {
		return err
	}
	parser, problems := rules.Header(header.Fields)
	if len(problems) > 0 {
		return fmt.Errorf("the header is wrong: %s %s", problems[0].Column, problems[0].Reason)
	}
	done := r.batch.LastLine
	for {
		row, err := file.Next()
		var broken *cardfile.RowError
		switch {
		case errors.Is(err, io.EOF):
			return r.flush(ctx, file.Done())
		case errors.As(err, &broken):
			row.Line = broken.Line
		case err != nil:
			return err
		}
		if row.Line <= done {
			continue
		}
		if (row.Line-1)/batchLines != (r.batch.LastLine-1)/batchLines {
			if err := r.flush(ctx, file.Done()); err != nil {
				return err
			}
		}
		r.batch.LastLine = row.Line
		if broken != nil {
			r.problems = append(r.problems, citycard.RowProblem{Line: broken.Line, Reason: broken.Reason})
		} else if err := r.take(parser.Parse(row.Line, row.Fields)); err != nil {
			return err
		}
	}
}

// take puts one row into the batch.
func (r *cardImport) take(row citycard.CardRow, problems []citycard.RowProblem) error {
	if len(problems) > 0 {
		r.problems = append(r.problems, problems...)
		return nil
	}
	if cardfile.IsDemo(row.Card) {
		if r.production {
			return usage("not in production: line %d: the file holds made-up cards", row.Line)
		}
		r.madeUp = true
	}
	r.batch.Rows = append(r.batch.Rows, row)
	return nil
}

// flush stores the batch and writes down what was refused.
func (r *cardImport) flush(ctx context.Context, done float64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	count := citycard.ImportCount{Added: len(r.batch.Rows)}
	if !r.dryRun && r.batch.LastLine > 0 {
		if r.madeUp {
			if err := markDemoData(ctx, r.store); err != nil {
				return err
			}
		}
		var err error
		if count, err = r.store.ImportCards(ctx, r.batch); err != nil {
			return err
		}
	}
	r.added, r.unchanged = r.added+count.Added, r.unchanged+count.Unchanged
	refused := append(r.problems, count.Refused...) //nolint:gocritic // both begin anew
	slices.SortStableFunc(refused, func(a, b citycard.RowProblem) int { return cmp.Compare(a.Line, b.Line) })
	if err := r.rejects.Add(refused); err != nil {
		return err
	}
	r.problems, r.batch.Rows, r.madeUp = r.problems[:0], r.batch.Rows[:0], false
	r.progress.tell(done, r.added+r.unchanged, r.rejects.Count)
	return nil
}
