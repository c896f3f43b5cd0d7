package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

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
	return p.withStore(func(store *sql.Store) error {
		if err := store.Migrate(p.ctx); err != nil {
			return err
		}
		lists := &citycard.Reconciliation{Records: store}
		if r.Compare == "" {
			return lists.WriteList(p.ctx, p.stdout, r.AppID, day)
		}
		file, err := os.Open(r.Compare)
		if err != nil {
			return usage("--compare: %w", err)
		}
		found, err := lists.Compare(p.ctx, r.AppID, day, file)
		if err := errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("compare %s: %w", r.Compare, err)
		}
		// Differences are among the staff's work lists until a later comparison shows none.
		if err := store.KeepReconciliation(p.ctx, found.Result(r.AppID, day, time.Now())); err != nil {
			return err
		}
		return showDifference(p.stdout, found)
	})
}

func showDifference(out io.Writer, found citycard.ReconciliationDifference) error {
	var lines strings.Builder
	fmt.Fprintf(&lines, "%d events are the same\n", found.Same)
	for _, ours := range found.OnlyOurs {
		fmt.Fprintf(&lines, "only ours: %s %s %s\n", ours.OutRequestNo, ours.Method, ours.Result)
	}
	for _, theirs := range found.OnlyTheirs {
		fmt.Fprintf(&lines, "only theirs: %s\n", theirs)
	}
	for _, conflict := range found.Different {
		fmt.Fprintf(&lines, "different: %s in %s\n", conflict.Ours.OutRequestNo, strings.Join(conflict.Columns, ", "))
	}
	if _, err := io.WriteString(out, lines.String()); err != nil {
		return fmt.Errorf("print differences: %w", err)
	}
	if len(found.OnlyOurs)+len(found.OnlyTheirs)+len(found.Different) > 0 {
		return errListsDiffer
	}
	return nil
}
