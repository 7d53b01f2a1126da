package state_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/idvgate/idvgate/plugin/state"
)

// shelf is a Beyond, and with Kept and Keep a Cupboard too.
type shelf map[string][]byte

func (s shelf) Get(key string) []byte { return s[key] }

func (s shelf) Put(key string, value []byte) {
	if len(key) != len(state.Key{}) {
		panic("a key that hosts do not take")
	}
	s[key] = value
}

type cupboard struct{ shelf }

func (c cupboard) Kept(key string) []byte        { return c.shelf[key] }
func (c cupboard) Keep(key string, value []byte) { c.shelf[key] = value }
func (cupboard) Get(string) []byte               { panic("kept with the answers") }
func (cupboard) Put(string, []byte)              { panic("kept with the answers") }

func TestWhatProvidersKeepIsFoundByTheNextStore(t *testing.T) {
	ctx := context.Background()
	for name, beyond := range map[string]state.Beyond{"beyond": shelf{}, "a cupboard": cupboard{shelf{}}} {
		t.Run(name, func(t *testing.T) {
			one, two := state.New(beyond), state.New(beyond)
			one.Put(ctx, "glodon:account:x", []byte("acct1"))
			for _, s := range []*state.Store{one, two} {
				if v, ok := s.Get(ctx, "glodon:account:x"); !ok || string(v) != "acct1" {
					t.Errorf("%q, %v", v, ok)
				}
				if _, ok := s.Get(ctx, "glodon:account:y"); ok {
					t.Error("another key's value")
				}
			}
			one.Put(ctx, "glodon:account:x", nil)
			if v, ok := one.Get(ctx, "glodon:account:x"); ok {
				t.Errorf("forgotten, and still %q", v)
			}
		})
	}
}

func TestWhatProvidersKeepIsBounded(t *testing.T) {
	s, ctx := state.New(nil), context.Background()
	for i := range 12_000 {
		s.Put(ctx, fmt.Sprint(i), []byte("v"))
	}
	if _, ok := s.Get(ctx, "0"); ok {
		t.Error("the oldest is still there")
	}
	if _, ok := s.Get(ctx, "11999"); !ok {
		t.Error("the newest is gone")
	}
}
