package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"

	kitgrpc "github.com/go-kit/kit/transport/grpc"
	kithttp "github.com/go-kit/kit/transport/http"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"kit/interop/gen/pb"
)

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
	name := flags.String("library", "", "opencensus or opentracing")
	w3c := flags.Bool("w3c", false, "whether HTTP carries traceparent, else the library's own")
	httpAddress := flags.String("http", "", "where HTTP listens")
	grpcAddress := flags.String("grpc", "", "where gRPC listens")
	if err := flags.Parse(args); err != nil {
		return err
	}
	made, err := libraryOf(*name, *w3c, true, true)
	if err != nil {
		return err
	}
	traced := made.server(echo)

	listener, err := net.Listen("tcp", *grpcAddress)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(kitgrpc.Interceptor))
	pb.RegisterInteropServer(server, &grpcService{handler: kitgrpc.NewServer(
		traced,
		func(_ context.Context, m any) (any, error) { return message{m.(*pb.EchoRequest).Text}, nil },
		func(_ context.Context, m any) (any, error) { return &pb.EchoResponse{Text: m.(message).Text}, nil },
		made.grpcServer,
	)})
	failed := make(chan error)
	go func() { failed <- server.Serve(listener) }()

	decode := func(_ context.Context, r *http.Request) (any, error) {
		var m message
		err := json.NewDecoder(r.Body).Decode(&m)
		return m, err
	}
	mux := http.NewServeMux()
	mux.Handle("/echo", kithttp.NewServer(traced, decode, kithttp.EncodeJSONResponse, made.httpServer))
	mux.HandleFunc("/spans", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(made.spans()) })
	go func() { failed <- http.ListenAndServe(*httpAddress, mux) }()
	return <-failed
}

func libraryOf(name string, w3c, sample, serving bool) (library, error) {
	if libraries[name] == nil {
		return library{}, fmt.Errorf("no such library: %q", name)
	}
	return libraries[name](w3c, sample, serving)
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
