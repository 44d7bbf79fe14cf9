package main

import (
	"context"
	"net"

	kitgrpc "github.com/go-kit/kit/transport/grpc"
	"google.golang.org/grpc"

	"kit/bench/gen/pb"
)

type addServer struct {
	pb.UnimplementedAddServer
	sum kitgrpc.Handler
}

func (s *addServer) Sum(ctx context.Context, message *pb.SumRequest) (*pb.SumResponse, error) {
	_, reply, err := s.sum.ServeGRPC(ctx, message)
	if err != nil {
		return nil, err
	}
	return reply.(*pb.SumResponse), nil
}

func serveGRPC(listener net.Listener) error {
	decode := func(_ context.Context, message any) (any, error) {
		asked := message.(*pb.SumRequest)
		return sumRequest{asked.A, asked.B}, nil
	}
	encode := func(_ context.Context, response any) (any, error) {
		return &pb.SumResponse{V: response.(sumResponse).V}, nil
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(kitgrpc.Interceptor))
	pb.RegisterAddServer(server, &addServer{sum: kitgrpc.NewServer(sum, decode, encode)})
	return server.Serve(listener)
}
