package glodon

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

var (
	errURL       = errors.New("is not a well-formed URL")
	errURLScheme = errors.New("must begin with https:// or http://")
	errURLHost   = errors.New("has no host")
	errURLUser   = errors.New("must not hold a user name")
	errNoPage    = errors.New("accepted without a page")
	errPageURL   = errors.New("the page's URL cannot be used")
	errPageHost  = errors.New("the page's host is not one of pageHosts")
)

// maxPage bounds a page's URL, in bytes: it becomes a header (assumed; the seed's has 330).
const maxPage = 2048

// An origin is where a page may be: scheme, host in lower case, and the port where it is not the scheme's own.
type origin struct{ scheme, host string }

// origins reads pageHosts. A bare host is one of https.
func (f *faults) origins(field string, hosts []string) []origin {
	if len(hosts) == 0 {
		f.Add(field, "is required: at least one host")
	}
	var list []origin
	for i, h := range hosts {
		at := field + "[" + strconv.Itoa(i) + "]"
		if !strings.Contains(h, "://") {
			h = "https://" + h
		}
		u, err := parseURL(h)
		switch {
		case err != nil:
			f.Add(at, err.Error())
		case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(h, "?#"):
			f.Add(at, "must be a host, with its port if need be, and nothing behind it")
		case strings.Trim(strings.ToLower(u.Host), "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") != "":
			f.Add(at, "must be one host in ASCII: there are no patterns")
		default:
			list = append(list, originOf(u))
		}
	}
	return list
}

func originOf(u *url.URL) origin {
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return origin{u.Scheme, host}
}

// page is the URL of a verification page as it may be given to a person: it parses, its origin is one that the policy
// names, and it is written anew, so that what a browser reads is what was checked.
func (p *Provider) page(raw string) (string, error) {
	if raw == "" {
		return "", errNoPage
	}
	if len(raw) > maxPage {
		return "", errPageURL
	}
	u, err := parseURL(raw)
	if err != nil {
		return "", errPageURL
	}
	at := originOf(u)
	for _, o := range p.pages {
		if o == at {
			u.Host = o.host
			return u.String(), nil
		}
	}
	return "", errPageHost
}

// parseURL reads an absolute URL of https or http with a host. It refuses what browsers mend in ways of their own:
// bytes that are not visible ASCII, backslashes, a user name, three slashes.
func parseURL(s string) (*url.URL, error) {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte("\\\"<>^`{|}", c) >= 0 {
			return nil, errURL
		}
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errURL
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errURLScheme
	case u.Hostname() == "":
		return nil, errURLHost
	case u.User != nil:
		return nil, errURLUser
	case u.Opaque != "":
		return nil, errURL
	}
	return u, nil
}
