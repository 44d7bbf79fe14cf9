package main

// jwtKey is what the tests sign with as well.
var jwtKey = []byte("test_signing_key")
