package main

import "syscall"

// dieWithParent has the kernel kill the process when we are gone, kill -9 included.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
