package main

import (
	"time"

	"github.com/openzipkin/zipkin-go"
	"github.com/openzipkin/zipkin-go/reporter"
	zipkinreporter "github.com/openzipkin/zipkin-go/reporter/http"
)

// newTracer makes a tracer that reports to the collector; without one nobody has its spans, and what matters is what it writes to the wire and reads from it.
func newTracer(name, collector string) (*zipkin.Tracer, reporter.Reporter, error) {
	to := reporter.NewNoopReporter()
	if collector != "" {
		to = zipkinreporter.NewReporter(collector, zipkinreporter.BatchInterval(50*time.Millisecond))
	}
	local, err := zipkin.NewEndpoint(name, "")
	if err != nil {
		return nil, nil, err
	}
	tracer, err := zipkin.NewTracer(to, zipkin.WithTraceID128Bit(true), zipkin.WithLocalEndpoint(local))
	return tracer, to, err
}
