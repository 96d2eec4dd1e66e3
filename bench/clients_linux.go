package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// clients are the connections of a load. One thread serves them all, as each is ready, and does nothing that it need not do:
// the processor time that a load takes is missing to the servers that are measured.
type clients struct {
	list  []*client
	epoll int
}

// connect makes the connections, which live as long as the process.
func (l load) connect() (*clients, error) {
	addr, err := netip.ParseAddrPort(l.Addr)
	if err != nil {
		return nil, err
	}
	all := &clients{list: make([]*client, l.Connections)}
	if all.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	for i := range all.list {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		all.list[i] = &client{fd: fd, requests: newRequests(l.Call, l.Crowd)}
		if err := errors.Join(
			syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1),
			syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}),
			syscall.EpollCtl(all.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}),
		); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// longestAnswer is longer than any server of ours takes.
const longestAnswer = time.Minute

// drive has each client make the requests that next gives it, one when it has the answer to the last, until next gives it
// none.
func (all *clients) drive(next func(c *client, now time.Time) []byte) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	waiting := 0
	ask := func(c *client) error {
		now := time.Now()
		request := next(c, now)
		if request == nil {
			return nil
		}
		waiting, c.asked = waiting+1, now
		return c.send(request)
	}
	for _, c := range all.list {
		if err := ask(c); err != nil {
			return err
		}
	}
	ready := make([]syscall.EpollEvent, len(all.list))
	for waiting > 0 {
		n, err := syscall.EpollWait(all.epoll, ready, int(longestAnswer.Milliseconds()))
		if err == nil && n == 0 {
			return fmt.Errorf("%d requests have no answer after %v", waiting, longestAnswer)
		}
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return err
		}
		for _, event := range ready[:max(n, 0)] {
			c := all.list[event.Fd]
			switch answered, err := c.receive(); {
			case err != nil:
				return err
			case answered:
				waiting--
				if err := ask(c); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// send sends a request. It waits while the server does not read fast enough, which it does before it answers.
func (c *client) send(request []byte) error {
	for len(request) > 0 {
		n, err := syscall.Write(c.fd, request)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return err
		}
		request = request[max(n, 0):]
	}
	return nil
}

// receive reads what has come; answered is whether that was all of the answer.
func (c *client) receive() (answered bool, err error) {
	const atOnce = 16 << 10
	c.in = slices.Grow(c.in, atOnce)
	n, err := syscall.Read(c.fd, c.in[len(c.in):cap(c.in)])
	switch {
	case errors.Is(err, syscall.EINTR):
		return false, nil
	case err != nil:
		return false, err
	case n == 0:
		return false, io.ErrUnexpectedEOF
	}
	c.in = c.in[:len(c.in)+n]
	return c.read()
}
