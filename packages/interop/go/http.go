package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	kitjwt "github.com/go-kit/kit/auth/jwt"
	"github.com/go-kit/kit/endpoint"
	kitzipkin "github.com/go-kit/kit/tracing/zipkin"
	kithttp "github.com/go-kit/kit/transport/http"
	"github.com/openzipkin/zipkin-go"
)

func httpHandler(served []operation, tracer *zipkin.Tracer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for _, op := range served {
		decode := func(_ context.Context, r *http.Request) (any, error) {
			request := op.newRequest()
			return request, json.NewDecoder(r.Body).Decode(request)
		}
		mux.Handle("/"+op.name, kithttp.NewServer(
			op.endpoint,
			decode,
			kithttp.EncodeJSONResponse,
			kithttp.ServerBefore(kitjwt.HTTPToContext()),
			kitzipkin.HTTPServerTrace(tracer),
		))
	}
	return mux
}

func httpClient(address string, op operation, tracer *zipkin.Tracer) (endpoint.Endpoint, error) {
	target, err := url.Parse(address + "/" + op.name)
	if err != nil {
		return nil, err
	}
	decode := func(_ context.Context, r *http.Response) (any, error) {
		if r.StatusCode != http.StatusOK {
			text, err := io.ReadAll(r.Body)
			return nil, errors.Join(err, wireError{errors.New(string(text)), r.StatusCode})
		}
		response := op.newResponse()
		return response, json.NewDecoder(r.Body).Decode(response)
	}
	return kithttp.NewClient(
		http.MethodPost,
		target,
		kithttp.EncodeJSONRequest,
		decode,
		kithttp.ClientBefore(kitjwt.ContextToHTTP()),
		kitzipkin.HTTPClientTrace(tracer),
	).Endpoint(), nil
}
