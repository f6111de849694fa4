package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Addr returns the host and port to listen on.
func (c *Config) Addr() string { return net.JoinHostPort(c.Host, c.Port) }

// Listening tells which port a PORT of 0 became, so that the addresses that
// follow from it are right. It is called before they are used.
func (c *Config) Listening(port int) {
	c.Port = strconv.Itoa(port)
	if c.sources["BASE_URL"] == FromDefault {
		c.BaseURL = c.localURL()
		if c.sources["APP_URL"] == FromDefault {
			c.AppURL = c.BaseURL
		}
	}
	c.follow()
}

// localURL is BASE_URL when nobody says how clients reach the program. Every
// interface is no address to go to, so that becomes localhost.
func (c *Config) localURL() string {
	host := c.Host
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, c.Port)
}

// follow sets everything that follows from the addresses, as far as they can be read.
func (c *Config) follow() {
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	c.AppURL = strings.TrimRight(c.AppURL, "/")
	c.Origins = nil
	for _, text := range list(c.AllowedOrigins) {
		if o, err := exactOrigin(text); err == nil {
			c.Origins = append(c.Origins, o)
		}
	}
	base, baseErr := url.Parse(c.BaseURL)
	app, appErr := url.Parse(c.AppURL)
	if baseErr != nil || appErr != nil {
		return
	}
	c.Origins = append(c.Origins, origin(app), origin(base))
	slices.Sort(c.Origins)
	c.Origins = slices.Compact(c.Origins)
	c.Secure = base.Scheme == "https"
	c.CrossSite = site(app) != site(base)
}

// site is what cookies go by: the scheme and the domain that somebody registered.
// Addresses and names such as localhost are sites of their own.
func site(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if _, err := netip.ParseAddr(host); err != nil {
		if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
			host = domain
		}
	}
	return u.Scheme + "://" + host
}
