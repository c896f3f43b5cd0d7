package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"citycard"
	"citycard/sql"
)

type partnerReconcileCommand struct {
	AppID   string `name:"app-id" required:"" placeholder:"ID" help:"The partner."`
	Day     string `required:"" placeholder:"DAY" help:"The day, YYYY-MM-DD."`
	Compare string `placeholder:"FILE.csv" help:"The partner's own list of that day, to show where it differs."`
}

// Help is the example.
func (partnerReconcileCommand) Help() string {
	return "Example:\n\n  citycard partner reconcile --app-id 2026000000000001 --day 2026-11-22 > ours.csv\n" +
		"  citycard partner reconcile --app-id 2026000000000001 --day 2026-11-22 --compare theirs.csv\n\n" +
		"The list is CSV with every event that took effect or was stale. A list to compare needs the column out_request_no; " +
		"the other columns of ours are compared where it has them. Differences exit with 1."
}

var errListsDiffer = errors.New("partner reconcile: the lists differ")

// Run writes the partner's list of a day, or what another list of it tells differently.
func (r partnerReconcileCommand) Run(p *program) error {
	day, err := citycard.ParseDate(r.Day)
	if err != nil {
		return usage("--day: %w", err)
	}
	c, err := p.load()
	if err != nil {
		return err
	}
	return p.withStore(func(store *sql.Store) error {
		if err := store.Migrate(p.ctx); err != nil {
			return err
		}
		if _, err := (&citycard.ReconciliationDesk{Partners: store}).Partner(p.ctx, r.AppID); err != nil {
			return fmt.Errorf("--app-id: %w", err)
		}
		lists := &citycard.Reconciliation{Records: store, Kept: store, Clock: c.clock}
		if r.Compare == "" {
			return lists.WriteList(p.ctx, p.stdout, r.AppID, day)
		}
		file, err := os.Open(r.Compare)
		if err != nil {
			return usage("--compare: %w", err)
		}
		// Differences are among the staff's work lists until a later comparison shows none.
		found, err := lists.Reconcile(p.ctx, r.AppID, day, file, nil)
		var unreadable *citycard.ReconciliationProblem
		if errors.As(err, &unreadable) {
			err = unreadable
		}
		if err := errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("compare %s: %w", r.Compare, err)
		}
		return r.show(p, lists, found)
	})
}

// show prints what was found, line by line.
func (r partnerReconcileCommand) show(p *program, lists *citycard.Reconciliation, found citycard.ReconciliationResult) error {
	if _, err := fmt.Fprintf(p.stdout, "%d events are the same\n", found.Same); err != nil {
		return fmt.Errorf("print differences: %w", err)
	}
	for _, kind := range citycard.DifferenceKinds() {
		err := lists.EachDifference(p.ctx, r.AppID, found.Day, kind, func(line citycard.DifferenceLine) error {
			_, err := io.WriteString(p.stdout, differenceText(kind, line))
			return err
		})
		if err != nil {
			return fmt.Errorf("print differences: %w", err)
		}
	}
	if found.Differences() > 0 {
		return errListsDiffer
	}
	return nil
}

func differenceText(kind citycard.DifferenceKind, line citycard.DifferenceLine) string {
	ours := line.Ours
	switch kind {
	case citycard.DifferenceOurs:
		return fmt.Sprintf("only ours: %s %s %s\n", ours.OutRequestNo, ours.Method, ours.Result)
	case citycard.DifferenceTheirs:
		return fmt.Sprintf("only theirs: %s\n", ours.OutRequestNo)
	}
	columns := make([]string, len(line.Theirs))
	for i, their := range line.Theirs {
		columns[i] = their.Column
	}
	return fmt.Sprintf("different: %s in %s\n", ours.OutRequestNo, strings.Join(columns, ", "))
}
