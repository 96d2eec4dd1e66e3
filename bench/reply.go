package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// reply is what a server says to one request.
type reply struct {
	status int
	body   []byte
}

// readReply reads an answer; ok is false while some of it is still to come. Go's servers write headers in just this form.
func readReply(text []byte) (r reply, ok bool, err error) {
	head, rest, ok := bytes.Cut(text, []byte("\r\n\r\n"))
	if !ok {
		return r, false, nil
	}
	if len(head) < len("HTTP/1.1 200") {
		return r, false, fmt.Errorf("an answer begins with %q", head)
	}
	if r.status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return r, false, fmt.Errorf("an answer begins with %q", head)
	}
	_, length, ok := bytes.Cut(head, []byte("\r\nContent-Length: "))
	if !ok {
		r.body, ok, err = readChunks(rest)
		return r, ok, err
	}
	length, _, _ = bytes.Cut(length, []byte("\r\n"))
	n, err := strconv.Atoi(string(length))
	if err != nil || len(rest) < n {
		return r, false, err
	}
	r.body = rest[:n]
	return r, true, nil
}

// readChunks reads a body in pieces; ok is false while some of it is still to come.
func readChunks(text []byte) (body []byte, ok bool, err error) {
	for {
		length, rest, ok := bytes.Cut(text, []byte("\r\n"))
		if !ok {
			return nil, false, nil
		}
		n, err := strconv.ParseInt(string(length), 16, 32)
		if err != nil {
			return nil, false, fmt.Errorf("an answer has neither a length nor chunks: %w", err)
		}
		end := int(n) + len("\r\n")
		if len(rest) < end {
			return nil, false, nil
		}
		if n == 0 {
			return body, true, nil
		}
		body, text = append(body, rest[:n]...), rest[end:]
	}
}
