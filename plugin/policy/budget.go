package policy

import (
	"slices"
	"time"

	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers"
)

// Limits bound how a provider is asked, whoever asks.
type Limits struct {
	QPS        int // questions a second; 0: any
	Concurrent int // questions at one moment; 0: any
}

// A Budget is what a provider may cost in one hour, day or month.
type Budget struct {
	Provider int // index into Policy.Providers
	Max      Price
	Per      Period
	Zone     *time.Location // a fixed offset, where days and months begin
	WarnAt   int64          // in Max's units: questions beyond are counted as warnings
	Share    int64          // in Max's units: what one client may use up
	Fleet    bool           // scope: fleet
}

// Period is how long a budget is for.
type Period string

const (
	Hour  Period = "hour"
	Day   Period = "day"
	Month Period = "month"
)

// Window names the period that a moment is in.
func (b *Budget) Window(at time.Time) string {
	layout := "2006-01-02"
	switch b.Per {
	case Hour:
		layout = "2006-01-02T15"
	case Month:
		layout = "2006-01"
	case Day:
	}
	return at.In(b.Zone).Format(layout)
}

const (
	maxQPS        = 100_000
	defaultWarnAt = 0.8
)

func limitsGrammar() shape.Type {
	return object(
		shape.Field{Name: "qps", Type: shape.Type{Kind: shape.AWhole, Min: 1, Max: maxQPS}, About: "Questions a second; any number if not written."},
		shape.Field{Name: "concurrent", Type: shape.Type{Kind: shape.AWhole, Min: 1, Max: maxQPS}, About: "Questions at one moment, in one virtual machine; any number if not written."},
		shape.Field{Name: "onFull", Type: words("next"), About: "Beyond, the next provider of the chain is asked; without one nobody answers."},
	)
}

func budgetGrammar() *shape.Object {
	return &shape.Object{
		Name: "budget",
		Fields: []shape.Field{
			{Name: "provider", Required: true, Type: text(), About: "Whose questions are paid from it."},
			{Name: "max", Required: true, Type: shape.Type{Kind: shape.APrice}, About: "What they may cost; beyond, the provider is not asked."},
			{Name: "per", Required: true, Type: words(string(Hour), string(Day), string(Month)), About: "In how long."},
			{Name: "zone", Type: text(), About: "Where days and months begin, an offset; +00:00 if not written."},
			{Name: "warnAt", Type: shape.Type{Kind: shape.APercent}, About: "From which part on questions count as warned in idv_budget_total; 80% if not written."},
			{Name: "share", Type: shape.Type{Kind: shape.APercent}, About: "Which part one client may use up; all of it if not written."},
			{Name: "scope", Type: words("worker", "fleet"), About: "worker: each counts for itself, `idvgate run` for all its workers; fleet: all gateways with the same state.shared count together. worker if not written."},
		},
	}
}

func (l *loader) readLimits(p *Provider, n *shape.Node) {
	if !n.Sound(shape.Mapping) {
		return
	}
	qps, concurrent := n.Get("qps"), n.Get("concurrent")
	if qps == nil && concurrent == nil {
		l.found.Add(n, true, "missing field: qps, concurrent or both")
	}
	if qps.Sound(shape.Number) {
		p.Limits.QPS = whole(qps)
	}
	if concurrent.Sound(shape.Number) {
		p.Limits.Concurrent = whole(concurrent)
	}
}

// readBudgets comes after the rules: a budget is for what they ask.
func (l *loader) readBudgets(n *shape.Node) {
	if !n.Sound(shape.List) {
		return
	}
	for _, item := range n.Items {
		if item.Sound(shape.Mapping) {
			l.readBudget(item)
		}
	}
}

func (l *loader) readBudget(n *shape.Node) {
	b := Budget{Zone: time.UTC}
	name, _ := textOf(n.Get("provider"))
	index, known := l.index[name]
	if name != "" && !known {
		l.found.Add(n.Get("provider"), false, "no provider is named "+shape.Quote(name)+shape.Instead(name, l.names()))
	}
	b.Provider = index
	if s, ok := textOf(n.Get("max")); ok {
		b.Max.Micros, b.Max.Currency, _ = shape.ParsePrice(s)
		if b.Max.Micros == 0 {
			l.found.Add(n.Get("max"), false, "nothing could ever be asked")
		}
	}
	word, _ := textOf(n.Get("per"))
	b.Per = Period(word)
	if s, ok := textOf(n.Get("zone")); ok {
		t, err := time.ParseInLocation("-07:00", s, time.UTC)
		_, offset := t.Zone()
		if err != nil || offset < -12*3600 || offset > 14*3600 {
			l.found.Add(n.Get("zone"), false, "must be an offset such as +08:00")
		}
		b.Zone = time.FixedZone(s, offset)
	}
	b.WarnAt, b.Share = l.part(n.Get("warnAt"), b.Max.Micros, defaultWarnAt), l.part(n.Get("share"), b.Max.Micros, 1)
	if b.Share < b.Max.Micros && len(l.policy.State.Keys) == 0 && !l.found.Under(Path{"state"}) {
		l.found.Add(n.Get("share"), true, "share needs a key: write state: {key: {secret: NAME}} at the top")
	}
	b.Fleet = l.fleet(n.Get("scope"))
	if known && b.Max.Micros > 0 {
		l.priced(n, &b)
	}
	l.policy.Budgets = append(l.policy.Budgets, b)
}

// priced reports checks that rules ask of the provider and that have no price in the budget's currency: they would be
// asked for nothing.
func (l *loader) priced(n *shape.Node, b *Budget) {
	p := &l.policy.Providers[b.Provider]
	for _, c := range providers.Checks() {
		asked := slices.ContainsFunc(l.policy.Rules, func(r Rule) bool { return asks(&r.Verify, b.Provider, c) })
		price, ok := p.Price[c]
		switch {
		case asked && !ok:
			l.found.Add(n, false, "a budget counts prices, and "+shape.Quote(p.Name)+" has none for "+string(c)+", which a rule asks of it")
		case ok && price.Currency != b.Max.Currency:
			l.found.Add(n.Get("max"), false, shape.Quote(p.Name)+" has its price for "+string(c)+" in "+price.Currency)
		case ok && price.Micros > b.Share:
			l.found.Add(n.Get("max"), false, "less than one question costs: "+string(c))
		}
	}
}

// asks reports whether a tree asks the provider for the check.
func asks(v *Verify, provider int, c providers.Check) bool {
	for _, nodes := range [][]Verify{v.All, v.Any} {
		for i := range nodes {
			if asks(&nodes[i], provider, c) {
				return true
			}
		}
	}
	return v.Check == c && slices.Contains(v.By, provider)
}

func (l *loader) part(n *shape.Node, of int64, otherwise float64) int64 {
	if s, ok := textOf(n); ok {
		otherwise, _ = shape.ParsePercent(s)
	}
	return int64(otherwise * float64(of))
}
