package program

import "syscall"

// dieWithParent has the kernel kill the child with us. The child of a `dreamapi dev`, its PostgreSQL, then goes too.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
