package main

import (
	"context"

	"github.com/go-kit/kit/endpoint"
	kitot "github.com/go-kit/kit/tracing/opentracing"
	kitgrpc "github.com/go-kit/kit/transport/grpc"
	kithttp "github.com/go-kit/kit/transport/http"
	"github.com/go-kit/log"
	"github.com/opentracing/opentracing-go"
	"github.com/uber/jaeger-client-go"
)

// openTracing has Jaeger's tracer, which knows no headers but its own.
func openTracing(_, sample, serving bool) (library, error) {
	reporter := jaeger.NewInMemoryReporter()
	// The decision is that of the trace's root.
	tracer, _ := jaeger.NewTracer("go", jaeger.NewConstSampler(sample && !serving), reporter)
	logger := log.NewNopLogger()
	return library{
		server:     kitot.TraceServer(tracer, "echo"),
		client:     endpoint.Chain(kitot.TraceClient(tracer, "echo"), withBaggage),
		httpServer: kithttp.ServerBefore(kitot.HTTPToContext(tracer, "request", logger)),
		httpClient: kithttp.ClientBefore(kitot.ContextToHTTP(tracer, logger)),
		grpcServer: kitgrpc.ServerBefore(kitot.GRPCToContext(tracer, "request", logger)),
		grpcClient: kitgrpc.ClientBefore(kitot.ContextToGRPC(tracer, logger)),
		spans: func() []span {
			spans := []span{}
			for _, one := range reporter.GetSpans() {
				s := one.(*jaeger.Span)
				context := s.SpanContext()
				spans = append(spans, span{
					Name:       s.OperationName(),
					Trace:      context.TraceID().String(),
					ID:         context.SpanID().String(),
					Parent:     context.ParentID().String(),
					Attributes: s.Tags(),
				})
			}
			return spans
		},
	}, nil
}

// withBaggage has what crosses the wire beside the trace.
func withBaggage(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		opentracing.SpanFromContext(ctx).SetBaggageItem("tenant", "acme")
		return next(ctx, request)
	}
}
