package app

import (
	"errors"
	"os"

	"cartracker/internal/config"
	"cartracker/internal/observe"
	"cartracker/internal/observe/report"
)

// openReports lets errors be sent to SENTRY_DSN, if it is set, until the last
// words of the program.
func (l *life) openReports(c *config.Config) (err error) {
	if !c.SentryDSN.IsSet() {
		return nil
	}
	machine, _ := os.Hostname() // without it they name none
	l.reports, err = report.New(report.Config{
		DSN: c.SentryDSN.Reveal(), Environment: c.SentryEnvironment, Release: l.program.Version, Instance: machine,
	})
	if err != nil {
		return errors.New("SENTRY_DSN cannot be used") // the error may repeat it
	}
	l.report = l.reports.Report
	l.words = append(l.words, l.reports.Flush)
	return nil
}

// ReportTo lets r be told of what goes wrong in the office. It is called before
// anything of that is served or worked.
func (o *Office) ReportTo(r observe.Report) { o.API.Report, o.Jobs.Report, o.Realtime.Report = r, r, r }
