package main

import (
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/go-kit/kit/endpoint"
)

// A loop does its operation that many times.
type loop func(count int)

var loops = map[string]func() loop{
	"chain-5":           func() loop { return chained(5, 1) },
	"chain-10":          func() loop { return chained(10, 1) },
	"chain-10-of-8":     func() loop { return chained(10, 8) },
	"context-values":    contextValues,
	"context-timeout":   contextTimeout,
	"breaker-closed":    func() loop { return closed(byMiddleware) },
	"breaker-open":      func() loop { return open(byMiddleware) },
	"gobreaker-closed":  func() loop { return closed(byHand) },
	"gobreaker-open":    func() loop { return open(byHand) },
	"limiter-allow":     allow,
	"limiter-endpoint":  limited,
	"pick-3":            func() loop { return pick(3) },
	"pick-100":          func() loop { return pick(100) },
	"pick-10000":        func() loop { return pick(10_000) },
	"discovery-updates": updates,
}

// What operations make is put here, or the compiler would not have them make it.
var handed struct {
	response any
	err      error
	endpoint endpoint.Endpoint
	context  any
	allowed  bool
}

func runLoop(name string) error {
	makeLoop := loops[name]
	if makeLoop == nil {
		return fmt.Errorf("no such loop: %s", name)
	}
	run := makeLoop()
	return answerLines(func(line string) (string, error) {
		count, err := strconv.Atoi(line)
		if err != nil {
			return "", err
		}
		// As the other contenders have it: what was left behind before is not measured.
		runtime.GC()
		cpu, start := cpuTime(), time.Now()
		run(count)
		took := time.Since(start)
		return fmt.Sprintf("%d %d", took.Nanoseconds(), (cpuTime() - cpu).Nanoseconds()), nil
	})
}
