package main

import (
	"github.com/go-kit/kit/ratelimit"
	"golang.org/x/time/rate"
)

// newLimiter is never empty, and always to be reckoned.
func newLimiter() *rate.Limiter { return rate.NewLimiter(1e9, 1e9) }

func allow() loop {
	limiter := newLimiter()
	return func(count int) {
		for range count {
			handed.allowed = limiter.Allow()
		}
		if !handed.allowed {
			panic("not allowed")
		}
	}
}

func limited() loop { return calls(ratelimit.NewErroringLimiter(newLimiter())(echo)) }
