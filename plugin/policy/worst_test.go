package policy_test

import (
	"reflect"
	"testing"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
)

func TestWorstSaysWhatEachProviderCanCost(t *testing.T) {
	price := map[providers.Check]policy.Price{providers.ID2: {Micros: 1, Currency: "CNY"}}
	p := policy.Policy{
		Providers: []policy.Provider{{Name: "a", Price: price}, {Name: "free"}, {Name: "b", Price: price}},
		Budgets: []policy.Budget{
			{Provider: 0, Max: policy.Price{Micros: 500_000_000, Currency: "CNY"}, Per: policy.Month},
			{Provider: 0, Max: policy.Price{Micros: 20_050_000, Currency: "CNY"}, Per: policy.Day},
			{Provider: 0, Max: policy.Price{Micros: 1, Currency: "CNY"}, Per: policy.Hour},
		},
	}
	want := []string{
		"a can cost at most 500 CNY a month, 20.05 CNY a day, 0.000001 CNY an hour, for each worker",
		"b has no budget: it costs whatever is asked of it",
	}
	if got := p.Worst(); !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}
