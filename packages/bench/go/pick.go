package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	"github.com/go-kit/log"
)

func echoes(string) (endpoint.Endpoint, io.Closer, error) { return echo, nil, nil }

func pick(size int) loop {
	instances := make(sd.FixedInstancer, size)
	for i := range instances {
		instances[i] = fmt.Sprintf("10.0.0.0:%d", i)
	}
	live := sd.NewEndpointer(instances, echoes, log.NewNopLogger())
	for first(live) == nil {
		runtime.Gosched()
	}
	balancer := lb.NewRoundRobin(live)
	return func(count int) {
		for range count {
			handed.endpoint, handed.err = balancer.Endpoint()
		}
		if handed.endpoint == nil || handed.err != nil {
			panic("nothing picked")
		}
	}
}
