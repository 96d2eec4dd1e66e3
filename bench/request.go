package main

import (
	"bytes"
	"crypto/rand"
	random "math/rand/v2"
	"strconv"
)

// call is a kind of request.
type call string

const (
	health  call = "health"
	track   call = "track"   // POST /api/data for a user at random
	hot     call = "hot"     // the same for always the same user
	keyed   call = "keyed"   // with an Idempotency-Key that nobody has used
	batched call = "batched" // POST /api/data/batch with items of one platform
)

// itemsAtOnce is as many as a batch may have.
const itemsAtOnce = 1000

// requests are the requests of one connection, written out by hand: a client that did more for a request than the server
// does would be what is measured.
type requests struct {
	call   call
	crowd  crowd
	heads  [][]byte // of each platform, up to the user or the length
	nonce  string   // of the keys of this connection
	number int      // of the last key
	text   []byte   // of the last request
	body   []byte
	order  []int
}

const (
	body = `{"meter":"requests","quantity":1}`
	host = "Host: api.localhost\r\n"
)

func newRequests(kind call, of crowd) *requests {
	r := &requests{call: kind, crowd: of, nonce: rand.Text(), heads: make([][]byte, len(of.Platforms))}
	path, last := "/api/data", "X-User-Plan: "+plan+"\r\nX-User-Id: "
	if kind == batched {
		path, last = "/api/data/batch", "Content-Length: "
		r.order = random.Perm(of.Users)
	}
	for i, p := range of.Platforms {
		r.heads[i] = []byte("POST " + path + " HTTP/1.1\r\n" + host +
			"Authorization: Bearer " + p.Key + "\r\nContent-Type: application/json\r\n" + last)
	}
	return r
}

// items is how much each request has counted.
func (r *requests) items() int {
	if r.call == batched {
		return itemsAtOnce
	}
	return 1
}

// next is the next request. It is good until the one after it.
func (r *requests) next() []byte {
	switch r.call {
	case health:
		return []byte("GET /health HTTP/1.1\r\n" + host + "\r\n")
	case hot:
		return r.of(0, 0)
	case batched:
		return r.batch(random.IntN(len(r.heads)))
	default:
		return r.of(random.IntN(len(r.heads)), random.IntN(r.crowd.Users))
	}
}

// ofUser is a request of the nth user of the crowd.
func (r *requests) ofUser(n int) []byte { return r.of(n%len(r.heads), n/len(r.heads)) }

func (r *requests) of(platform, user int) []byte {
	r.text = append(r.text[:0], r.heads[platform]...)
	r.text = append(r.text, r.crowd.user(user)...)
	if r.call == keyed {
		r.text = append(r.text, "\r\nIdempotency-Key: "...)
		r.text = r.key(r.text)
	}
	r.text = append(r.text, "\r\nContent-Length: "...)
	r.text = strconv.AppendInt(r.text, int64(len(body)), 10)
	r.text = append(r.text, "\r\n\r\n"...)
	return append(r.text, body...)
}

// batch is a request with items for as many distinct users.
func (r *requests) batch(platform int) []byte {
	r.body = append(r.body[:0], `{"items":[`...)
	for i := range itemsAtOnce {
		// Each batch begins with a user of its own: the first ones of the order are drawn anew.
		j := i + random.IntN(len(r.order)-i)
		r.order[i], r.order[j] = r.order[j], r.order[i]
		if i > 0 {
			r.body = append(r.body, ',')
		}
		r.body = append(r.body, `{"id":"`...)
		r.body = r.key(r.body)
		r.body = append(r.body, `","userId":"`...)
		r.body = append(r.body, r.crowd.user(r.order[i])...)
		r.body = append(r.body, `","plan":"`+plan+`"}`...)
	}
	r.body = append(r.body, "]}"...)
	r.text = append(r.text[:0], r.heads[platform]...)
	r.text = strconv.AppendInt(r.text, int64(len(r.body)), 10)
	r.text = append(r.text, "\r\n\r\n"...)
	return append(r.text, r.body...)
}

// key adds a key that no request has had.
func (r *requests) key(text []byte) []byte {
	r.number++
	text = append(append(text, r.nonce...), '-')
	return strconv.AppendInt(text, int64(r.number), 10)
}

// failed is how much of a request was not answered with 200, and the answer to the last of that.
func (r *requests) failed(status int, answer []byte) (n int, example []byte) {
	if status != 200 || r.call != batched {
		return bit(status != 200), answer
	}
	n = itemsAtOnce
	for _, item := range bytes.Split(answer, []byte(`{"id":`))[1:] {
		if bytes.Contains(item, []byte(`"status":200,"success":true,"replayed":false`)) {
			n--
		} else {
			example = item
		}
	}
	return n, example
}

func bit(set bool) int {
	if set {
		return 1
	}
	return 0
}
