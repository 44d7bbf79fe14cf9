package main

import (
	"context"

	"github.com/go-kit/kit/endpoint"
)

// The request is one that lies on the heap already: what is measured is not how a number gets there.
var request any = &struct{ A, B int }{1, 2}

func echo(_ context.Context, request any) (any, error) { return request, nil }

func through(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) { return next(ctx, request) }
}

// chained calls that many endpoints in turn, all wrapped in the same layers.
func chained(depth, endpoints int) loop {
	others := make([]endpoint.Middleware, depth-1)
	for i := range others {
		others[i] = through
	}
	wrap := endpoint.Chain(through, others...)
	all := make([]endpoint.Endpoint, endpoints)
	for i := range all {
		all[i] = wrap(echo)
	}
	ctx := context.Background()
	return func(count int) {
		at := 0
		for range count {
			handed.response, handed.err = all[at](ctx, request)
			if at++; at == len(all) {
				at = 0
			}
		}
		verify()
	}
}

// calls makes calls that succeed.
func calls(next endpoint.Endpoint) loop {
	ctx := context.Background()
	return func(count int) {
		for range count {
			handed.response, handed.err = next(ctx, request)
		}
		verify()
	}
}

func verify() {
	if handed.response != request || handed.err != nil {
		panic("not the answer")
	}
}
