package cli

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"text/tabwriter"

	"cartracker/internal/config"
)

type routesCommand struct {
	Markdown bool `help:"As the permissions matrix in docs/permissions.md."`
}

// Run prints the route table.
func (c *routesCommand) Run(p Program, t Terminal) error {
	if c.Markdown {
		_, err := fmt.Fprint(t.Out, Permissions(p.Routes()))
		return err
	}
	w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
	for _, r := range p.Routes() {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.Method, r.Path, r.Role)
	}
	return w.Flush()
}

type openAPICommand struct {
	JSON bool `help:"As JSON instead of YAML."`
}

// Run prints the description of the API.
func (c *openAPICommand) Run(p Program, t Terminal) error {
	doc, err := p.OpenAPI(c.JSON)
	if err != nil {
		return err
	}
	_, err = t.Out.Write(doc)
	return err
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(t Terminal, v Version) error {
	_, err := fmt.Fprintln(t.Out, "cartracker", string(v))
	return err
}

// A Version names a build of the program.
type Version string

type healthCommand struct {
	config.Config `embed:""`
}

// Run asks the program that these settings describe whether it is ready.
func (c *healthCommand) Run(ctx context.Context, p Program, t Terminal) error {
	if err := c.CheckAddress(); err != nil {
		return err
	}
	host := c.Host
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1" // not localhost, a name that bare systems cannot look up
		if ip.Is6() {
			host = "::1"
		}
	}
	if err := p.Ready(ctx, "http://"+net.JoinHostPort(host, c.Port)); err != nil {
		return err
	}
	_, err := fmt.Fprintln(t.Out, "ready")
	return err
}
