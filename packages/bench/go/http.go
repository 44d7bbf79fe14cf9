package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"

	kithttp "github.com/go-kit/kit/transport/http"
)

const maxBytes = 1 << 20

// serveHTTP is written as go-kit's users do, with the bound on a body that the other contenders have.
func serveHTTP(listener net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("POST /sum", http.MaxBytesHandler(kithttp.NewServer(sum, decodeSum, encodeJSON), maxBytes))
	return http.Serve(listener, mux)
}

func decodeSum(_ context.Context, r *http.Request) (any, error) {
	var request sumRequest
	err := json.NewDecoder(r.Body).Decode(&request)
	return request, err
}

// encodeJSON is kithttp.EncodeJSONResponse without its line break at the end, which no other contender writes.
func encodeJSON(_ context.Context, w http.ResponseWriter, response any) error {
	text, err := json.Marshal(response)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, err = w.Write(text)
	return err
}
