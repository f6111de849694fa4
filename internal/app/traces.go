package app

import (
	"cartracker/internal/config"
	"cartracker/internal/ident"
	"cartracker/internal/observe/trace"
)

// keepTraces lets requests and jobs be traced, if there is a collector for that.
// What is left is sent last of all.
func (l *life) keepTraces(c *config.Config) error {
	if c.Traces.Endpoint == "" {
		return nil
	}
	headers := map[string]string{}
	for _, h := range c.Traces.Headers {
		headers[h.Name] = h.Value.Reveal()
	}
	t, err := trace.Open(trace.Config{
		Endpoint: c.Traces.Endpoint, Headers: headers, Share: c.Traces.Share,
		Version: l.program.Version, Environment: c.AppEnv, Instance: ident.New[string](),
	})
	if err != nil {
		return err
	}
	l.traces, l.office.API.Tracer, l.office.Jobs.Tracer = t, t, t
	l.words = append(l.words, t.Close)
	return nil
}
