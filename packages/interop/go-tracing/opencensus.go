package main

import (
	"sync"

	kitoc "github.com/go-kit/kit/tracing/opencensus"
	"go.opencensus.io/plugin/ochttp/propagation/tracecontext"
	"go.opencensus.io/trace"
)

func opencensus(w3c, sample, serving bool) (library, error) {
	spans := &collector{spans: []span{}}
	trace.RegisterExporter(spans)
	sampler := trace.AlwaysSample()
	if serving {
		sampler = trace.ProbabilitySampler(0)
	} else if !sample {
		sampler = trace.NeverSample()
	}
	trace.ApplyConfig(trace.Config{DefaultSampler: sampler})
	options := []kitoc.TracerOption{}
	if w3c {
		options = append(options, kitoc.WithHTTPPropagation(&tracecontext.HTTPFormat{}))
	}
	traced := kitoc.TraceEndpoint("endpoint")
	return library{
		server:     traced,
		client:     traced,
		httpServer: kitoc.HTTPServerTrace(options...),
		httpClient: kitoc.HTTPClientTrace(options...),
		grpcServer: kitoc.GRPCServerTrace(),
		grpcClient: kitoc.GRPCClientTrace(),
		spans:      spans.all,
	}, nil
}

// A collector is an exporter that keeps what it is given.
type collector struct {
	mutex sync.Mutex
	spans []span
}

func (c *collector) ExportSpan(s *trace.SpanData) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.spans = append(c.spans, span{
		Name:         s.Name,
		Trace:        s.TraceID.String(),
		ID:           s.SpanID.String(),
		Parent:       s.ParentSpanID.String(),
		Kind:         s.SpanKind,
		RemoteParent: s.HasRemoteParent,
		Attributes:   s.Attributes,
	})
}

func (c *collector) all() []span {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return append([]span{}, c.spans...)
}
