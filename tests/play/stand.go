package play

import (
	"fmt"
	"strings"
)

// Run plays a scenario on a runtime, on a stage of its own, and returns everything that was not as expected.
func Run(root string, runtime Runtime, s *Scenario) (faults []string) {
	stand, err := Open(root, runtime, s)
	if err != nil {
		return []string{err.Error()}
	}
	faults = stand.Play(s)
	return append(faults, stand.Close()...)
}

// Groups puts scenarios together that one gateway can play one after another: those with the same policy and
// environment, where neither faults of vendors nor calls besides verifying ones are of interest, since logins are kept.
func Groups(all []*Scenario) [][]*Scenario {
	var groups [][]*Scenario
	index := map[string]int{}
	for _, s := range all {
		key := string(s.Policy) + text(s.Env)
		i, ok := index[key]
		switch {
		case !s.shares():
			groups = append(groups, []*Scenario{s})
		case ok:
			groups[i] = append(groups[i], s)
		default:
			index[key] = len(groups)
			groups = append(groups, []*Scenario{s})
		}
	}
	return groups
}

func (s *Scenario) shares() bool {
	if len(s.Faults) > 0 {
		return false
	}
	for _, step := range s.all() {
		if len(step.Faults) > 0 || step.Store != "" {
			return false
		}
		if strings.Contains(strings.Join(step.Expect.Calls, " "), ":") {
			return false
		}
	}
	return true
}

// A Stand is a stage with a gateway on it. It plays one scenario at a time.
type Stand struct {
	stage   *Stage
	gateway Gateway
	record  *Record
	canary  *Canary
	audits  int // lines that earlier steps have looked at
}

// Open makes a stand for the scenario, and for all others of its group.
func Open(root string, runtime Runtime, s *Scenario) (*Stand, error) {
	stage, err := NewStage()
	if err != nil {
		return nil, err
	}
	stand := &Stand{stage: stage, record: NewRecord(), canary: NewCanary(stage.People)}
	if err := stand.start(root, runtime, s); err != nil {
		stage.Close()
		if claim := stand.canary.Find([]byte(err.Error())); claim != "" {
			return nil, fmt.Errorf("%s is in an error", claim)
		}
		return nil, fmt.Errorf("the gateway does not start: %w", err)
	}
	return stand, nil
}

func (s *Stand) start(root string, runtime Runtime, first *Scenario) error {
	if len(first.Faults) > 0 {
		if err := s.stage.faults(first.Faults); err != nil {
			return err
		}
	}
	env, err := s.stage.Env(root, first.Env)
	if err != nil {
		return err
	}
	s.gateway, err = runtime.Start(first.Policy, env, s.stage, s.record)
	return err
}

// Play plays a scenario and returns what was not as expected.
func (s *Stand) Play(scenario *Scenario) []string {
	r := &run{Stand: s, before: s.record.counts()}
	if err := r.steps(scenario.all()); err != nil {
		r.fault("%v", err)
		r.leak("an error", []byte(err.Error()))
	}
	return r.faults
}

// Close ends gateway and stage. It returns what nobody expected, and what of a claim was written anywhere.
func (s *Stand) Close() []string {
	r := &run{Stand: s}
	if err := s.gateway.Close(); err != nil {
		r.fault("the gateway does not end: %v", err)
	}
	r.leak("the fleet's store", []byte(s.stage.Store.Contents()))
	s.stage.Close()
	if extra := s.record.lines(s.audits); len(extra) > 0 {
		r.fault("%d more audit lines than expected, the first is %s", len(extra), extra[0])
	}
	for what, text := range s.record.output() {
		r.leak(what, text)
	}
	return r.faults
}
