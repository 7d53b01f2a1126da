package host

import (
	"errors"
	"net/netip"
	"syscall"
)

// errBlocked says that a call was not sent because the operator does not allow it.
var errBlocked = errors.New("host: not allowed")

// notPublic lists what netip has no word for (IANA special-purpose registries, 2025).
var notPublic = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"168.63.129.16/32", // Azure's platform address
	"64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	"::/96",
)

// metadata lists where clouds tell a machine its credentials. No endpoint may be there, private or not.
var metadata = prefixes("169.254.169.254/32", "169.254.170.2/32", "100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::254/128")

// translated is IPv4 in IPv6 by NAT64: the address inside counts.
var translated = netip.MustParsePrefix("64:ff9b::/96")

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func within(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// plain takes IPv4 out of IPv6.
func plain(a netip.Addr) netip.Addr {
	a = a.WithZone("").Unmap()
	if translated.Contains(a) {
		b := a.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return a
}

// mayConnect reports whether a callout may go to the address. private allows what is not public.
func mayConnect(a netip.Addr, private bool) bool {
	a = plain(a)
	if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || within(metadata, a) {
		return false
	}
	if private {
		return true
	}
	return !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !within(notPublic, a)
}

// control refuses a connection by the address it would go to, which is what the name was resolved to.
func control(private bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil || !mayConnect(a.Addr(), private) {
			return errBlocked
		}
		return nil
	}
}
