package play

import (
	"fmt"
	"net/http"
)

// A Remote is a gateway in another process, in front of the stage's upstream. What starts it also ends it, and hands its
// audit lines and log to the record.
type Remote struct {
	Address string // of the gateway
	Admin   string // of its /metrics
	Stage   *Stage
	Record  *Record
}

// Play sends the request over the network.
func (g *Remote) Play(r *Request) (Seen, error) {
	seen, err := overHTTP(g.Address, g.Stage, r)
	if err != nil {
		return seen, err
	}
	return seen, g.Scrape()
}

// Scrape reads the counts that the guest has made so far.
func (g *Remote) Scrape() error {
	page, err := http.Get("http://" + g.Admin + "/metrics")
	if err != nil {
		return fmt.Errorf("play: metrics: %w", err)
	}
	defer page.Body.Close()
	all, err := parseMetrics(page.Body)
	if err == nil {
		g.Record.SetMetrics(all)
	}
	return err
}

// overHTTP sends the request to a gateway and looks what the upstream got.
func overHTTP(address string, stage *Stage, r *Request) (Seen, error) {
	return sendTo(exchange, address, stage, r)
}

func sendTo(send func(string, *Request) (*http.Response, []byte, error), address string, stage *Stage, r *Request) (Seen, error) {
	response, body, err := send(address, r)
	if err != nil {
		return Seen{}, err
	}
	seen := Seen{Status: response.StatusCode, Header: lower(response.Header), Body: body}
	got := stage.take()
	switch len(got) {
	case 0:
	case 1:
		seen.Upstream = &got[0]
	default:
		return seen, fmt.Errorf("the upstream saw %d requests", len(got))
	}
	return seen, nil
}
