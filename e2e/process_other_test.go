//go:build !linux

package e2e

import "syscall"

// dieWithParent does nothing: what a kill -9 of the tests leaves must be ended by hand.
func dieWithParent(*syscall.SysProcAttr) {}
