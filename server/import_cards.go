package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"citycard"
	"citycard/integrations/cardfile"
)

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
	if _, err := c.withVersions(p.ctx, store); err != nil {
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
	run := &cardImport{
		store: store, dryRun: i.DryRun, production: c.production(), rejects: rejects, progress: p.progress(),
	}
	reading := citycard.ImportRun{Rules: c.cardRules(), Store: run.take}
	err = errors.Join(reading.Read(p.ctx, file, citycard.ImportBatch{File: file.Digest, LastLine: done}), rejects.Close())
	run.progress.finish()
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
	return (stored - 1) / citycard.BatchLines * citycard.BatchLines, nil
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

// cardImport is one run of the command over a file.
type cardImport struct {
	store      citycard.CardImports
	dryRun     bool
	production bool
	rejects    *cardfile.Rejects
	progress   progress

	added, unchanged int
}

// take stores a batch and writes down what was refused.
func (r *cardImport) take(ctx context.Context, batch citycard.ImportBatch, done float64) error {
	if err := admitCards(ctx, r.store, batch, r.production, r.dryRun); err != nil {
		return err
	}
	count := citycard.ImportCount{Added: len(batch.Rows)}
	if !r.dryRun {
		var err error
		if count, err = r.store.ImportCards(ctx, batch); err != nil {
			return err
		}
	}
	r.added, r.unchanged = r.added+count.Added, r.unchanged+count.Unchanged
	refused := append(batch.Problems, count.Refused...) //nolint:gocritic // the batch ends here
	slices.SortStableFunc(refused, func(a, b citycard.RowProblem) int { return cmp.Compare(a.Line, b.Line) })
	if err := r.rejects.Add(refused); err != nil {
		return err
	}
	r.progress.tell(done, r.added+r.unchanged, r.rejects.Count)
	return nil
}

// admitCards refuses made-up cards in production and marks every other database that they are put into.
func admitCards(ctx context.Context, store citycard.CardImports, batch citycard.ImportBatch, inProduction, dryRun bool) error {
	for _, row := range batch.Rows {
		if !cardfile.IsDemo(row.Card) {
			continue
		}
		if inProduction {
			return usage("not in production: line %d: the file holds made-up cards", row.Line)
		}
		if dryRun {
			return nil
		}
		return markDemoData(ctx, store)
	}
	return nil
}
