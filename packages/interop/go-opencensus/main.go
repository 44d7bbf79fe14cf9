// Both sides of go-kit's OpenCensus tracing, as its users write them, over HTTP and gRPC. A module of its own, since OpenCensus is.
//
//	opencensus serve -http ADDRESS -grpc ADDRESS
//	opencensus call -transport http|grpc -address ADDRESS [-w3c] [-unsampled]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"

	"github.com/go-kit/kit/endpoint"
	kitoc "github.com/go-kit/kit/tracing/opencensus"
	kitgrpc "github.com/go-kit/kit/transport/grpc"
	kithttp "github.com/go-kit/kit/transport/http"
	"go.opencensus.io/plugin/ochttp/propagation/tracecontext"
	"go.opencensus.io/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"kit/interop/gen/pb"
)

func main() {
	commands := map[string]func([]string) error{"call": call, "serve": serve}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: opencensus serve|call [flags]")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A message is what echo takes and returns; an empty one fails.
type message struct {
	Text string `json:"text"`
}

func echo(_ context.Context, request any) (any, error) {
	if request.(message).Text == "" {
		return nil, status.Error(codes.FailedPrecondition, "nothing to echo")
	}
	return request, nil
}

// serve tells what spans it has had under /spans.
func serve(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	httpAddress := flags.String("http", "", "where HTTP listens")
	grpcAddress := flags.String("grpc", "", "where gRPC listens")
	if err := flags.Parse(args); err != nil {
		return err
	}
	spans := collect()
	// Samples what its caller does, and nothing else.
	trace.ApplyConfig(trace.Config{DefaultSampler: trace.ProbabilitySampler(0)})
	traced := kitoc.TraceEndpoint("endpoint")(echo)

	grpcListener, err := net.Listen("tcp", *grpcAddress)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(kitgrpc.Interceptor))
	pb.RegisterInteropServer(server, &grpcService{handler: kitgrpc.NewServer(
		traced,
		func(_ context.Context, m any) (any, error) { return message{m.(*pb.EchoRequest).Text}, nil },
		func(_ context.Context, m any) (any, error) { return &pb.EchoResponse{Text: m.(message).Text}, nil },
		kitoc.GRPCServerTrace(),
	)})
	failed := make(chan error)
	go func() { failed <- server.Serve(grpcListener) }()

	decode := func(_ context.Context, r *http.Request) (any, error) {
		var m message
		err := json.NewDecoder(r.Body).Decode(&m)
		return m, err
	}
	mux := http.NewServeMux()
	mux.Handle("/echo", kithttp.NewServer(traced, decode, kithttp.EncodeJSONResponse, kitoc.HTTPServerTrace()))
	mux.Handle("/w3c/echo", kithttp.NewServer(traced, decode, kithttp.EncodeJSONResponse,
		kitoc.HTTPServerTrace(kitoc.WithHTTPPropagation(&tracecontext.HTTPFormat{}))))
	mux.HandleFunc("/spans", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(spans.all()) })
	go func() { failed <- http.ListenAndServe(*httpAddress, mux) }()
	return <-failed
}

type grpcService struct {
	pb.UnimplementedInteropServer
	handler kitgrpc.Handler
}

func (s *grpcService) Echo(ctx context.Context, q *pb.EchoRequest) (*pb.EchoResponse, error) {
	_, reply, err := s.handler.ServeGRPC(ctx, q)
	if err != nil {
		return nil, err
	}
	return reply.(*pb.EchoResponse), nil
}

// A report is what call prints, on one line.
type report struct {
	Text  string `json:"text"`
	Error string `json:"error"`
	Spans []span `json:"spans"`
}

// call has the text on its standard input echoed.
func call(args []string) error {
	flags := flag.NewFlagSet("call", flag.ContinueOnError)
	transport := flags.String("transport", "http", "http or grpc")
	address := flags.String("address", "", "where the server is: a URL for HTTP")
	w3c := flags.Bool("w3c", false, "whether HTTP carries traceparent, else B3")
	unsampled := flags.Bool("unsampled", false, "whether the trace is not sampled")
	if err := flags.Parse(args); err != nil {
		return err
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	spans := collect()
	trace.ApplyConfig(trace.Config{DefaultSampler: trace.AlwaysSample()})
	if *unsampled {
		trace.ApplyConfig(trace.Config{DefaultSampler: trace.NeverSample()})
	}
	var next endpoint.Endpoint
	if *transport == "grpc" {
		next, err = grpcClient(*address)
	} else {
		next, err = httpClient(*address, *w3c)
	}
	if err != nil {
		return err
	}
	response, err := kitoc.TraceEndpoint("endpoint")(next)(context.Background(), message{string(text)})
	told := report{Spans: spans.all()}
	if err != nil {
		told.Error = err.Error()
	} else {
		told.Text = response.(message).Text
	}
	return json.NewEncoder(os.Stdout).Encode(told)
}

func httpClient(address string, w3c bool) (endpoint.Endpoint, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	decode := func(_ context.Context, r *http.Response) (any, error) {
		if r.StatusCode != http.StatusOK {
			text, err := io.ReadAll(r.Body)
			return nil, errors.Join(err, errors.New(string(text)))
		}
		var m message
		err := json.NewDecoder(r.Body).Decode(&m)
		return m, err
	}
	options := []kitoc.TracerOption{}
	if w3c {
		options = append(options, kitoc.WithHTTPPropagation(&tracecontext.HTTPFormat{}))
	}
	return kithttp.NewClient(http.MethodPost, target, kithttp.EncodeJSONRequest, decode, kitoc.HTTPClientTrace(options...)).Endpoint(), nil
}

func grpcClient(address string) (endpoint.Endpoint, error) {
	connection, err := grpc.Dial(address, grpc.WithInsecure())
	if err != nil {
		return nil, err
	}
	return kitgrpc.NewClient(
		connection,
		"interop.Interop",
		"Echo",
		func(_ context.Context, m any) (any, error) { return &pb.EchoRequest{Text: m.(message).Text}, nil },
		func(_ context.Context, m any) (any, error) { return message{m.(*pb.EchoResponse).Text}, nil },
		pb.EchoResponse{},
		kitoc.GRPCClientTrace(),
	).Endpoint(), nil
}

// A span is what is looked at of OpenCensus's.
type span struct {
	Name         string         `json:"name"`
	Trace        string         `json:"trace"`
	ID           string         `json:"id"`
	Parent       string         `json:"parent"`
	Kind         int            `json:"kind"`
	Code         int32          `json:"code"`
	Message      string         `json:"message"`
	RemoteParent bool           `json:"remoteParent"`
	Attributes   map[string]any `json:"attributes"`
}

// A collector is an exporter that keeps what it is given.
type collector struct {
	mutex sync.Mutex
	spans []span
}

func collect() *collector {
	c := &collector{spans: []span{}}
	trace.RegisterExporter(c)
	return c
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
		Code:         s.Code,
		Message:      s.Message,
		RemoteParent: s.HasRemoteParent,
		Attributes:   s.Attributes,
	})
}

func (c *collector) all() []span {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return append([]span{}, c.spans...)
}
