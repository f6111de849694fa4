package config

import (
	"errors"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const mustWebURL = "must be a URL such as https://cars.example.com, with http or https and a host, without user, query and fragment"

var errForm = errors.New("not of the form it must have")

// either joins words as a sentence does: a, b or c.
func either(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// list splits at commas. Blanks and empty items mean nothing.
func list(text string) (items []string) {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// parseDuration is time.ParseDuration with days, such as 7d or 1d12h.
func parseDuration(text string) (time.Duration, error) {
	before, after, dayed := strings.Cut(text, "d")
	if !dayed {
		return time.ParseDuration(text)
	}
	days, err := strconv.ParseUint(before, 10, 16)
	if err != nil {
		return 0, errForm
	}
	whole := time.Duration(days) * day
	if after == "" {
		return whole, nil
	}
	rest, err := time.ParseDuration(after)
	if err != nil || rest < 0 || rest >= day {
		return 0, errForm
	}
	return whole + rest, nil
}

// parseSize reads a number of bytes, such as 67108864, 64MiB or 64MB.
func parseSize(text string) (int64, error) {
	unit := int64(1)
	for name, size := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "KB": 1e3, "MB": 1e6, "GB": 1e9} {
		if number, ok := strings.CutSuffix(text, name); ok {
			text, unit = strings.TrimSpace(number), size
			break // no name is the end of another
		}
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || int64(n) > math.MaxInt64/unit {
		return 0, errForm
	}
	return int64(n) * unit, nil
}

// isHost reports whether text is an IP address or has the form of a host name.
// A name does not end in digits only: that is an address with a mistake in it.
func isHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	const label = `[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?`
	name := regexp.MustCompile(`^(` + label + `\.)*` + label + `$`)
	last := text[strings.LastIndex(text, ".")+1:]
	return len(text) <= 253 && name.MatchString(text) && strings.Trim(last, "0123456789") != ""
}

// webURL reads the address of something that a browser opens.
func webURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil ||
		strings.ContainsAny(text, "?#") || !isHost(u.Hostname()) || !isPort(u) {
		return nil, errForm
	}
	return u, nil
}

// isPort reports whether u has a port that can be connected to, or none.
func isPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}

// exactOrigin reads an origin and writes it as browsers do.
func exactOrigin(text string) (string, error) {
	u, err := webURL(text)
	if err != nil || u.Path != "" {
		return "", errForm
	}
	return origin(u), nil
}

// origin writes the origin of u as browsers do: lower case, without the port
// that the scheme implies.
func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	usual := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return u.Scheme + "://" + strings.TrimSuffix(host, usual)
}

// parsePrefix reads a CIDR, or an address as the range that holds only it.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix.Addr().Is4In6() {
		return netip.Prefix{}, errForm
	}
	return prefix.Masked(), nil
}
