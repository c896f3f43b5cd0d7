package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"citycard"
	"citycard/integrations/ledger"
	"citycard/sql"
)

type auditCommand struct {
	Verify     auditVerifyCommand     `cmd:"" help:"Prove that no record was altered, removed, inserted or moved."`
	Checkpoint auditCheckpointCommand `cmd:"" help:"Print the signed state of the audit ledger, to be kept elsewhere."`
}

// Help is the example.
func (auditCommand) Help() string {
	return "Example:\n\n  citycard audit verify"
}

type auditVerifyCommand struct {
	Checkpoint []string `placeholder:"FILE" help:"A checkpoint that was kept elsewhere; may be given more than once."`
	PublicKey  []string `name:"public-key" placeholder:"KEY" help:"The ledger's public key, as citycard keys show prints it; without it the key ring's own are used. May be given more than once."`
}

// Help is the example.
func (auditVerifyCommand) Help() string {
	return "Example:\n\n  citycard audit verify --checkpoint /media/safe/2026-11.txt\n\n" +
		"It names every row of card transitions, staff's actions and the ledger itself that is not as the service left it, and exits with 1 " +
		"where there is one. It reads only, and may run beside the service. Somebody who owns both the database and the key ring can make a " +
		"whole new history: only a checkpoint that was kept elsewhere shows that."
}

var errNotAsLeft = errors.New("audit verify: the records are not as the service left them")

// Run checks everything.
func (a auditVerifyCommand) Run(p *program) error {
	kept := make([]string, 0, len(a.Checkpoint))
	for _, name := range a.Checkpoint {
		text, err := os.ReadFile(name) //nolint:gosec // the operator names the file
		if err != nil {
			return usage("--checkpoint: %w", err)
		}
		kept = append(kept, string(text))
	}
	c, err := p.load()
	if err != nil {
		return err
	}
	log, err := a.log(c)
	if err != nil {
		return err
	}
	for i, text := range kept {
		if _, err := log.Open(text); err != nil {
			return usage("--checkpoint: %s: %w", a.Checkpoint[i], err)
		}
	}
	return p.withStore(func(store *sql.Store) error {
		if err := store.Ready(p.ctx); err != nil {
			return err
		}
		check := citycard.AuditCheck{Rows: store, Log: log}
		_, _ = rand.Read(check.Secret[:]) // it never fails
		count, err := check.Run(p.ctx, kept, func(f citycard.AuditFinding) error {
			return p.say("%s: %s: %s\n", f.Kind, f.Row, f.Detail)
		})
		if err != nil {
			return fmt.Errorf("audit verify: %w", err)
		}
		return p.concludeAudit(count, len(kept))
	})
}

func (p *program) concludeAudit(count citycard.AuditCount, kept int) error {
	err := p.say("%d entries of the ledger and %d rows that wait to enter it were checked, among them %d transitions; %d older checkpoints; %d findings\n",
		count.Entries, count.Waiting, count.Transitions, kept, count.Findings)
	if err == nil && count.Findings > 0 {
		return errNotAsLeft
	}
	return err
}

// log knows the keys that checkpoints must be signed with.
func (a auditVerifyCommand) log(c *config) (*ledger.Log, error) {
	if len(a.PublicKey) > 0 {
		log, err := ledger.Reading(a.PublicKey...)
		if err != nil {
			return nil, usage("--public-key: %w", err)
		}
		return log, nil
	}
	ring, err := c.openRing()
	if err != nil {
		return nil, err
	}
	return ledgerLog(ring)
}

type auditCheckpointCommand struct {
	Out string `placeholder:"FILE" help:"Write it to a new file instead of standard output."`
}

// Help is the example.
func (auditCheckpointCommand) Help() string {
	return "Example:\n\n  citycard audit checkpoint --out /media/safe/2026-11-22.txt\n\n" +
		"Keep it where whoever looks after the database cannot change it, on paper if need be: three short lines and a signature. " +
		"citycard audit verify --checkpoint FILE proves later that everything before it is unchanged."
}

// Run lets enter what waits and writes the checkpoint.
func (a auditCheckpointCommand) Run(p *program) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	ring, err := c.openRing()
	if err != nil {
		return err
	}
	log, err := ledgerLog(ring)
	if err != nil {
		return err
	}
	var head citycard.LedgerHead
	err = p.withStore(func(store *sql.Store) error {
		if err := store.Ready(p.ctx); err != nil {
			return err
		}
		sequencer := citycard.Sequencer{Ledger: store, Log: log}
		if _, err := sequencer.Drain(p.ctx); err != nil {
			return err
		}
		head, err = store.LedgerHead(p.ctx)
		return err
	})
	if err != nil {
		return err
	}
	if head.Checkpoint == "" {
		return errors.New("audit checkpoint: there is nothing on record yet")
	}
	if a.Out == "" {
		return p.say("%s", head.Checkpoint)
	}
	return writeNew(a.Out, head.Checkpoint)
}

// writeNew writes a file that must not be there yet: an older checkpoint is worth as much.
func writeNew(name, text string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // nothing in it is secret
	if err != nil {
		return usage("--out: %w", err)
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
