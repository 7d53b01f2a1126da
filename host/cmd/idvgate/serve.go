package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// service is an HTTP server of the command.
type service struct {
	name   string // as in --name
	server *http.Server
	listen net.Listener
}

// listenOn takes the port, so that a taken one is known before anything runs.
func listenOn(name, address string, h http.Handler) (*service, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", name, err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &service{name: name, listen: l, server: &http.Server{
		Handler:           h,
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}}, nil
}

func (s *service) url() string { return "http://" + s.listen.Addr().String() }

// serveAll serves until ctx is done, then stops taking requests and lets those in flight finish within grace, in the
// order of the services: the gateway before what it depends on.
func serveAll(ctx context.Context, grace time.Duration, services ...*service) error {
	failed := make(chan error, len(services))
	for _, s := range services {
		go func() {
			if err := s.server.Serve(s.listen); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("--%s: %w", s.name, err)
			}
		}()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for _, s := range services {
		if s.server.Shutdown(limit) != nil {
			_ = s.server.Close()
		}
	}
	return err
}

func closeAll(services ...*service) {
	for _, s := range services {
		if s != nil {
			_ = s.listen.Close()
		}
	}
}
