package app

import (
	"cartracker/internal/config"
	"cartracker/internal/ident"
	"cartracker/internal/observe"
	"cartracker/internal/observe/trace"
)

// keepTraces lets requests and jobs be traced, if there is a collector for that,
// or somebody who takes reports of errors. What is left is sent last of all, with the reports.
func (l *life) keepTraces(c *config.Config) error {
	if c.Traces.Endpoint == "" && l.reports == nil {
		return nil
	}
	headers := map[string]string{}
	for _, h := range c.Traces.Headers {
		headers[h.Name] = h.Value.Reveal()
	}
	var gather observe.Gatherer
	if l.reports != nil {
		gather = l.reports.Trace
	}
	t, err := trace.Open(trace.Config{
		Endpoint: c.Traces.Endpoint, Headers: headers, Gather: gather, Share: c.Traces.Share,
		Version: l.program.Version, Environment: c.AppEnv, Instance: ident.New[string](),
	})
	if err != nil {
		return err
	}
	l.traces, l.office.API.Tracer, l.office.Jobs.Tracer = t, t, t
	l.words = append(l.words, t.Close)
	return nil
}
