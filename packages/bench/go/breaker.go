package main

import (
	"context"
	"errors"
	"time"

	"github.com/go-kit/kit/circuitbreaker"
	"github.com/go-kit/kit/endpoint"
	"github.com/sony/gobreaker"
)

// newBreaker opens at the sixth failure and stays open.
func newBreaker() *gobreaker.CircuitBreaker {
	return gobreaker.NewCircuitBreaker(gobreaker.Settings{Timeout: time.Hour})
}

func byMiddleware(next endpoint.Endpoint) endpoint.Endpoint {
	return circuitbreaker.Gobreaker(newBreaker())(next)
}

// byHand is without go-kit, for an operation of which everything is known.
func byHand(next endpoint.Endpoint) endpoint.Endpoint {
	breaker := newBreaker()
	operation := func() (any, error) { return next(context.Background(), request) }
	return func(context.Context, any) (any, error) { return breaker.Execute(operation) }
}

func closed(wrap endpoint.Middleware) loop { return calls(wrap(echo)) }

func open(wrap endpoint.Middleware) loop {
	down := errors.New("down")
	next := wrap(func(context.Context, any) (any, error) { return nil, down })
	ctx := context.Background()
	for range 10 {
		next(ctx, request)
	}
	return func(count int) {
		for range count {
			handed.response, handed.err = next(ctx, request)
		}
		if handed.err != gobreaker.ErrOpenState {
			panic("not refused")
		}
	}
}
