package main

import (
	"context"
	"time"
)

type contextKey string

func contextValues() loop {
	const a, b, c = contextKey("a"), contextKey("b"), contextKey("c")
	return func(count int) {
		sum := 0
		for i := range count {
			ctx := context.WithValue(context.WithValue(context.WithValue(context.Background(), a, i), b, i), c, i)
			handed.context = ctx
			sum += ctx.Value(a).(int)
		}
		if sum != count*(count-1)/2 {
			panic("not the values")
		}
	}
}

func contextTimeout() loop {
	return func(count int) {
		for range count {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			handed.context = ctx
			cancel()
		}
	}
}
