package policy

import (
	"strconv"
	"strings"
)

// Worst says of each provider with prices what it can cost at worst, a line each.
func (p *Policy) Worst() []string {
	var lines []string
	for i := range p.Providers {
		if len(p.Providers[i].Price) == 0 {
			continue
		}
		var bounds []string
		scope := ", for each worker"
		for j := range p.Budgets {
			if b := &p.Budgets[j]; b.Provider == i {
				if b.Fleet {
					scope = ", for the fleet"
				}
				bounds = append(bounds, b.Max.String()+" "+map[Period]string{Hour: "an hour", Day: "a day", Month: "a month"}[b.Per])
			}
		}
		line := p.Providers[i].Name + " can cost at most " + strings.Join(bounds, ", ") + scope
		if bounds == nil {
			line = p.Providers[i].Name + " has no budget: it costs whatever is asked of it"
		}
		lines = append(lines, line)
	}
	return lines
}

// String writes a price as a policy does: 0.25 CNY.
func (p Price) String() string {
	whole, part := strconv.FormatInt(p.Micros/1e6, 10), strings.TrimRight(strconv.FormatInt(p.Micros%1e6+1e6, 10)[1:], "0")
	if part != "" {
		whole += "." + part
	}
	return whole + " " + p.Currency
}
