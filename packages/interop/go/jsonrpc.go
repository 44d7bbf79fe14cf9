package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	kitjwt "github.com/go-kit/kit/auth/jwt"
	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/transport/http/jsonrpc"
	"github.com/openzipkin/zipkin-go"
	zipkinhttp "github.com/openzipkin/zipkin-go/middleware/http"
)

// go-kit's options for Zipkin are those of its HTTP transport, so here zipkin-go's own go around the handler and into the client.

func jsonrpcHandler(served []operation, tracer *zipkin.Tracer) (http.Handler, error) {
	methods := jsonrpc.EndpointCodecMap{}
	for _, op := range served {
		methods[op.name] = jsonrpc.EndpointCodec{
			Endpoint: op.endpoint,
			Decode: func(_ context.Context, params json.RawMessage) (any, error) {
				request := op.newRequest()
				return request, json.Unmarshal(params, request)
			},
			Encode: func(_ context.Context, response any) (json.RawMessage, error) { return json.Marshal(response) },
		}
	}
	handler := jsonrpc.NewServer(methods, jsonrpc.ServerBefore(kitjwt.HTTPToContext()))
	return zipkinhttp.NewServerMiddleware(tracer)(handler), nil
}

func jsonrpcClient(address string, op operation, tracer *zipkin.Tracer) (endpoint.Endpoint, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	client, err := zipkinhttp.NewClient(tracer)
	if err != nil {
		return nil, err
	}
	decode := func(_ context.Context, r jsonrpc.Response) (any, error) {
		if r.Error != nil {
			return nil, wireError{*r.Error, r.Error.Code}
		}
		response := op.newResponse()
		return response, json.Unmarshal(r.Result, response)
	}
	return jsonrpc.NewClient(
		target,
		op.name,
		jsonrpc.SetClient(client),
		jsonrpc.ClientBefore(kitjwt.ContextToHTTP()),
		jsonrpc.ClientResponseDecoder(decode),
	).Endpoint(), nil
}
