package main

import (
	"context"

	kitjwt "github.com/go-kit/kit/auth/jwt"
	"github.com/go-kit/kit/endpoint"
	kitzipkin "github.com/go-kit/kit/tracing/zipkin"
	kitgrpc "github.com/go-kit/kit/transport/grpc"
	"github.com/openzipkin/zipkin-go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"kit/interop/gen/pb"
)

type grpcService struct {
	pb.UnimplementedInteropServer
	handlers map[string]kitgrpc.Handler
}

func grpcServer(served []operation, tracer *zipkin.Tracer) *grpc.Server {
	codecs := map[string]func(op operation) (kitgrpc.DecodeRequestFunc, kitgrpc.EncodeResponseFunc){
		"sum":    grpcServerCodec[sumRequest, pb.SumResponse],
		"echo":   grpcServerCodec[echoMessage, pb.EchoResponse],
		"fail":   grpcServerCodec[failRequest, pb.FailResponse],
		"wait":   grpcServerCodec[waitRequest, pb.WaitResponse],
		"waited": grpcServerCodec[waitedRequest, pb.WaitedResponse],
		"whoami": grpcServerCodec[nothing, pb.WhoamiResponse],
	}
	service := &grpcService{handlers: map[string]kitgrpc.Handler{}}
	for _, op := range served {
		decode, encode := codecs[op.name](op)
		service.handlers[op.name] = kitgrpc.NewServer(
			op.endpoint,
			decode,
			encode,
			kitgrpc.ServerBefore(kitjwt.GRPCToContext()),
			kitzipkin.GRPCServerTrace(tracer),
		)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(kitgrpc.Interceptor))
	pb.RegisterInteropServer(server, service)
	return server
}

func grpcServerCodec[Request, Reply any](operation) (kitgrpc.DecodeRequestFunc, kitgrpc.EncodeResponseFunc) {
	return func(_ context.Context, message any) (any, error) { return as[Request](message) },
		func(_ context.Context, response any) (any, error) { return as[Reply](response) }
}

func serveGRPC[Reply any](ctx context.Context, handler kitgrpc.Handler, message any) (*Reply, error) {
	_, reply, err := handler.ServeGRPC(ctx, message)
	if err != nil {
		return nil, err
	}
	return reply.(*Reply), nil
}

func (s *grpcService) Sum(ctx context.Context, q *pb.SumRequest) (*pb.SumResponse, error) {
	return serveGRPC[pb.SumResponse](ctx, s.handlers["sum"], q)
}

func (s *grpcService) Echo(ctx context.Context, q *pb.EchoRequest) (*pb.EchoResponse, error) {
	return serveGRPC[pb.EchoResponse](ctx, s.handlers["echo"], q)
}

func (s *grpcService) Fail(ctx context.Context, q *pb.FailRequest) (*pb.FailResponse, error) {
	return serveGRPC[pb.FailResponse](ctx, s.handlers["fail"], q)
}

func (s *grpcService) Wait(ctx context.Context, q *pb.WaitRequest) (*pb.WaitResponse, error) {
	return serveGRPC[pb.WaitResponse](ctx, s.handlers["wait"], q)
}

func (s *grpcService) Waited(ctx context.Context, q *pb.WaitedRequest) (*pb.WaitedResponse, error) {
	return serveGRPC[pb.WaitedResponse](ctx, s.handlers["waited"], q)
}

func (s *grpcService) Whoami(ctx context.Context, q *pb.WhoamiRequest) (*pb.WhoamiResponse, error) {
	return serveGRPC[pb.WhoamiResponse](ctx, s.handlers["whoami"], q)
}

// A grpcMethod is an operation as the IDL has it.
type grpcMethod struct {
	name   string
	reply  any
	encode kitgrpc.EncodeRequestFunc
}

func grpcMethodOf[Request any](name string, reply any) grpcMethod {
	return grpcMethod{name, reply, func(_ context.Context, request any) (any, error) { return as[Request](request) }}
}

func grpcClient(address string, op operation, tracer *zipkin.Tracer) (endpoint.Endpoint, error) {
	connection, err := grpc.Dial(address, grpc.WithInsecure())
	if err != nil {
		return nil, err
	}
	method := map[string]grpcMethod{
		"sum":    grpcMethodOf[pb.SumRequest]("Sum", pb.SumResponse{}),
		"echo":   grpcMethodOf[pb.EchoRequest]("Echo", pb.EchoResponse{}),
		"fail":   grpcMethodOf[pb.FailRequest]("Fail", pb.FailResponse{}),
		"wait":   grpcMethodOf[pb.WaitRequest]("Wait", pb.WaitResponse{}),
		"waited": grpcMethodOf[pb.WaitedRequest]("Waited", pb.WaitedResponse{}),
		"whoami": grpcMethodOf[pb.WhoamiRequest]("Whoami", pb.WhoamiResponse{}),
	}[op.name]
	decode := func(_ context.Context, reply any) (any, error) {
		response := op.newResponse()
		return response, copyInto(response, reply)
	}
	next := kitgrpc.NewClient(
		connection,
		"interop.Interop",
		method.name,
		method.encode,
		decode,
		method.reply,
		kitgrpc.ClientBefore(kitjwt.ContextToGRPC()),
		kitzipkin.GRPCClientTrace(tracer),
	).Endpoint()
	return func(ctx context.Context, request any) (any, error) {
		response, err := next(ctx, request)
		if told, ok := status.FromError(err); ok && err != nil {
			return nil, wireError{err, int(told.Code())}
		}
		return response, err
	}, nil
}
