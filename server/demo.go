package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"citycard"
	"citycard/integrations/cardfile"
	"citycard/integrations/sandbox"
)

// demoMark is the import under which a database remembers that made-up cards were put into it.
const demoMark = "made-up cards"

func markDemoData(ctx context.Context, store citycard.CardImports) error {
	_, err := store.ImportCards(ctx, citycard.ImportBatch{File: demoMark, LastLine: 1})
	return err
}

// refuseDemoData refuses a database that made-up cards were ever put into.
func refuseDemoData(ctx context.Context, store citycard.CardImports) error {
	marked, err := store.ImportedLine(ctx, demoMark)
	if err == nil && marked > 0 {
		return usage("not in production: CITYCARD_DATABASE_URL: the database holds made-up cards")
	}
	return err
}

// importPeople puts the stand-in super-app's people into a database.
func importPeople(ctx context.Context, c *config, store citycard.CardImports, people []sandbox.Person) error {
	parser, problems := c.cardRules().Header(citycard.CardColumns())
	batch := citycard.ImportBatch{File: demoMark, LastLine: 1}
	for _, person := range people {
		for _, record := range person.Cards {
			for _, number := range append([]string{record.IDNumber}, others(person, record)...) {
				record.IDNumber = number
				row, found := parser.Parse(int64(len(batch.Rows)+2), record.Row())
				problems = append(problems, found...)
				batch.Rows = append(batch.Rows, row)
			}
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("import made-up people: %s: %s", problems[0].Column, problems[0].Reason)
	}
	count, err := store.ImportCards(ctx, batch)
	if err == nil && len(count.Refused) > 0 {
		err = fmt.Errorf("import made-up people: %s: %s", count.Refused[0].Column, count.Refused[0].Reason)
	}
	return err
}

// others are the person's document numbers beside the one on the card: listed again under them, the card tells
// the records that they are the same person's.
func others(person sandbox.Person, record sandbox.CardRecord) []string {
	numbers := append([]string{person.IDNumber}, person.OtherNumbers...)
	return slices.DeleteFunc(numbers, func(number string) bool { return number == record.IDNumber })
}

type demoCommand struct {
	Cards demoCardsCommand `cmd:"" help:"Make up valid card records."`
}

// Help is the example.
func (demoCommand) Help() string {
	return "Example:\n\n  citycard demo cards --count 1000 --out cards.csv"
}

type demoCardsCommand struct {
	Count int    `required:"" help:"How many cards."`
	Out   string `required:"" help:"The file to write, .csv."`
	Seed  uint64 `default:"1" help:"The same seed on the same day gives the same file."`
}

// Help is the example.
func (demoCardsCommand) Help() string {
	return "Example:\n\n  citycard demo cards --count 1000000 --out cards.csv\n\n" +
		"Every card was collected lately and can be activated online. Production refuses them."
}

// Run writes the file.
func (d demoCardsCommand) Run(p *program) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	today := citycard.DateOf(c.clock())
	home := c.policies.HomePolicy(today)
	banks := make([]citycard.Bank, 0, len(home.Banks))
	for bank := range home.Banks {
		banks = append(banks, bank)
	}
	slices.Sort(banks)
	made := cardfile.Demo{Count: d.Count, Seed: d.Seed, Region: home.Region, Banks: banks, Today: today}
	file, err := os.Create(d.Out)
	if err != nil {
		return usage("--out: %w", err)
	}
	out := bufio.NewWriterSize(file, 1<<16)
	if err := errors.Join(made.Write(out), out.Flush(), file.Close()); err != nil {
		return err
	}
	return p.say("%d cards are in %s\n", d.Count, d.Out)
}
