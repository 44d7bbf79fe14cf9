package main

import (
	"github.com/openzipkin/zipkin-go"
	"github.com/openzipkin/zipkin-go/reporter"
)

// jwtKey is what the tests sign with as well.
var jwtKey = []byte("test_signing_key")

// newTracer makes a tracer whose spans nobody collects; what matters here is what it writes to the wire and reads from it.
func newTracer() (*zipkin.Tracer, error) {
	return zipkin.NewTracer(reporter.NewNoopReporter(), zipkin.WithTraceID128Bit(true))
}
