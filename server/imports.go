package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"citycard"
	"citycard/handlers"
	"citycard/integrations/cardfile"
)

// importEvery is how often a replica looks for uploaded files that another one left.
const importEvery = 5 * time.Second

// importDesk is what is done with uploaded card files. Woken gets a signal when there is something to do.
func (c *config) importDesk(store interface {
	citycard.ImportJobs
	citycard.CardImports
	citycard.StaffRecords
}, woken chan<- struct{},
) *citycard.ImportDesk {
	return &citycard.ImportDesk{
		Jobs: store, Cards: store, Records: store, Rules: c.cardRules, NewID: newID, Clock: c.clock, LeaseClock: time.Now,
		Open: func(file io.ReadSeeker) (citycard.CardRows, error) {
			opened, err := cardfile.Read(file)
			if err != nil {
				return nil, err
			}
			return opened, nil
		},
		Admit: func(ctx context.Context, batch citycard.ImportBatch) error {
			err := admitCards(ctx, store, batch, c.production(), false)
			if wrong := (usageError{}); errors.As(err, &wrong) {
				return &citycard.Error{Code: citycard.CodeInvalidPayload, Field: "file", Message: err.Error()}
			}
			return err
		},
		Wake: func() {
			select {
			case woken <- struct{}{}:
			default: // it is awake already
			}
		},
	}
}

// imports are the staff plane's uploads.
func (p *parts) imports(plane *staffPlane) {
	desk := p.config.importDesk(p.store, p.woken)
	plane.imports = handlers.StaffImports{Desk: desk}
	plane.importPages = &handlers.StaffImportPages{Pages: plane.pages, Desk: desk, Clock: p.config.clock}
}

// importing checks and imports uploaded files until ctx ends.
func (s *service) importing(ctx context.Context) {
	ticker := time.NewTicker(importEvery)
	defer ticker.Stop()
	s.config.importDesk(s.store, s.woken).Run(ctx, ticker.C, s.woken,
		func(err error) { s.log.Error("import cards", slog.String("error", err.Error())) })
}
