package cli

import (
	"context"
	"fmt"
	"time"

	"cartracker/internal/config"
	"cartracker/internal/date"
)

// A DemoSize says how large a company is made up, and from which seed.
type DemoSize struct {
	Cars, Customers, Contracts int
	Seed                       uint64
}

func (s DemoSize) records() int { return s.Cars + s.Customers + s.Contracts }

// DemoMade is what was made, also when that was stopped.
type DemoMade struct {
	Cars, Customers, Contracts, Records int
	First, Last                         date.Date // of the days for which cars are rented
	SetupNeeded                         bool      // there is no admin yet
}

type demoCommand struct {
	config.Config `embed:""`

	Cars      int    `default:"665" placeholder:"N" help:"How many cars, from 1 to 100000 (${default})."`
	Customers int    `default:"348" placeholder:"N" help:"How many customers, from 1 to 1000000 (${default})."`
	Contracts int    `default:"2125" placeholder:"N" help:"How many contracts, up to 1000000 (${default}). They begin some 18 months ago, or earlier if the cars have no room for them."`
	Seed      uint64 `default:"1" placeholder:"N" help:"The same seed and numbers make the same company, as seen from today (${default})."`
}

// Help tells more than fits into a line.
func (demoCommand) Help() string {
	return `Cars, customers and contracts are made up. They are there to see the program with something in it, to try things out, and
to measure. A database that has or had a car, a customer or a contract is refused.

It makes no users: add the first admin with "cartracker user add --role admin", or start the program and use its set-up code.

To be rid of the demo, take another database: move cartracker.db, -wal and -shm out of DATA_DIR, or drop the one on PostgreSQL.`
}

// Run fills the database.
func (c *demoCommand) Run(ctx context.Context, p Program, t Terminal) error {
	if err := c.Check(); err != nil {
		return err
	}
	size := DemoSize{c.Cars, c.Customers, c.Contracts, c.Seed}
	m := newMeter(t, "records", size.records(), time.Now)
	made, err := p.Demo(asOperator(ctx), &c.Config, size, m.at)
	m.end()
	if err != nil {
		if made.Records > 0 {
			fmt.Fprintf(t.Err, "stopped after %s of %s records; start over with an empty database\n", grouped(made.Records), grouped(size.records()))
		}
		return err
	}
	fmt.Fprintf(t.Out, "made %s cars, %s customers and %s contracts in %s (%s records a second)\n", grouped(made.Cars),
		grouped(made.Customers), grouped(made.Contracts), roughly(m.took()), grouped(m.rate()))
	if made.Contracts > 0 {
		fmt.Fprintf(t.Out, "the contracts are for days from %s to %s\n", made.First, made.Last)
	}
	if made.SetupNeeded {
		fmt.Fprintln(t.Out, "nobody can sign in yet: make the first admin with\n  cartracker user add --role admin --username NAME --email ADDRESS")
	}
	return nil
}
